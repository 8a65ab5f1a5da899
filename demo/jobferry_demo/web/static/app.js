// The page without reloads. What there is to see comes from the device as HTML, whole each time; only
// what differs is changed here, so that a ring moves, a button keeps its focus and a picture stays.

const problem = document.getElementById("problem");
const mostOctets = Number(document.body.dataset.mostOctets);

document.documentElement.classList.add("scripted");

function complain(words) {
  problem.textContent = words;
}

// -- what there is to see

function morph(old, fresh) {
  if (old.nodeName !== fresh.nodeName) {
    old.replaceWith(fresh);
  } else if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
  } else if (old.nodeType === Node.ELEMENT_NODE) {
    morphAttributes(old, fresh);
    morphChildren(old, fresh);
  }
}

function morphAttributes(old, fresh) {
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
}

function morphChildren(old, fresh) {
  const known = new Map([...old.children].filter((c) => c.id).map((c) => [c.id, c]));
  let place = old.firstChild;
  for (const child of [...fresh.childNodes]) {
    const same = child.id ? known.get(child.id) : place?.id ? undefined : place;
    if (!same) {
      old.insertBefore(child, place);
    } else {
      if (same === place) place = place.nextSibling;
      else old.insertBefore(same, place);
      morph(same, child);
    }
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

function show(id, html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  morphChildren(document.getElementById(id), template.content);
}

let lost = false;
let events = null;

function listen() {
  events = new EventSource("/events");
  events.onmessage = ({ data }) => {
    if (lost) complain("");
    lost = false;
    for (const [id, html] of Object.entries(JSON.parse(data))) show(id, html);
  };
  events.onerror = () => {
    lost = true;
    complain("This page has lost its device: what you see may be old. It goes on once the device runs again.");
  };
}

// A browser opens six connections to a host and no more: a window that nobody sees gives its own to the others.
function hush() {
  if (events) events.close();
  events = null;
}

document.addEventListener("visibilitychange", () => (document.hidden ? hush() : events || listen()));
if (!document.hidden) listen();

// -- what a person sends

async function send(action, body) {
  complain("");
  document.body.classList.add("sending");
  try {
    const answer = await fetch(action, { method: "POST", body, redirect: "manual" });
    if (answer.type !== "opaqueredirect") complain(await answer.text());
    return answer.type === "opaqueredirect";
  } catch {
    complain("The device does not answer: is it still running?");
    return false;
  } finally {
    document.body.classList.remove("sending");
  }
}

async function sendFiles(files) {
  for (const file of files) {
    if (file.size > mostOctets) {
      complain(`“${file.name}” is too large: a file may have ${mostOctets / 1e6} MB.`);
      return;
    }
    const body = new FormData();
    body.append("file", file);
    if (!(await send("/files", body))) return;
  }
}

document.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  if (form.id === "files") {
    await sendFiles(form.elements.file.files);
    form.reset();
  } else if ((await send(form.action, new FormData(form, event.submitter))) && form.matches(".note")) {
    form.reset();
  }
});

document.getElementById("files").addEventListener("change", (event) => {
  event.currentTarget.requestSubmit();
});

// -- dropping: anywhere on the page, as one misses easily

let inside = 0;

function hover(steps) {
  inside = steps === 0 ? 0 : Math.max(0, inside + steps);
  document.body.classList.toggle("over", inside > 0);
}

document.addEventListener("dragenter", () => hover(1));
document.addEventListener("dragleave", () => hover(-1));
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  hover(0);
  sendFiles(event.dataTransfer.files);
});

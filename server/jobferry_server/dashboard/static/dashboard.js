// What the pages do beyond showing: keep up with changes unless told not to, choose jobs. keys.js has the keys.
"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const live = () => byId("live");
  const boxes = () => [...document.querySelectorAll('#live input[type="checkbox"][name="id"]')];
  const chosen = () => boxes().filter((box) => box.checked);

  // -- keeping up

  let paused = false;
  let missed = false;
  let state = "connecting";

  const WORDS = {
    connecting: "connecting",
    live: "live",
    held: "held while you choose",
    paused: "paused",
    lost: "not live: no connection, trying again",
    failing: "not live: the page could not be refreshed, trying again",
    out: "not live: you are logged out, load the page again",
  };
  const TROUBLE = ["lost", "failing", "out"];

  function show() {
    const lamp = byId("liveness");
    if (!lamp) return;
    const shown = TROUBLE.includes(state) ? state : paused ? "paused" : chosen().length ? "held" : state;
    if (lamp.dataset.state === shown) return;
    lamp.dataset.state = shown;
    byId("liveness-words").textContent = WORDS[shown];
  }

  function become(next) {
    state = next;
    show();
  }

  // Nobody's hand should find another row under it than the eye has seen.
  function busy() {
    const selection = document.getSelection();
    const reading = selection && !selection.isCollapsed && live() && live().contains(selection.anchorNode);
    return paused || document.hidden || reading || chosen().length > 0;
  }

  function refresh() {
    if (!live()) return;
    missed = busy();
    if (!missed) htmx.trigger(live(), "refresh");
  }

  // By its target: the element that asked has been swapped for another by the time a success is told.
  document.addEventListener("htmx:afterRequest", (event) => {
    if (!event.detail.target || event.detail.target.id !== "live") return;
    become(event.detail.successful ? "live" : event.detail.xhr.status === 401 ? "out" : "failing");
  });

  // The server says when something changed; changes.js hears it, for all windows together where the browser lets it.
  // A worker has a word more often than this. One that died says nothing of it.
  const DEAF = 45000;
  let worker;
  let hush = null;
  let deaf = 0;

  function expect() {
    clearTimeout(deaf);
    if (worker && hush) deaf = setTimeout(alone, DEAF);
  }

  function heard(word) {
    expect();
    if (word === "lost") return state !== "out" && become("lost");
    if (word === "open") become("live");
    refresh();
  }

  function alone() {
    stop();
    worker = null;
    listen();
  }

  function shared() {
    if (worker !== undefined || !("SharedWorker" in window)) return worker;
    try {
      worker = new SharedWorker(byId("changes").src);
      worker.port.onmessage = ({ data }) => heard(data);
      worker.onerror = alone;
    } catch {
      worker = null;
    }
    return worker;
  }

  function listen() {
    const path = document.body.dataset.changes;
    if (!live() || !path || hush || document.hidden) return;
    const port = shared()?.port;
    port?.postMessage({ seen: path });
    hush = port ? () => port.postMessage({}) : hear(path, heard);
    expect();
  }

  function stop() {
    clearTimeout(deaf);
    if (hush) hush();
    hush = null;
  }

  // What the reader has opened, moved or put the focus on stays so.
  const within = (choice) => [...live().querySelectorAll(choice)];
  const REACHED = "a, button, input, summary, [tabindex]";

  // What is told from one refresh to the next: where it stands, and what it leads to or says.
  function sign(one) {
    const row = one.closest("tr");
    const said = one.id || one.getAttribute("href") || one.getAttribute("aria-label") || one.value || one.textContent;
    return [row && row.querySelector("th").textContent, one.tagName, said].join("\n");
  }

  let kept = null;
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (!live() || event.detail.target !== live()) return;
    // What was asked for before somebody began to choose comes too late.
    if (busy()) {
      missed = true;
      event.detail.shouldSwap = false;
      return;
    }
    const focused = live().contains(document.activeElement) && document.activeElement;
    kept = {
      open: within("details[open]").map((one) => one.id),
      moved: within(".scroll, pre").map((one) => [one.scrollLeft, one.scrollTop]),
      focused: focused && sign(focused),
    };
  });
  document.addEventListener("htmx:afterSwap", () => {
    if (kept && live()) {
      kept.open.forEach((id) => byId(id) && byId(id).setAttribute("open", ""));
      within(".scroll, pre").forEach((one, number) => one.scrollTo(...(kept.moved[number] || [0, 0])));
      const focused = kept.focused && within(REACHED).find((one) => sign(one) === kept.focused);
      if (focused) focused.focus({ preventScroll: true });
      kept = null;
    }
    choose();
    say();
  });

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return stop();
    if (missed) refresh();
    listen();
  });
  window.addEventListener("pagehide", stop);
  window.addEventListener("pageshow", listen);

  // To those who listen: what the page counts, but not at every change.
  const SAID_APART = 15000;
  let saidAt = Date.now();
  function say() {
    const words = live() && live().querySelector("[data-says]");
    if (!words || Date.now() - saidAt < SAID_APART) return;
    saidAt = Date.now();
    if (byId("said").textContent !== words.dataset.says) byId("said").textContent = words.dataset.says;
  }

  // -- choosing jobs

  function choose() {
    const number = chosen().length;
    if (byId("chosen")) byId("chosen").textContent = number ? `${number} chosen` : "";
    if (byId("all")) {
      byId("all").checked = number > 0 && number === boxes().length;
      byId("all").indeterminate = number > 0 && number < boxes().length;
    }
    document.querySelectorAll("[data-needs-choice]").forEach((button) => (button.disabled = number === 0));
    show();
    if (number === 0 && missed) refresh();
  }

  document.addEventListener("change", (event) => {
    if (event.target.id === "all") boxes().forEach((box) => (box.checked = event.target.checked));
    choose();
  });
  document.addEventListener("click", (event) => {
    const asks = event.target.closest("[data-confirm]");
    if (asks && !window.confirm(asks.dataset.confirm.replace("#", chosen().length))) event.preventDefault();
  });

  document.addEventListener("DOMContentLoaded", () => {
    const button = byId("pause");
    if (button && live()) {
      button.hidden = false;
      button.addEventListener("click", () => {
        paused = !paused;
        button.setAttribute("aria-pressed", String(paused));
        button.textContent = paused ? "Go on" : "Pause";
        show();
        refresh();
      });
    } else if (byId("liveness")) {
      byId("liveness").hidden = true;
    }
    // What was done is said once, and is not in the address that somebody passes on.
    if (document.querySelector("[data-once]")) {
      const clean = new URL(location.href);
      ["did", "changed", "left"].forEach((name) => clean.searchParams.delete(name));
      history.replaceState(null, "", clean);
    }
    // On a narrow screen the list of pages is wider than that.
    document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
    choose();
    listen();
  });
})();

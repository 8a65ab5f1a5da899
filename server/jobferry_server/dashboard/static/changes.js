// One stream of changes for all windows of a browser. It opens six connections to a host and no more, over all of
// them: with a stream for each window, the seventh could not even be loaded.
//
// As a shared worker it serves whichever windows say that they are seen; a page takes the same by its tag, for a
// browser that has no such workers (it is a phone's, and shows one window at a time).
"use strict";

// The server has a word at least every five seconds. After so many milliseconds without one it is not there.
const SILENT = 20000;
// Where it has no place for one more stream, or is away, we look from time to time.
const LOOK_AGAIN = 5000;

// Call `tell` with "open", "changed", "lost", and "look" where nobody else will say that it is time to; what it
// returns ends it.
function hear(path, tell) {
  let stream = null;
  let timer = 0;

  function later(what, milliseconds) {
    clearTimeout(timer);
    timer = setTimeout(what, milliseconds);
  }

  function lose() {
    tell("lost");
    if (stream) stream.close();
    later(() => (tell("look"), open()), LOOK_AGAIN * (1 + Math.random()));
  }

  function open() {
    stream = new EventSource(path);
    stream.onopen = () => tell("open");
    stream.addEventListener("changed", () => (later(lose, SILENT), tell("changed")));
    stream.onerror = () => (stream.readyState === EventSource.CLOSED ? lose() : tell("lost"));
    later(lose, SILENT);
  }

  open();
  return () => {
    clearTimeout(timer);
    stream.close();
  };
}

if ("SharedWorkerGlobalScope" in self) {
  const windows = new Set();
  let state = "";
  let end = null;

  function tell(word) {
    if (word === "open" || word === "lost") state = word;
    windows.forEach((port) => port.postMessage(word));
  }

  function seen(port, path) {
    windows.add(port);
    if (!end) end = hear(path, tell);
    else if (state) port.postMessage(state);
  }

  function gone(port) {
    windows.delete(port);
    if (windows.size || !end) return;
    end();
    end = null;
    state = "";
  }

  self.onconnect = ({ ports: [port] }) => {
    port.onmessage = ({ data }) => (data.seen ? seen(port, data.seen) : gone(port));
  };
}

// What the pages do beyond showing: keep up with changes unless told not to, choose jobs, keys.
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
  };

  function show() {
    const lamp = byId("liveness");
    if (!lamp) return;
    const trouble = state === "lost" || state === "failing";
    const shown = trouble ? state : paused ? "paused" : chosen().length ? "held" : state;
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
    if (!live() || busy()) return;
    missed = false;
    htmx.trigger(live(), "refresh");
  }

  const ours = (event) => event.detail.elt && event.detail.elt.id === "live";

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (ours(event) && busy()) {
      missed = true;
      event.preventDefault();
    }
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (ours(event)) become(event.detail.successful ? "live" : "failing");
  });
  document.addEventListener("htmx:sseOpen", () => become("live"));
  document.addEventListener("htmx:sseError", () => become("lost"));

  // What the reader has opened or moved stays so.
  let kept = null;
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (!live() || event.detail.target !== live()) return;
    kept = {
      open: [...live().querySelectorAll("details[open]")].map((one) => one.id),
      moved: [...live().querySelectorAll(".scroll")].map((one) => one.scrollLeft),
      focused: [...live().querySelectorAll(".scroll")].indexOf(document.activeElement),
    };
  });
  document.addEventListener("htmx:afterSwap", () => {
    if (kept && live()) {
      kept.open.forEach((id) => byId(id) && byId(id).setAttribute("open", ""));
      live().querySelectorAll(".scroll").forEach((one, number) => {
        if (kept.moved[number]) one.scrollLeft = kept.moved[number];
        if (number === kept.focused) one.focus({ preventScroll: true });
      });
      kept = null;
    }
    choose();
    say();
  });

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && missed) refresh();
  });

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
    if (asks && !window.confirm(asks.dataset.confirm)) event.preventDefault();
  });

  // -- keys: / to the filter, j and k through the rows, p pauses

  const links = () => [...document.querySelectorAll("#live tbody tr")].map((row) => row.querySelector("th a")).filter(Boolean);

  function step(by) {
    const rows = links();
    if (!rows.length) return;
    const here = rows.findIndex((link) => link.closest("tr").contains(document.activeElement));
    rows[here < 0 ? 0 : Math.min(Math.max(here + by, 0), rows.length - 1)].focus();
  }

  const KEYS = {
    "/": () => document.querySelector(".filter input, .filter select")?.focus(),
    j: () => step(1),
    k: () => step(-1),
    p: () => byId("pause")?.click(),
  };

  document.addEventListener("keydown", (event) => {
    const writing = event.target.closest("input, select, textarea");
    if (writing || event.ctrlKey || event.metaKey || event.altKey || !KEYS[event.key]) return;
    event.preventDefault();
    KEYS[event.key]();
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
    choose();
  });
})();

// Keys: / to the filter, j and k through the rows, p pauses.
"use strict";
(() => {
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
    p: () => document.getElementById("pause")?.click(),
  };

  document.addEventListener("keydown", (event) => {
    const writing = event.target.closest("input, select, textarea");
    if (writing || event.ctrlKey || event.metaKey || event.altKey || !KEYS[event.key]) return;
    event.preventDefault();
    KEYS[event.key]();
  });
})();

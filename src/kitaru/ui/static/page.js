// Makes open pages follow what happens; without it everything works, a page must only be
// loaded anew.
"use strict";
(() => {
  const said = document.getElementById("said");
  const lost = document.getElementById("lost");
  const openNow = new Set();

  const state = () =>
    document.querySelector("[data-state]")?.getAttribute("data-state") ?? "";

  const follow = (address) => {
    const source = new EventSource(address);
    const look = () => window.htmx?.trigger(document.body, "changed");
    source.addEventListener("changed", look);
    source.addEventListener("state", () => {
      // Something may have happened between the page and now.
      if (lost) lost.hidden = true;
      look();
    });
    source.addEventListener("error", () => {
      if (lost && !document.hidden) lost.hidden = false;
    });
    window.addEventListener("pagehide", () => source.close());
  };

  let before = state();
  document.body.addEventListener("htmx:beforeSwap", (event) => {
    openNow.clear();
    for (const one of event.detail.target.querySelectorAll("details[open][id]")) {
      openNow.add(one.id);
    }
  });
  document.body.addEventListener("htmx:afterSwap", () => {
    for (const id of openNow) document.getElementById(id)?.setAttribute("open", "");
    const now = state();
    if (said && now !== before) said.textContent = now;
    before = now;
  });

  // j and k go through the rows, / to the first filter.
  const typing = (one) => one.closest("input, textarea, select, [contenteditable]");
  document.addEventListener("keydown", (event) => {
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
    if (!plain || typing(event.target)) return;
    if (event.key === "/") {
      const field = document.querySelector("[data-find]");
      if (field) {
        event.preventDefault();
        field.focus();
      }
      return;
    }
    if (event.key !== "j" && event.key !== "k") return;
    const links = [...document.querySelectorAll("[data-row]")]
      .map((row) => row.querySelector("a, input, button"))
      .filter(Boolean);
    if (!links.length) return;
    const at = links.findIndex((one) => one === document.activeElement);
    const next = event.key === "j" ? at + 1 : at < 0 ? 0 : at - 1;
    links[Math.min(Math.max(next, 0), links.length - 1)].focus();
  });

  const address = document.body.getAttribute("data-events");
  if (address) follow(address);
  // Where something is wrong is where to go on.
  document.querySelector("[aria-invalid]")?.focus();
})();

// How long somebody is in at the window, told before it ends. Touches are told to the server, so that
// whoever types for long is not cut off. A tablet of the practice's forgets by itself then; on a
// phone of their own what was typed stays on the page, and can be sent once they came in again.
"use strict";

(() => {
  const asks = document.getElementById("stay");
  if (!asks) return;
  const leaves = asks.dataset.over;
  const idle = Number(asks.dataset.idle) * 1000;
  // The server may have heard last half a minute before this page came.
  const asksAfter = idle - (leaves ? 30_000 : 90_000);
  const before = leaves ? 30_000 : 60_000;
  const often = leaves ? 20_000 : 60_000;
  const begun = Date.now();
  const ends = begun + Number(asks.dataset.left) * 1000;
  let told = begun;
  let touched = begun;
  let gone = false;

  let shown;
  const show = (when) => {
    if (when === shown) return;
    shown = when;
    for (const words of asks.querySelectorAll("[data-when]")) words.hidden = words.dataset.when !== when;
    asks.hidden = !when;
  };
  const over = () => {
    if (leaves) return location.replace(leaves);
    gone = true;
    show("over");
  };
  const tell = () => {
    told = Date.now();
    return fetch("/window/here", { method: "POST", redirect: "manual" }).then((answer) => answer.ok || over(), () => {});
  };
  const touch = (event) => {
    // What is pressed in the notice counts when it was pressed: nothing under it is.
    if (gone || (event.type === "pointerdown" && asks.contains(event.target))) return;
    touched = Date.now();
    // Until the server said no, they are there; it may have heard of them in another tab.
    if (touched - told >= often || shown === "soon") tell();
    if (touched < ends - before) show();
  };
  for (const kind of ["pointerdown", "click", "keydown", "input", "scroll"]) addEventListener(kind, touch, { passive: true });

  setInterval(() => {
    const now = Date.now();
    if (gone) return;
    if (now >= ends || (leaves && now - touched >= idle)) over();
    // Five seconds later the server knows, too: another tab may have been used meanwhile.
    else if (now - told >= idle + 5_000) tell().then(() => gone || show());
    else if (now >= ends - before) show("last");
    else if (now - (leaves ? touched : told) >= asksAfter) show("soon");
  }, 1_000);

  // A page that comes back from the browser's memory is of somebody else, or of another day.
  addEventListener("pageshow", (event) => event.persisted && (leaves ? over() : tell()));
})();

// A tablet in a patient's hands: it forgets by itself when nobody has touched it for two minutes, and
// asks half a minute before. What the server knows of touches is told to it, so that somebody who
// types for long is not cut off.
"use strict";

(() => {
  const asks = document.getElementById("tablet");
  if (!asks) return;
  const longest = Number(asks.dataset.seconds) * 1000;
  const over = () => location.replace("/window/tablet/over");
  let touched = Date.now();
  let told = touched;

  const touch = () => {
    touched = Date.now();
    asks.hidden = true;
    if (touched - told < 20_000) return;
    told = touched;
    fetch("/window/tablet/here", { method: "POST", redirect: "manual" }).then((answer) => answer.ok || over(), () => {});
  };
  for (const kind of ["pointerdown", "keydown", "input", "scroll"]) addEventListener(kind, touch, { passive: true });

  setInterval(() => {
    const idle = Date.now() - touched;
    if (idle >= longest) over();
    else if (idle >= longest - 30_000) asks.hidden = false;
  }, 1_000);

  // A page that comes back from the browser's memory is of somebody else.
  addEventListener("pageshow", (event) => event.persisted && over());
})();

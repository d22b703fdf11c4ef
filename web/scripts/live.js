// Live news without moving anything under the pointer: while someone reads or has the focus in a
// list, an update waits behind a quiet bar; otherwise it is taken in at once.
"use strict";

(() => {
  const news = document.getElementById("news");
  const board = () => document.getElementById("board");
  let held = false;

  const reading = () =>
    board().querySelector("tbody tr:hover, :focus-visible") !== null;

  const hold = (yes) => {
    held = yes;
    news.hidden = !yes;
  };

  document.addEventListener("htmx:sse:before:message", (event) => {
    if (reading()) {
      event.preventDefault();
      hold(true);
    } else {
      hold(false);
    }
  });

  const take = () => {
    if (!held) return;
    hold(false);
    htmx.trigger(board(), "sotto:refresh");
  };

  news.querySelector("button").addEventListener("click", () => {
    take();
    board().focus();
  });
})();

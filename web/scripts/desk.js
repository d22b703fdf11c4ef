// Keys for everything on the desk. A page says what a key does with data-key: a link is followed, a
// button pressed, a form that is folded up is opened, a field focused. Lists say data-rows and
// data-row. Inside a field keys are letters.
"use strict";

(() => {
  const typing = (element) =>
    element.closest("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]") !== null;
  const visible = (element) => element.checkVisibility?.() ?? element.offsetParent !== null;
  const find = (key) =>
    [...document.querySelectorAll("[data-key]")].find((it) => it.dataset.key === key && visible(it));
  const rows = () => [...document.querySelectorAll("[data-rows] [data-row]")].filter(visible);
  const here = () => {
    const all = rows();
    const focused = all.indexOf(document.activeElement);
    return focused >= 0 ? focused : all.findIndex((row) => row.getAttribute("aria-current") !== null);
  };

  const unfold = (details) => {
    details.open = true;
    details.scrollIntoView({ block: "nearest" });
    const field = details.querySelector(
      "input:checked, input:not([type=hidden]), select, textarea, button",
    );
    (field ?? details.querySelector("summary")).focus();
  };

  const use = (element) => {
    if (element instanceof HTMLDetailsElement) unfold(element);
    else if (element instanceof HTMLAnchorElement || element instanceof HTMLButtonElement) element.click();
    else element.focus();
  };

  const move = (by) => {
    const all = rows();
    if (all.length === 0) return;
    const at = here();
    const to = at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1);
    all[to].focus();
    all[to].scrollIntoView({ block: "nearest" });
  };

  // In a list, what a key does to a conversation is done on its page.
  const DEEDS = { a: "do-assign", e: "do-close", s: "do-snooze", n: "do-note", r: "compose" };
  const inList = (key) => {
    const row = document.activeElement?.closest?.("[data-row]");
    if (!row || !(key in DEEDS) || !row.pathname?.startsWith("/inbox/")) return false;
    location.href = `${row.href}#${DEEDS[key]}`;
    return true;
  };

  const escape = () => {
    const focused = document.activeElement;
    const open = focused?.closest("details[open]");
    if (open) {
      open.open = false;
      open.querySelector("summary").focus();
    } else if (typing(focused)) {
      focused.blur();
    } else {
      // On a wide page the list is beside the conversation, and the link to it is hidden.
      document.querySelector("[data-key=Escape]")?.click();
    }
  };

  const reply = () => {
    const field = document.querySelector("#compose textarea, #compose input:not([type=hidden])");
    const link = document.querySelector("#compose a");
    if (field) field.focus();
    else link?.click();
  };

  let going = false;
  const press = (key) => {
    if (going) {
      going = false;
      const to = find(`g ${key}`);
      if (to) use(to);
      return true;
    }
    const own = find(key);
    if (key === "g") going = true;
    else if (key === "j" || key === "ArrowDown") move(1);
    else if (key === "k" || key === "ArrowUp") move(-1);
    else if (key === "?") document.getElementById("keys")?.showModal();
    else if (inList(key)) return true;
    else if (key === "r") reply();
    else if (own) use(own);
    else if ((key === "c" || key === "/") && find("g p")) use(find("g p"));
    else return false;
    return true;
  };

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (document.querySelector("dialog[open]")) return;
    if (event.key === "Escape") {
      escape();
      return;
    }
    if (typing(event.target) || (event.key.startsWith("Arrow") && !document.activeElement?.matches("[data-row]"))) return;
    if (press(event.key)) event.preventDefault();
  });

  // On a page without the line at the top an emergency is shown all the same. A stream, not a
  // question now and then: asking would keep the session of somebody who left from locking.
  const rail = document.querySelector(".rail");
  if (!document.getElementById("strip") && rail?.querySelector("a[href='/inbox']")) {
    const bar = document.createElement("div");
    rail.after(bar);
    const stream = new EventSource("/inbox/live");
    stream.addEventListener("message", ({ data }) => {
      bar.innerHTML = data.includes("alarm-line") ? data : "";
    });
    addEventListener("pagehide", () => stream.close());
  }

  const arrive = () => {
    const named = location.hash.length > 1 ? document.getElementById(location.hash.slice(1)) : null;
    if (named instanceof HTMLDetailsElement) unfold(named);
    else if (named?.id === "compose") reply();
    else {
      // The newest stands at the bottom.
      document.querySelector(".said-list > :last-child")?.scrollIntoView({ block: "nearest" });
    }
  };
  arrive();
})();

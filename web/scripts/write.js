// Beside the words: takes the safe wording, moves to the portal, and keeps or discards the draft
// without leaving the page. Each is a button of the form and works without this, by loading the page again.
"use strict";

(() => {
  const form = () => document.getElementById("write");
  const fresh = (field) => field.dispatchEvent(new Event("input", { bubbles: true }));

  // What a template says is not typed: its words stand in "How it reads".
  const fit = () => {
    const typed = form()?.elements.template.value === "";
    for (const name of ["words", "about"]) {
      const field = form()?.querySelector(name === "words" ? ".words" : "#about")?.closest("p");
      if (field) field.hidden = !typed;
    }
    const subject = form()?.querySelector(".subject");
    if (subject) {
      const way = form().elements.channel?.value;
      const mail = form().querySelector(".ways .taken")?.dataset.word === "email";
      subject.hidden = !(typed && (way === "email" || (way === "auto" && mail)));
    }
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("#write button");
    if (!button) return;
    if (button.name === "take") {
      event.preventDefault();
      form().elements.body.value = button.value;
      fresh(form().elements.body);
      form().elements.body.focus();
    } else if (button.value === "portal") {
      event.preventDefault();
      form().querySelector("input[name=channel][value=portal]").checked = true;
      fresh(form().elements.body);
    } else if (button.value === "keep" || button.value === "discard") {
      event.preventDefault();
      if (button.value === "discard") {
        form().elements.template.value = "";
        form().elements.body.value = form().elements.subject.value = "";
        fit();
        fresh(form().elements.body);
        form().elements.body.focus();
      }
      document.getElementById("draft").dispatchEvent(new Event("keep"));
    } else if (button.value === "look") {
      event.preventDefault();
      fresh(form().elements.body);
    }
  });

  // Alt with the key works inside the words, the key alone outside of them.
  document.addEventListener("keydown", (event) => {
    if (!form() || event.ctrlKey || event.metaKey || event.defaultPrevented) return;
    const inWords = event.target.closest("input:not([type=radio]), textarea, select");
    if (inWords && !event.altKey) return;
    const button = form().querySelector(`button[data-key="${CSS.escape(event.key)}"]`);
    if (button) {
      event.preventDefault();
      button.click();
    }
  });

  document.addEventListener("change", fit);
  document.addEventListener("htmx:after:swap", fit);
  document.addEventListener("htmx:after:settle", fit);
  fit();
})();

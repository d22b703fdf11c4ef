// Passkeys: the one thing that needs a script. A form with data-passkey shows itself where the
// browser knows passkeys and the page is where they belong (data-at), asks the server what to do, and
// sends the browser's answer as a form. What it says stands in the page, in its language; what stands
// there for browsers without passkeys goes.
"use strict";

(() => {
  if (!window.PublicKeyCredential || !navigator.credentials) return;

  const bytes = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  const asked = ({ publicKey }) => {
    publicKey.challenge = bytes(publicKey.challenge);
    if (publicKey.user) publicKey.user.id = bytes(publicKey.user.id);
    for (const key of [...(publicKey.excludeCredentials ?? []), ...(publicKey.allowCredentials ?? [])]) key.id = bytes(key.id);
    return { publicKey };
  };

  const answered = (credential) => {
    const response = {};
    for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (credential.response[name]) response[name] = text(credential.response[name]);
    }
    if (credential.response.getTransports) response.transports = credential.response.getTransports();
    return { id: credential.id, rawId: text(credential.rawId), type: credential.type, response, extensions: {} };
  };

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    if (form.dataset.at && form.dataset.at !== location.origin) continue;
    const failed = form.dataset.failed ?? "That didn’t work. Load the page again and try once more.";
    const none = form.dataset.none ?? "No passkey was given. Try again, or choose another way.";
    const said = form.querySelector("[role=alert]");
    const button = form.querySelector("button");
    // A button that is disabled loses the focus: where nothing came of it, it gets it back.
    const say = (words) => {
      said.textContent = words;
      said.hidden = false;
      button.disabled = false;
      button.focus();
    };
    form.hidden = false;
    for (const other of document.querySelectorAll("[data-without-passkeys]")) other.hidden = true;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      button.disabled = true;
      said.hidden = true;
      try {
        const answer = await fetch(form.dataset.ask, { method: "POST", headers: { accept: "application/json" } });
        if (answer.status === 401 && form.dataset.again) return void location.assign(form.dataset.again);
        if (answer.redirected) return void location.assign(answer.url);
        if (!answer.ok) return say(failed);
        const { ceremony, options } = await answer.json();
        const credential = await navigator.credentials[form.dataset.passkey](asked(options));
        form.elements.namedItem("ceremony").value = ceremony;
        form.elements.namedItem("credential").value = JSON.stringify(answered(credential));
        form.submit();
      } catch (error) {
        say((error.name === "InvalidStateError" && form.dataset.there) || none);
      } finally {
        button.disabled = false;
      }
    });
  }
})();

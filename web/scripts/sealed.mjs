// The sealed mode (docs/sealed.md): words are sealed here, in the browser, and opened here. The server
// gets envelopes. RFC 9180 with DHKEM(P-256, HKDF-SHA256), HKDF-SHA256 and AES-256-GCM, in base mode,
// on what every browser has (WebCrypto); web/tests/seals holds it against the RFC's own vectors.

const subtle = globalThis.crypto?.subtle;
const utf8 = (text) => new TextEncoder().encode(text);
const joined = (...parts) => {
  const bytes = parts.map((part) => (typeof part === "string" ? utf8(part) : new Uint8Array(part)));
  const out = new Uint8Array(bytes.reduce((sum, one) => sum + one.length, 0));
  bytes.reduce((at, one) => (out.set(one, at), at + one.length), 0);
  return out;
};
export const toText = (bytes) =>
  btoa(Array.from(new Uint8Array(bytes), (byte) => String.fromCharCode(byte)).join(""))
    .replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
export const toBytes = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
const hex = (bytes) => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
export const fingerprint = async (key) => hex(await subtle.digest("SHA-256", key));

// ── RFC 9180, section 4: HKDF with labels. Extract is HMAC; no output is longer than one hash.
const mac = async (key, data) => {
  const hmac = { name: "HMAC", hash: "SHA-256" };
  // An empty salt is as many zeros as the hash is long (RFC 5869, 2.2).
  const made = await subtle.importKey("raw", key.length ? key : new Uint8Array(32), hmac, false, ["sign"]);
  return new Uint8Array(await subtle.sign("HMAC", made, data));
};
const extract = (suite, salt, label, input) => mac(salt, joined("HPKE-v1", suite, label, input));
const expand = async (suite, key, label, info, length) =>
  (await mac(key, joined([0, length], "HPKE-v1", suite, label, info, [1]))).slice(0, length);

// ── section 4.1: the shared secret of an agreement.
const KEM = joined("KEM", [0, 0x10]);
const curve = { name: "ECDH", namedCurve: "P-256" };
const publicKey = (bytes) => subtle.importKey("raw", bytes, curve, true, []);
const sharedSecret = async (mine, theirs, enc, readers) => {
  const dh = await subtle.deriveBits({ name: "ECDH", public: theirs }, mine, 256);
  const secret = await extract(KEM, new Uint8Array(), "eae_prk", dh);
  return expand(KEM, secret, "shared_secret", joined(enc, readers), 32);
};

// ── section 5.1: key and nonce. `aead` is 2, AES-256-GCM; 1, AES-128-GCM, is for the tests' vectors.
const schedule = async (shared, info, aead) => {
  const suite = joined("HPKE", [0, 0x10, 0, 1, 0, aead]);
  const none = new Uint8Array();
  const context = joined(
    [0],
    await extract(suite, none, "psk_id_hash", none),
    await extract(suite, none, "info_hash", info),
  );
  const secret = await extract(suite, shared, "secret", none);
  const key = await expand(suite, secret, "key", context, aead === 2 ? 32 : 16);
  return { key, nonce: await expand(suite, secret, "base_nonce", context, 12) };
};
const gcm = async (deed, key, nonce, aad, data) => {
  const made = await subtle.importKey("raw", key, "AES-GCM", false, [deed]);
  return new Uint8Array(await subtle[deed]({ name: "AES-GCM", iv: nonce, additionalData: aad }, made, data));
};

// ── section 6.1: one message to one reader. Only tests name the passing key pair.
export const sealTo = async (reader, info, aad, words, { aead = 2, passing } = {}) => {
  const pair = passing ?? (await subtle.generateKey(curve, false, ["deriveBits"]));
  const enc = new Uint8Array(await subtle.exportKey("raw", pair.publicKey));
  const shared = await sharedSecret(pair.privateKey, await publicKey(reader), enc, reader);
  const { key, nonce } = await schedule(shared, info, aead);
  return { enc, ct: await gcm("encrypt", key, nonce, aad, words) };
};
export const openFrom = async (pair, enc, info, aad, ct, { aead = 2 } = {}) => {
  const shared = await sharedSecret(pair.privateKey, await publicKey(enc), enc, pair.bytes);
  const { key, nonce } = await schedule(shared, info, aead);
  return gcm("decrypt", key, nonce, aad, ct);
};

// ── The envelope: the form that the server checks (crates/sotto/src/sealed/envelope.rs).
const INFO = utf8("sotto sealed key 1");
const BLOCK = 256;
const bound = ({ v, thread, id, from, at, to }) =>
  utf8([`sotto sealed ${v}`, thread, id, from, at, ...to.map((one) => one.key)].join("\n"));
// Filled up with 0x80 and zeros, so that the length of the words says little.
const filled = (words) => {
  const bytes = utf8(words);
  const out = new Uint8Array((Math.floor(bytes.length / BLOCK) + 1) * BLOCK);
  out.set(bytes);
  out[bytes.length] = 0x80;
  return out;
};
const unfilled = (bytes) => {
  let end = bytes.length - 1;
  while (end >= 0 && bytes[end] === 0) end -= 1;
  if (bytes[end] !== 0x80) throw new Error("not filled up as it must be");
  return new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, end));
};

// `readers`: the public keys of the member of staff, the patient and the recovery key, in this order.
export const makeEnvelope = async ({ thread, from, at, readers }, words) => {
  const names = await Promise.all(readers.map(fingerprint));
  const head = { v: 1, thread, id: crypto.randomUUID(), from: await fingerprint(from), at, to: names.map((key) => ({ key })) };
  const aad = bound(head);
  const key = crypto.getRandomValues(new Uint8Array(32));
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const to = await Promise.all(readers.map(async (reader, nth) => {
    const { enc, ct } = await sealTo(reader, INFO, aad, key);
    return { key: names[nth], enc: toText(enc), ct: toText(ct) };
  }));
  const ct = await gcm("encrypt", key, iv, aad, filled(words));
  key.fill(0);
  return JSON.stringify({ ...head, to, iv: toText(iv), ct: toText(ct) });
};
// Null where it was not sealed to this browser; throws where it was changed.
export const openEnvelope = async (pair, thread, text) => {
  const envelope = JSON.parse(text);
  const mine = await fingerprint(pair.bytes);
  const sealed = envelope.to.find((one) => one.key === mine);
  if (!sealed) return null;
  if (envelope.v !== 1 || envelope.thread !== thread) throw new Error("of another conversation");
  const aad = bound(envelope);
  const key = await openFrom(pair, toBytes(sealed.enc), INFO, aad, toBytes(sealed.ct));
  return unfilled(await gcm("decrypt", key, toBytes(envelope.iv), aad, toBytes(envelope.ct)));
};

// Thirty digits that both sides see when both seal to the same three keys.
export const safetyNumber = async (readers) => {
  const view = new DataView(await subtle.digest("SHA-256", joined("sotto sealed number 1", ...readers)));
  return [0, 4, 8, 12, 16, 20].map((at) => String(view.getUint32(at) % 100_000).padStart(5, "0")).join(" ");
};

// ── What this browser keeps: its key pair, whose private half cannot be taken out of it, and which
// keys a conversation had when it was last looked at.
const kept = (store, mode, deed) => new Promise((resolve, reject) => {
  const open = indexedDB.open("sotto-sealed", 1);
  open.onupgradeneeded = () => ["keys", "known"].forEach((name) => open.result.createObjectStore(name));
  open.onerror = () => reject(open.error);
  open.onsuccess = () => {
    const asked = deed(open.result.transaction(store, mode).objectStore(store));
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
    asked.transaction.oncomplete = () => open.result.close();
  };
});
const get = (store, name) => kept(store, "readonly", (all) => all.get(name));
const put = (store, name, value) => kept(store, "readwrite", (all) => all.put(value, name));

const newPair = async () => {
  const { privateKey, publicKey: half } = await subtle.generateKey(curve, false, ["deriveBits"]);
  return { privateKey, bytes: new Uint8Array(await subtle.exportKey("raw", half)) };
};

// ── The page. Each state has its part in the HTML, in the reader's language; this shows the right one.
const begin = async (page) => {
  const all = (name) => page.querySelectorAll(`[${name}]`);
  const show = (state) => all("data-when").forEach((part) => {
    part.hidden = !part.dataset.when.split(" ").includes(state);
  });
  const wrong = (what) => all("data-wrong").forEach((part) => (part.hidden = part.dataset.wrong !== what));
  const { holder, thread, side, now, here } = page.dataset;
  const opened = Date.now();
  if (!subtle || !globalThis.indexedDB) return show("unable");

  let pair = await get("keys", holder);
  const [staff, patient, recovery] = ["staff", "patient", "recovery"].map((name) => toBytes(page.dataset[name] ?? ""));
  const mine = side === "staff" ? staff : patient;
  const readers = [staff, patient, recovery];

  page.querySelector("form[data-register]")?.addEventListener("submit", async (event) => {
    event.preventDefault();
    pair ??= await newPair();
    await put("keys", holder, pair);
    // Asked for, so that the browser does not clear it away; it may say no.
    await navigator.storage?.persist?.();
    event.target.elements.namedItem("public_key").value = toText(pair.bytes);
    event.target.submit();
  });

  // What was sealed to this browser can be read, whatever else has changed.
  for (const part of all("data-envelope")) {
    const words = pair && (await openEnvelope(pair, thread, part.dataset.envelope).catch(() => undefined));
    const out = part.querySelector("[data-words]");
    if (typeof words === "string") out.textContent = words;
    else if (words === undefined && pair) out.textContent = page.dataset.altered;
    else out.textContent = page.dataset.closed;
  }

  if (!mine.length) return show("new");
  if (!pair || toText(pair.bytes) !== toText(mine)) return show("other");
  if (!thread) return show("start");
  if (here === "no") return show("gone");
  if (readers.some((key) => !key.length)) return show("waiting");

  const number = await safetyNumber(readers);
  all("data-number").forEach((part) => (part.textContent = number));
  const before = await get("known", thread);
  if (before === undefined) await put("known", thread, number);
  show(before === undefined || before === number ? "ready" : "changed");
  page.querySelector("button[data-compared]")?.addEventListener("click", async () => {
    await put("known", thread, number);
    show("ready");
    page.querySelector("textarea")?.focus();
  });

  // What was sealed and perhaps not taken: sent once more as it is, it is the same message.
  let ready;
  const form = page.querySelector("form[data-write]");
  form?.addEventListener("submit", async (event) => {
    event.preventDefault();
    const box = form.querySelector("textarea");
    const button = form.querySelector("button");
    const words = box.value.trim();
    if (!words) return wrong("empty");
    button.disabled = true;
    wrong("");
    try {
      // The server's time, and what has passed since: this device's own clock may be wrong.
      const at = Number(now) + (Date.now() - opened);
      if (ready?.words !== words) {
        ready = { words, body: await makeEnvelope({ thread, from: mine, at, readers }, words) };
      }
      const headers = { "content-type": "application/json", accept: "application/json" };
      const answer = await fetch(form.action, { method: "POST", body: ready.body, headers, redirect: "manual" });
      if (answer.status === 201) {
        box.value = "";
        return void location.reload();
      }
      ready = undefined;
      wrong({ 409: "keys", 413: "long", 422: "late", 0: "out", 401: "out" }[answer.status] ?? "failed");
    } catch {
      wrong("failed");
    } finally {
      button.disabled = false;
    }
  });
};

const page = globalThis.document?.querySelector("[data-sealed]");
if (page) {
  begin(page).catch(() => page.querySelectorAll("[data-when]").forEach((part) => {
    part.hidden = !part.dataset.when.split(" ").includes("unable");
  }));
}

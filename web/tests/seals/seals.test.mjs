// The browser's own sealing, by Node's WebCrypto: RFC 9180's published vectors, and the envelope.
import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fingerprint, makeEnvelope, openEnvelope, openFrom, safetyNumber, sealTo, toBytes, toText } from "../../scripts/sealed.mjs";

// github.com/cfrg/draft-irtf-cfrg-hpke, commit 5f503c5, as RFC 9180 names it: base mode, DHKEM(P-256,
// HKDF-SHA256), HKDF-SHA256, AES-128-GCM (RFC 9180, A.3.1) and AES-256-GCM; the first encryption.
const vectors = JSON.parse(readFileSync(new URL("rfc9180.json", import.meta.url)));
const bytes = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (two) => parseInt(two, 16));
const curve = { name: "ECDH", namedCurve: "P-256" };

// A key pair as WebCrypto has it: the halves of the vector.
const pairOf = async (secret, point) => {
  const half = bytes(point);
  const [x, y, d] = [half.subarray(1, 33), half.subarray(33), bytes(secret)].map(toText);
  const jwk = { kty: "EC", crv: "P-256", x, y };
  return {
    privateKey: await crypto.subtle.importKey("jwk", { ...jwk, d }, curve, false, ["deriveBits"]),
    publicKey: await crypto.subtle.importKey("jwk", jwk, curve, true, []),
    bytes: half,
  };
};
const newPair = async () => {
  const pair = await crypto.subtle.generateKey(curve, false, ["deriveBits"]);
  return { ...pair, bytes: new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey)) };
};

for (const vector of vectors) {
  test(`RFC 9180, AEAD ${vector.aead_id}: sealed and opened byte for byte`, async () => {
    const [{ aad, ct, pt }] = vector.encryptions;
    const options = { aead: vector.aead_id, passing: await pairOf(vector.skEm, vector.enc) };
    const sealed = await sealTo(bytes(vector.pkRm), bytes(vector.info), bytes(aad), bytes(pt), options);
    assert.deepEqual(sealed.enc, bytes(vector.enc));
    assert.deepEqual(sealed.ct, bytes(ct));
    const reader = await pairOf(vector.skRm, vector.pkRm);
    const open = (enc, info, more, text) => openFrom(reader, enc, info, more, text, options);
    assert.deepEqual(await open(bytes(vector.enc), bytes(vector.info), bytes(aad), bytes(ct)), bytes(pt));
    await assert.rejects(open(bytes(vector.enc), bytes(vector.info), bytes("00"), bytes(ct)));
    await assert.rejects(open(bytes(vector.enc), bytes("00"), bytes(aad), bytes(ct)));
  });
}

test("both suites of the vectors are there", () => {
  assert.deepEqual(vectors.map((one) => one.aead_id), [1, 2]);
});

const thread = "01890000-0000-7000-8000-000000000001";
const three = async () => {
  const pairs = [await newPair(), await newPair(), await newPair()];
  return { pairs, readers: pairs.map((pair) => pair.bytes) };
};

test("an envelope is opened by each of the three, and by nobody else", async () => {
  const { pairs, readers } = await three();
  for (const words of ["", "Sí, mañana.", "x".repeat(255), "x".repeat(256), "ends in\u0000\u0000", "😀".repeat(2000)]) {
    const text = await makeEnvelope({ thread, from: readers[0], at: 1_800_000_000_000, readers }, words);
    for (const pair of pairs) assert.equal(await openEnvelope(pair, thread, text), words);
    assert.equal(await openEnvelope(await newPair(), thread, text), null);
    const { ct, to, from } = JSON.parse(text);
    assert.equal((toBytes(ct).length - 16) % 256, 0, "filled up");
    assert.deepEqual(to.map((one) => one.key), await Promise.all(readers.map(fingerprint)));
    assert.equal(from, to[0].key);
    assert.ok(text.length <= 24 * 1024, `${text.length} bytes`);
  }
});

test("nothing of an envelope can be changed, and none is taken for another's", async () => {
  const { pairs, readers } = await three();
  const text = await makeEnvelope({ thread, from: readers[0], at: 1_800_000_000_000, readers }, "Words");
  const other = await makeEnvelope({ thread, from: readers[0], at: 1_800_000_000_000, readers }, "Words");
  const envelope = JSON.parse(text);
  assert.notEqual(envelope.id, JSON.parse(other).id);
  const elsewhere = thread.replace("1", "2");
  const changes = [
    { id: JSON.parse(other).id },
    { at: envelope.at + 1 },
    { from: envelope.to[1].key },
    { to: [envelope.to[0], envelope.to[2], envelope.to[1]] },
    { iv: JSON.parse(other).iv },
    { ct: JSON.parse(other).ct },
    { to: [{ ...envelope.to[0], ct: JSON.parse(other).to[0].ct }, envelope.to[1], envelope.to[2]] },
    { v: 2 },
  ];
  for (const change of changes) {
    const changed = JSON.stringify({ ...envelope, ...change });
    await assert.rejects(openEnvelope(pairs[0], thread, changed), undefined, JSON.stringify(Object.keys(change)));
  }
  await assert.rejects(openEnvelope(pairs[0], elsewhere, text));
  await assert.rejects(openEnvelope(pairs[0], elsewhere, JSON.stringify({ ...envelope, thread: elsewhere })));
  assert.equal(await openEnvelope(pairs[0], thread, text), "Words");
});

test("the number is the same on both sides, and another with any other key", async () => {
  const { readers } = await three();
  const number = await safetyNumber(readers);
  assert.match(number, /^(\d{5} ){5}\d{5}$/);
  assert.equal(await safetyNumber(readers), number);
  const { bytes: stranger } = await newPair();
  for (const nth of [0, 1, 2]) {
    assert.notEqual(await safetyNumber(readers.with(nth, stranger)), number);
  }
});

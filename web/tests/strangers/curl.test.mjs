// The API by curl, as somebody else's program would call it.
import { strict as assert } from "node:assert";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { agreement, practice } from "./practice.mjs";

const run = promisify(execFile);
let house, patient;

before(async () => {
  // Nobody answers on this port: what is accepted waits, which is all these tests need.
  house = await practice("curl", ({ file }) => `
[sms_smpp]
host = "127.0.0.1"
port = 9
tls = "none"
system_id = "practice"
password_file = "${file("smpp.pw", "pw")}"
sender = "+16175550100"
${agreement("sms_smpp")}`);
  patient = await house.patient("A1");
  assert.equal((await house.consent(patient, "sms", "+12025550101")).status, 201);
});

after(() => house?.stop());

const curl = async (path, { token = house.token } = {}) => {
  const args = token ? ["-H", `authorization: Bearer ${token}`] : [];
  const { stdout } = await run("curl", ["-sS", "-i", ...args, `${house.base}${path}`], { maxBuffer: 4 << 20 });
  return parse(stdout);
};

// execFile has no input of its own: curl reads the body from a child's standard input.
const post = (path, body, { headers = {}, token = house.token } = {}) =>
  new Promise((resolve, reject) => {
    const all = { "content-type": "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}), ...headers };
    const child = execFile("curl", ["-sS", "-i", ...Object.entries(all).flatMap(([k, v]) => ["-H", `${k}: ${v}`]), "--data-binary", "@-", `${house.base}${path}`],
      { maxBuffer: 4 << 20 }, (error, stdout) => (error && !stdout ? reject(error) : resolve(parse(stdout))));
    child.stdin.on("error", () => {});
    child.stdin.end(body);
  });

const parse = (text) => {
  let [head, ...rest] = text.split("\r\n\r\n");
  if (/^HTTP\/1.1 100/.test(head)) [head, ...rest] = rest;
  const headers = Object.fromEntries(head.split("\r\n").slice(1).map((line) => [line.split(":")[0].toLowerCase(), line.slice(line.indexOf(":") + 2)]));
  const raw = rest.join("\r\n\r\n");
  return { status: Number(head.split(" ")[1]), headers, raw, body: raw && /json/.test(headers["content-type"]) ? JSON.parse(raw) : raw };
};

const good = () => JSON.stringify({ patient, purpose: "treatment", channel: "sms", template: "visit_callback" });

test("202 with an id, a state and the clearance", async () => {
  const { status, body } = await post("/api/v1/messages", good());
  assert.equal(status, 202, JSON.stringify(body));
  assert.deepEqual(Object.keys(body).slice(0, 3), ["id", "state", "clearance"]);
  assert.equal(body.state, "queued");
  const { body: shown } = await curl(`/api/v1/messages/${body.id}`);
  assert.equal(shown.clearance, body.clearance);
  assert.equal(JSON.stringify(shown).includes("Maria"), false);
});

test("401, the same for no token, a wrong one and one of another kind", async () => {
  const answers = [];
  for (const headers of [{}, { authorization: "Bearer sotto_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" }, { authorization: "Basic c290dG86c290dG8=" }]) {
    const { status, raw, headers: got } = await post("/api/v1/messages", good(), { token: null, headers });
    assert.equal(status, 401);
    assert.equal(got["www-authenticate"], "Bearer");
    assert.equal(got["content-type"], "application/problem+json");
    answers.push(raw);
  }
  assert.equal(new Set(answers).size, 1);
});

test("422 with refusals: code, reason and remedy", async () => {
  const other = await house.patient("A2");
  const { status, headers, body } = await post("/api/v1/messages", JSON.stringify({ patient: other, purpose: "treatment", channel: "sms", template: "visit_callback" }));
  assert.equal(status, 422, JSON.stringify(body));
  assert.equal(headers["content-type"], "application/problem+json");
  assert.ok(body.refusals.some(({ code }) => code === "E_CONSENT_MISSING"), JSON.stringify(body));
  for (const line of body.refusals) assert.deepEqual(Object.keys(line), ["code", "because", "remedy"]);
  const { body: kept } = await curl(`/api/v1/messages/${body.id}`);
  assert.equal(kept.state, "refused");
});

test("the same key twice is one message; with another body it is 409", async () => {
  const headers = { "idempotency-key": "order-17" };
  const body = JSON.stringify({ patient, purpose: "treatment", channel: "portal", template: "secure_message_notice" });
  const first = await post("/api/v1/messages", good(), { headers });
  const again = await post("/api/v1/messages", good(), { headers });
  assert.equal(again.raw, first.raw);
  assert.equal(again.headers["idempotent-replayed"], "true");
  const other = await post("/api/v1/messages", body, { headers });
  assert.equal(other.status, 409);
  assert.equal(other.body.type, "urn:sotto:problem:idempotency-key-reused");
  const many = await Promise.all(Array.from({ length: 8 }, () => post("/api/v1/messages", good(), { headers: { "idempotency-key": "race-1" } })));
  assert.equal(new Set(many.map(({ raw }) => raw)).size, 1, "a race made two messages");
});

test("what is malformed is named by place, never quoted", async () => {
  const secret = "Maria has diabetes";
  for (const [body, expected] of [
    [`{"patient": "${secret}`, 400],
    [`{"patient": ${secret}}`, 400],
    [`{"patient": "${secret}", "purpose": "treatment", "body": "x"}`, 422],
    [`{"patient": 7, "purpose": "${secret}"}`, 422],
    [`{"${secret}": 1}`, 422],
    ["[".repeat(50_000), 422],
    [`{"patient": "\xff\xfe"}`, 422],
    ["", 400],
  ]) {
    const { status, raw } = await post("/api/v1/messages", body);
    assert.equal(status, expected, `${body.slice(0, 60)}: ${raw}`);
    assert.ok(!raw.includes("Maria"), raw);
    assert.equal(JSON.parse(raw).status, expected);
  }
  const large = await post("/api/v1/messages", JSON.stringify({ patient, purpose: "treatment", body: "x".repeat(70_000) }));
  assert.equal(large.status, 413);
  const form = await post("/api/v1/messages", "a=b", { headers: { "content-type": "application/x-www-form-urlencoded" } });
  assert.equal(form.status, 415);
  assert.ok(!house.server.said().includes("diabetes"), "the log quotes a request");
});

test("what does not exist is 404, and a wrong method 405 with Allow", async () => {
  assert.equal((await curl("/api/v1/nothing")).status, 404);
  const front = await curl("/");
  assert.equal(front.status, 303, "a practice shows nothing to who is not signed in");
  assert.equal(front.headers.location, "/sign-in");
  const { status, headers } = await curl("/api/v1/check");
  assert.equal(status, 405);
  assert.match(headers.allow, /POST/);
});

test("a revoked token is worth nothing within seconds", { timeout: 60_000 }, async () => {
  const { sotto, until } = await import("../sotto.mjs");
  const made = JSON.parse(await sotto(["token", "create", "--config", house.config, "--name", "short", "--scope", "check", "--days", "1", "--json"]));
  const ask = () => post("/api/v1/check", `{"text":"hello","channel":"sms"}`, { token: made.token });
  assert.equal((await ask()).status, 200);
  assert.equal((await post("/api/v1/messages", good(), { token: made.token })).status, 403);
  await sotto(["token", "revoke", "--config", house.config, made.id]);
  await until("401", async () => (await ask()).status === 401, 15);
});

test("lists page by cursor and hold each message once", async () => {
  const seen = [];
  let cursor = "";
  do {
    const { status, body } = await curl(`/api/v1/messages?limit=2${cursor && `&cursor=${cursor}`}`);
    assert.equal(status, 200);
    seen.push(...body.items.map(({ id }) => id));
    cursor = body.next ?? "";
  } while (cursor);
  assert.ok(seen.length >= 3);
  assert.equal(new Set(seen).size, seen.length);
  assert.deepEqual([...seen].sort().reverse(), seen);
});

test("every path of the description is there, and closed without a token", async () => {
  const { body } = await curl("/api/v1/openapi.json", { token: null });
  assert.equal(body.openapi, "3.1.0");
  const doors = Object.entries(body.paths).flatMap(([path, item]) => Object.keys(item).map((method) => [method.toUpperCase(), path]));
  assert.ok(doors.length >= 12, `only ${doors.length}`);
  for (const [method, path] of doors) {
    const url = house.base + path.replace(/\{[^}]+\}/g, "0190b2c4-7a3e-7c11-8f5e-2d9a4b6c8e01");
    const { status } = await fetch(url, { method, headers: { "content-type": "application/json" }, body: method === "GET" ? undefined : "{}" });
    assert.equal(status, 401, `${method} ${path}`);
  }
});

test("the unsubscribe link: looking does nothing, pressing answers alike for mails nobody sent", async () => {
  const link = `/u/${"0".repeat(32)}`;
  const page = await curl(link, { token: null });
  assert.equal(page.status, 200);
  assert.match(page.raw, /<form method="post">/);
  const pressed = await post(link, "List-Unsubscribe=One-Click", { token: null, headers: { "content-type": "application/x-www-form-urlencoded" } });
  assert.equal(pressed.status, 200);
  assert.equal((await curl("/u/nonsense", { token: null })).status, 404);
});

test("a webhook of a carrier that is not set up is not there", async () => {
  const { status } = await post("/carriers/twilio/status", "MessageSid=SM1&MessageStatus=delivered", { token: null, headers: { "content-type": "application/x-www-form-urlencoded", "x-twilio-signature": "AAAA" } });
  assert.equal(status, 404);
});

// Email to a real Postfix: STARTTLS, a certificate from a chain, the mail in a maildir.
import { strict as assert } from "node:assert";
import { createPublicKey } from "node:crypto";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { until } from "../sotto.mjs";
import { CODE, agreement, practice } from "./practice.mjs";

const config = process.env.SOTTO_TEST_POSTFIX;
const port = process.env.SOTTO_TEST_POSTFIX_PORT;
const skip = config ? false : "Postfix needs root; ./check as root runs this";
let house, patient;

const settings = (authorities) => () => `
[email_smtp]
host = "localhost"
port = ${port}
security = "starttls"
authorities = "${authorities}"
helo = "sotto.example.test"
from = "office@example.test"
from_name = "Elm Street Office"
bounce_domain = "bounces.example.test"
dkim = [{ domain = "example.test", selector = "s1", key_file = "${config}/tls/dkim.pem" }]
${agreement("email_smtp", 2)}`;

const inbox = () => {
  const folder = join(config, "mail/inbox/new");
  return existsSync(folder) ? readdirSync(folder).map((name) => readFileSync(join(folder, name), "utf8")) : [];
};

before(async () => {
  if (skip) return;
  house = await practice("postfix", settings(`${config}/tls/root.pem`));
  patient = await house.patient("A1");
  assert.equal((await house.consent(patient, "email", "maria@example.test")).status, 201);
});

after(() => house?.stop());

test("a mail lands in the maildir: over TLS, signed, with a subject that says nothing", { skip, timeout: 120_000 }, async () => {
  const { status, body } = await house.api("POST", "/api/v1/messages", { ...CODE, patient, channel: "email" });
  assert.equal(status, 202, JSON.stringify(body));
  const mail = await until("the mail", () => inbox()[0], 60);
  const header = (name) => (new RegExp(`^${name}: ((?:.*)(?:\\r?\\n[ \\t].*)*)`, "mi").exec(mail) ?? [])[1]?.replace(/\r?\n\s+/g, " ");
  assert.match(header("Received"), /with ESMTPS/);
  assert.match(header("DKIM-Signature"), /a=ed25519-sha256.*d=example\.test.*s=s1|s=s1.*d=example\.test/);
  assert.match(header("From"), /office@example\.test/);
  assert.match(header("To"), /maria@example\.test/);
  assert.match(header("Subject"), /Elm Street Office/);
  assert.doesNotMatch(header("Subject"), /Garcia|Maria/);
  assert.match(header("Return-Path"), /^<b-[0-9a-f]{32}@bounces\.example\.test>$/);
  assert.match(mail, /^Auto-Submitted: auto-generated/im);
  assert.ok(createPublicKey(readFileSync(`${config}/tls/dkim.pem`)), "the key is no key");
  await until("the API to say that the server took it", async () => ["sent", "delivered"].includes(await house.state(body.id)), 30);
});

test("without a chain to a trusted root nothing is sent", { skip, timeout: 120_000 }, async () => {
  const before = inbox().length;
  // The intermediate alone is no trust anchor of the machine, and the machine's own do not know it.
  const stranger = await practice("postfix-untrusted", settings("machine"));
  try {
    const someone = await stranger.patient("A1");
    assert.equal((await stranger.consent(someone, "email", "maria@example.test")).status, 201);
    const { status, body } = await stranger.api("POST", "/api/v1/messages", { ...CODE, patient: someone, channel: "email" });
    assert.equal(status, 202, JSON.stringify(body));
    // Postfix logs the handshake that our side broke off, for the authority nobody vouched for.
    await until("the handshake to be broken off", () => /starttls=0\/1/.test(readFileSync(join(config, "data/maillog"), "utf8")), 60);
    assert.ok(!["sent", "delivered"].includes(await stranger.state(body.id)));
    assert.equal(inbox().length, before, "a mail went over a connection nobody vouched for");
  } finally {
    await stranger.stop();
  }
});

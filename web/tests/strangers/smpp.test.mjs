// SMPP with two programs that nobody here wrote: an SMSC of npm `smpp`, and a client of PyPI
// `smpplib`.
import { strict as assert } from "node:assert";
import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import smpp from "smpp";
import { until } from "../sotto.mjs";
import { CODE, PHONE, agreement, practice } from "./practice.mjs";

let smsc, port, session, house, patient;
const submitted = [];
let messageIds = 0;

before(async () => {
  await new Promise((resolve) => {
    smsc = smpp.createServer({}, (bound) => {
      bound.on("error", () => {});
      bound.on("bind_transceiver", (pdu) => {
        const good = pdu.system_id === "practice" && pdu.password === "pw";
        bound.send(pdu.response(good ? {} : { command_status: smpp.ESME_RBINDFAIL }));
        if (good) session = bound;
      });
      bound.on("enquire_link", (pdu) => bound.send(pdu.response()));
      bound.on("unbind", (pdu) => bound.send(pdu.response()));
      bound.on("submit_sm", (pdu) => {
        messageIds += 1;
        const id = messageIds.toString(16).padStart(8, "0");
        submitted.push({ pdu, id });
        bound.send(pdu.response({ message_id: id }));
      });
    });
    smsc.listen(0, "127.0.0.1", resolve);
  });
  port = smsc.address().port;
  house = await practice("smpp", ({ file }) => `
[sms_smpp]
host = "127.0.0.1"
port = ${port}
tls = "none"
system_id = "practice"
password_file = "${file("smpp.pw", "pw")}"
sender = "+16175550100"
message_ids = "hex_then_decimal"
${agreement("sms_smpp")}`);
  patient = await house.patient("A1");
  const { status, body } = await house.consent(patient, "sms", PHONE);
  assert.equal(status, 201, JSON.stringify(body));
});

after(async () => {
  const how = await house?.stop();
  session?.destroy();
  smsc?.close();
  assert.equal(how?.code, 0, "the server did not end in good order");
});

const send = async () => {
  const { status, body } = await house.api("POST", "/api/v1/messages", { ...CODE, patient, channel: "sms" });
  assert.equal(status, 202, JSON.stringify(body));
  return body.id;
};

test("npm smpp takes a message and its receipt makes it delivered", { timeout: 120_000 }, async () => {
  const message = await send();
  const { pdu, id } = await until("the SMSC to get it", () => submitted[0], 60);
  assert.equal(pdu.destination_addr.replace("+", ""), PHONE.slice(1));
  assert.match(pdu.short_message.message, /Elm Street Office/);
  assert.doesNotMatch(pdu.short_message.message, /Garcia/);
  await until("the API to say sent", async () => (await house.state(message)) === "sent", 30);
  const decimal = parseInt(id, 16).toString();
  session.deliver_sm({
    esm_class: smpp.ESM_CLASS.MC_DELIVERY_RECEIPT,
    source_addr: PHONE.slice(1),
    destination_addr: "16175550100",
    short_message: `id:${decimal} sub:001 dlvrd:001 submit date:2612010900 done date:2612010901 stat:DELIVRD err:000 text:`,
  });
  await until("the API to say delivered", async () => (await house.state(message)) === "delivered", 30);
});

test("STOP from npm smpp closes the number, with one confirmation, and the gate refuses", { timeout: 120_000 }, async () => {
  const before = submitted.length;
  session.deliver_sm({ source_addr_ton: 1, source_addr_npi: 1, source_addr: PHONE.slice(1), destination_addr: "16175550100", short_message: "STOP" });
  const { pdu } = await until("the confirmation", () => submitted[before], 60);
  assert.match(pdu.short_message.message, /START/);
  const { status, body } = await house.api("POST", "/api/v1/messages", { patient, purpose: "treatment", channel: "sms", template: "visit_callback" });
  assert.equal(status, 422);
  assert.ok(body.refusals.some((r) => r.code === "E_OPTED_OUT"), JSON.stringify(body));
  assert.ok(body.refusals.every((r) => r.because && r.remedy));
  assert.equal(submitted.length, before + 1, "something else was sent after STOP");
});

test("smpplib submits to the twin, gets its receipt and the patient's answer", { timeout: 120_000 }, async () => {
  const twin = spawn(join(process.env.SOTTO_EXAMPLES, "smsc"), { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: twin.stdout })[Symbol.asyncIterator]();
  const twinPort = (await lines.next()).value;
  const client = join(dirname(fileURLToPath(import.meta.url)), "smpplib_client.py");
  const python = spawn(process.env.SOTTO_PYTHON, [client, twinPort], { stdio: ["ignore", "pipe", "pipe"] });
  let out = "", err = "";
  python.stdout.on("data", (chunk) => (out += chunk));
  python.stderr.on("data", (chunk) => (err += chunk));
  const code = await new Promise((resolve) => python.on("exit", resolve));
  twin.stdin.end();
  const record = JSON.parse((await lines.next()).value);
  assert.equal(code, 0, err);
  const seen = JSON.parse(out);
  assert.equal(seen.refused_bind, true, "a wrong password was accepted");
  assert.ok(seen.parts >= 2, "the long text was not sent in parts");
  assert.equal(seen.receipts, seen.parts);
  assert.equal(seen.reply, "C, allí estaré €");
  assert.equal(record.texts.length, 1, "the parts were not joined");
  assert.match(record.texts[0].text ?? record.texts[0].body, /^Sotto test /);
});

// The sealed mode in two real browsers: what one side writes the other reads, the server sees neither,
// and the recovery key opens it. In English and Spanish at 320 px, light and dark, without scripts.
import { strict as assert } from "node:assert";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { kept, nothing, openDemo } from "../browser.mjs";
import { isRead } from "../reader.mjs";
import { sotto, until } from "../sotto.mjs";
import { fromTheDesk } from "../window.mjs";

const HERS = "Quillfeather: I stopped the tablets, they made me dizzy.";
const OURS = "Thank you for telling me. Quillfeather can wait: see me on Thursday.";
let demo, nurse, from, patient, whom, thread;
// Everything that went over the wire, of both.
const wire = [];

const listen = (page, complaints) => {
  page.on("console", (message) => {
    const status = /the server responded with a status of 4\d\d/.test(message.text());
    if (["error", "warning"].includes(message.type()) && !status) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
};
const overhear = (page) => {
  page.on("request", (request) => wire.push(request.url(), request.postData() ?? ""));
  page.on("response", async (response) => wire.push(await response.text().catch(() => "")));
};
const said = (page) => page.locator(".sealed-words").allInnerTexts();
const shown = (page, state) => page.locator(`[data-when~="${state}"]`).first().waitFor();
const send = async (page, words) => {
  const before = await page.locator(".sealed-words").count();
  await page.locator("#words").fill(words);
  await page.getByRole("button", { name: /^(Seal and send|Sellar y enviar)$/ }).click();
  await until("the message on the page", async () => (await page.locator(".sealed-words").count()) > before);
  await until("its words", async () => (await said(page)).includes(words));
};

before(async () => {
  demo = await openDemo("sealed", { speed: 20 });
  nurse = await demo.asRole("Nurse");
  from = fromTheDesk(demo, nurse.page);
});
after(() => demo?.close());

const inEveryLight = async (page, name, sizes) => {
  const size = page.viewportSize();
  for (const [light, width] of sizes) {
    await page.emulateMedia({ colorScheme: light });
    await page.setViewportSize({ width, height: 800 });
    await demo.isAccessible(page, `${name} ${light} ${width}`);
  }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize(size);
};
// What one needs of a conversation, by its role and its name.
const controls = {
  en: [["textbox", "Your sealed message"], ["button", "Seal and send"], ["DisclosureTriangle", "Is it really us? Compare a number"], ["link", "Back"]],
  es: [["textbox", "Su mensaje sellado"], ["button", "Sellar y enviar"], ["DisclosureTriangle", "¿De verdad somos nosotros? Compare un número"], ["link", "Volver"]],
};
const phone = [["light", 320], ["dark", 320]];
const desk = [["light", 1280], ["dark", 1280], ["light", 320]];

// What a browser holds of the sealed mode.
const keeps = (page) => page.evaluate(() => new Promise((resolve, reject) => {
  const open = indexedDB.open("sotto-sealed", 1);
  open.onerror = () => reject(open.error);
  open.onsuccess = () => {
    const from = open.result.transaction(["keys", "known"]);
    const [pairs, known] = ["keys", "known"].map((name) => from.objectStore(name).getAll());
    from.oncomplete = () => resolve({
      extractable: pairs.result.map((pair) => pair.privateKey.extractable),
      known: JSON.stringify(known.result),
    });
  };
}));

test("the nurse begins, the patient opens it, and both read what the other sealed", { timeout: 400_000 }, async () => {
  whom = await from.somebody(2);
  await nurse.page.goto(`${whom.here}/sealed`);
  await shown(nurse.page, "new");
  await inEveryLight(nurse.page, "sealed desk new", desk);
  await nurse.page.getByRole("button", { name: "Use this browser" }).click();
  await nurse.page.getByRole("button", { name: "Begin a sealed conversation" }).click();
  await nurse.page.waitForURL(/\/sealed\/[0-9a-f-]{36}$/);
  thread = nurse.page.url().split("/").at(-1);
  await shown(nurse.page, "waiting");
  await demo.isAccessible(nurse.page, "sealed desk waiting");
  const link = await from.newestLink(whom);

  const context = await demo.browser.newContext({ viewport: { width: 320, height: 640 } });
  patient = { context, page: await context.newPage(), complaints: [] };
  listen(patient.page, patient.complaints);
  overhear(patient.page);
  await from.comeIn(patient.page, whom, link);
  await patient.page.getByRole("link", { name: "Sealed conversations" }).click();
  await patient.page.waitForURL(`${demo.base}/window/sealed`);
  await inEveryLight(patient.page, "sealed window list", phone);
  await isRead(patient.page, "sealed window list", "en", [["link", /^With /], ["link", "Back"]]);
  await patient.page.getByRole("link", { name: /^With / }).click();
  await shown(patient.page, "new");
  await inEveryLight(patient.page, "sealed window new", phone);
  await isRead(patient.page, "sealed window new", "en", [["button", "Use this browser"], ["link", "Back"]]);
  await patient.page.getByRole("button", { name: "Use this browser" }).click();
  await shown(patient.page, "ready");
  // The notice stands before the box, and says that nobody is alarmed by what is written.
  const before = await patient.page.evaluate(() => {
    const [notice, box] = [document.querySelector("#before"), document.querySelector("#words")];
    return (notice.compareDocumentPosition(box) & Node.DOCUMENT_POSITION_FOLLOWING) > 0 && notice.innerText;
  });
  assert.match(before, /Call 911, or 988.*can’t read what you write here/s);
  await send(patient.page, HERS);
  await inEveryLight(patient.page, "sealed window English", phone);
  await isRead(patient.page, "sealed window", "en", controls.en);

  overhear(nurse.page);
  await nurse.page.goto(`${whom.here}/sealed/${thread}`);
  await shown(nurse.page, "ready");
  await until("the patient's words", async () => (await said(nurse.page)).includes(HERS));
  await send(nurse.page, OURS);
  assert.deepEqual(await said(nurse.page), [HERS, OURS]);
  await inEveryLight(nurse.page, "sealed desk", desk);

  // What the browsers keep is a key that cannot be taken out, and whose keys were seen; no words.
  for (const page of [nurse.page, patient.page]) {
    assert.deepEqual(await kept(page), { ...nothing, databases: ["sotto-sealed"] });
    const { extractable, known } = await keeps(page);
    assert.deepEqual(extractable, [false]);
    assert.ok(![HERS, OURS].some((words) => known.includes(words)), known);
  }

  await patient.page.goto(`${demo.base}/window/sealed/${thread}?lang=es`);
  await until("both", async () => (await said(patient.page)).join() === [HERS, OURS].join());
  await inEveryLight(patient.page, "sealed window Spanish", phone);
  await isRead(patient.page, "sealed window", "es", controls.es);
  await patient.page.goto(`${demo.base}/window/sealed?lang=es`);
  await inEveryLight(patient.page, "sealed window list Spanish", phone);
  await isRead(patient.page, "sealed window list", "es", [["link", /^Con /], ["link", "Volver"]]);
  await patient.page.goto(`${demo.base}/window/sealed/${thread}`);
  await shown(patient.page, "ready");
  // Both would read the same number aloud.
  const number = (page) => page.locator("details .sealed-number").textContent();
  assert.match(await number(patient.page), /^(\d{5} ){5}\d{5}$/);
  assert.equal(await number(patient.page), await number(nurse.page));
  assert.deepEqual([...nurse.complaints, ...patient.complaints], []);
});

test("the words are in no request, no answer and no file of the server; the recovery key opens them", { timeout: 120_000 }, async () => {
  const sent = wire.join("\n");
  assert.ok(sent.includes("\"ct\":"), "envelopes were overheard");
  assert.ok(!sent.includes("Quillfeather") && !sent.includes("dizzy"));
  const files = (folder) => readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? files(path) : [path];
  });
  const all = files(demo.data);
  assert.ok(all.some((path) => path.endsWith("sotto.db")), all.join());
  for (const path of all) assert.ok(!readFileSync(path).includes("Quillfeather"), path);

  const [out, key] = [join(demo.data, "sealed.jsonl"), join(demo.data, "sealed-recovery.key")];
  assert.match(await sotto(["sealed", "export", thread, "--demo", demo.data, "-o", out]), /holds 2 sealed messages/);
  assert.equal(statSync(out).mode & 0o777, 0o600);
  assert.ok(!readFileSync(out).includes("Quillfeather"));
  const opened = await sotto(["sealed", "open", "--recovery-key", key, out]);
  assert.match(opened, new RegExp(`patient\n${HERS}\n\n.*staff\n${OURS}\n`));
  // Another key opens nothing, and says so.
  const other = join(demo.data, "other.key");
  assert.match(await sotto(["sealed", "new-key", other]), /^\[sealed\]\nrecovery_key = "[\w-]{87}"\n$/);
  await assert.rejects(sotto(["sealed", "open", "--recovery-key", other, out]), /2 of 2 messages were not opened/);
});

test("without scripts the page says so, and offers the ordinary message", { timeout: 120_000 }, async () => {
  const storageState = await patient.context.storageState();
  const context = await demo.browser.newContext({ viewport: { width: 320, height: 640 }, javaScriptEnabled: false, storageState });
  const page = await context.newPage();
  await page.goto(`${demo.base}/window/sealed/${thread}?lang=en`);
  assert.ok(await page.getByText("This page needs scripts.").isVisible());
  assert.equal(await page.locator("textarea:visible").count(), 0);
  assert.ok(!(await page.locator("main").innerText()).includes("Quillfeather"));
  await page.getByRole("link", { name: "Write an ordinary secure message" }).click();
  await page.waitForURL(`${demo.base}/window/write`);
  await context.close();
});

test("another browser reads nothing older, and the other side is warned of its key", { timeout: 200_000 }, async () => {
  const storageState = await patient.context.storageState();
  const context = await demo.browser.newContext({ viewport: { width: 320, height: 640 }, storageState });
  const page = await context.newPage();
  await page.goto(`${demo.base}/window/sealed/${thread}?lang=en`);
  await shown(page, "other");
  assert.deepEqual(await said(page), Array(2).fill("Sealed. This device can’t open it."));
  await inEveryLight(page, "sealed window other browser", phone);
  await isRead(page, "sealed window other browser", "en", [["button", "Use this browser"]]);
  await page.goto(`${demo.base}/window/sealed/${thread}?lang=es`);
  await shown(page, "other");
  await inEveryLight(page, "sealed window other browser Spanish", phone);
  await isRead(page, "sealed window other browser", "es", [["button", "Usar este navegador"]]);
  await page.goto(`${demo.base}/window/sealed/${thread}?lang=en`);
  await shown(page, "other");
  await page.getByRole("button", { name: "Use this browser" }).click();
  await shown(page, "ready");
  await send(page, "From my new phone.");

  await nurse.page.goto(`${whom.here}/sealed/${thread}`);
  await shown(nurse.page, "changed");
  assert.equal(await nurse.page.locator("textarea:visible").count(), 0, "nothing can be written before");
  await inEveryLight(nurse.page, "sealed desk changed", desk);
  await nurse.page.getByRole("button", { name: /^We compared it/ }).click();
  await shown(nurse.page, "ready");
  assert.deepEqual(await said(nurse.page), [HERS, OURS, "From my new phone."]);
  // The first browser still opens what was sealed to it, and nothing since.
  await patient.page.goto(`${demo.base}/window/sealed/${thread}?lang=en`);
  await shown(patient.page, "other");
  assert.deepEqual(await said(patient.page), [HERS, OURS, "Sealed. This device can’t open it."]);
  await context.close();
  assert.deepEqual(nurse.complaints, []);
});

// Finding a patient and the patient's page, in a real browser: by the keyboard alone, with scripts
// and without, narrow and wide, light and dark, and by the accessibility rules.
import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { join } from "node:path";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";
import { folder, freePort, remove, start, until } from "../sotto.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const shots = process.env.SOTTO_SHOTS;
let demo, browser, base, data;

before(async () => {
  data = folder("people");
  const port = await freePort();
  base = `http://localhost:${port}`;
  demo = start(["demo", "--port", String(port), "--patients", "60", "--seed", "7", "--speed", "60", "--folder", data]);
  demo.ended.then(({ code }) => code && console.error(demo.said()));
  await until("the demo to answer", async () => (await fetch(`${base}/readyz`)).ok, 120);
  browser = await chromium.launch({
    executablePath: process.env.SOTTO_CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
  });
});

after(async () => {
  await browser?.close();
  await demo?.stop();
  if (data) remove(data);
});

const asRole = async (words, options = {}) => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  // A busy machine may take its time; what never comes is told by the test's own limit.
  context.setDefaultTimeout(120_000);
  const page = await context.newPage();
  const complaints = [];
  const urls = [];
  page.on("console", (message) => {
    const status = /the server responded with a status of 4\d\d/.test(message.text());
    if (["error", "warning"].includes(message.type()) && !status) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => urls.push(request.url()));
  await page.goto(`${base}/sign-in`);
  await page.getByRole("link", { name: words, exact: true }).click();
  // Where it leads is there before anything else is opened: two ways at once end at either.
  await page.waitForURL((url) => !/^\/(sign-in|demo)/.test(url.pathname), { waitUntil: "load" });
  return { page, context, complaints, urls };
};

const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const isAccessible = async (page, name) => {
  await page.evaluate(axe).catch(async () => page.addScriptTag({ content: axe }));
  const { violations } = await page.evaluate((runOnly) => globalThis.axe.run(document, { runOnly }), rules);
  assert.deepEqual(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(" ")).slice(0, 3).join(", ")}`), [], name);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(overflow <= 0, `${name} is ${overflow} px wider than the window`);
  if (shots) await page.screenshot({ path: join(shots, `${name.replace(/\W+/g, "-")}.png`), fullPage: true });
};

// Somebody of the demo: a name that several have, then the first of them.
const anybody = "ma";

// Tab until the focus is on what is wanted: whoever has no mouse must get there too.
const tabTo = async (page, matches, most = 120) => {
  for (let step = 0; step < most; step += 1) {
    await page.keyboard.press("Tab");
    if (await page.evaluate(matches)) return;
  }
  assert.fail(`not reached by the keyboard: ${matches}`);
};

test("found as one types, opened, written down and taken back: by the keyboard alone", { timeout: 240_000 }, async () => {
  const { page, context, complaints, urls } = await asRole("Front desk");
  await page.getByRole("link", { name: "People", exact: true }).click();
  await page.waitForURL(`${base}/people`);
  assert.equal(await page.evaluate(() => document.activeElement.id), "q", "the box has the focus");
  await page.keyboard.type(anybody);
  await page.locator("#found tbody tr").first().waitFor();
  await until("the count to be said", async () => /^\d+ pe(ople|rson)/.test(await page.locator("#answer").innerText()));
  await page.keyboard.type("qqq");
  await page.getByText("Nobody fits all of that").waitFor();
  for (let n = 0; n < 3; n += 1) await page.keyboard.press("Backspace");
  await page.locator("#found tbody tr").first().waitFor();
  await tabTo(page, () => document.activeElement.closest("#found") !== null);
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/people\/[0-9a-f-]{36}$/);
  const name = await page.locator("h1").innerText();
  assert.ok(!(await page.title()).includes(name.split(" ")[0]), "the title names nobody");
  // A number, with a mistake first.
  await tabTo(page, () => document.activeElement.textContent === "Add a number or mailbox");
  await page.keyboard.press("Enter");
  await tabTo(page, () => document.activeElement.id === "contact-address");
  await page.keyboard.type("555");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").waitFor();
  assert.match(await page.getByRole("alert").innerText(), /area code/);
  assert.equal(await page.locator("#contact-address").inputValue(), "555");
  assert.equal(await page.locator("#contact-address").getAttribute("aria-invalid"), "true");
  await page.locator("#contact-address").focus();
  await page.keyboard.press("Control+A");
  await page.keyboard.type("303-555-0107");
  await page.keyboard.press("Enter");
  await page.getByText("The address is written down.").waitFor();
  await page.locator("#contacts").getByText("(303) 555-0107", { exact: true }).waitFor();
  // A consent, spoken, and its end.
  await tabTo(page, () => document.activeElement.textContent === "Record a consent");
  await page.keyboard.press("Enter");
  await tabTo(page, () => document.activeElement.id === "consent-address");
  const option = await page.locator("#consent-address option", { hasText: "Texts to (303) 555-0107" }).getAttribute("value");
  await page.locator("#consent-address").selectOption(option);
  await tabTo(page, () => document.activeElement.textContent === "Record the consent");
  await page.keyboard.press("Enter");
  await page.getByText("The consent is recorded.").waitFor();
  const given = page.locator("#consents .rows li", { hasText: "(303) 555-0107" });
  assert.match(await given.innerText(), /given spoken/);
  await given.locator("summary").focus();
  await page.keyboard.press("Enter");
  await given.getByRole("button", { name: "Withdraw this consent" }).focus();
  await page.keyboard.press("Enter");
  await page.getByText("The consent is withdrawn.").waitFor();
  assert.equal(await page.locator("#consents .rows li", { hasText: "(303) 555-0107" }).locator("summary").count(), 0);
  // The birth date, when asked for.
  assert.match(await page.locator(".banner").innerText(), /•••/);
  await page.getByRole("button", { name: "Show the birth date" }).focus();
  await page.keyboard.press("Enter");
  await until("the birth date", async () => /(19|20)\d\d/.test(await page.locator(".banner dl").innerText()));
  assert.deepEqual(complaints, []);
  assert.ok(urls.every((url) => url.startsWith(base)), "nothing is asked of strangers");
  assert.ok(urls.every((url) => !url.includes(anybody + "q") && !/[?&]q=/.test(url)), "what is typed is in no URL");
  await context.close();
});

test("the same without scripts", { timeout: 240_000 }, async () => {
  const { page, context } = await asRole("Nurse", { javaScriptEnabled: false });
  await page.goto(`${base}/people`);
  await page.getByLabel("Find a patient").fill(anybody);
  await page.getByRole("button", { name: "Find", exact: true }).click();
  assert.equal(page.url(), `${base}/people`);
  assert.equal(await page.getByLabel("Find a patient").inputValue(), anybody);
  await page.locator("#found a").nth(1).click();
  await page.locator("#carer summary").click();
  await page.getByLabel("Given name").fill("Eva");
  await page.getByLabel("Family name").fill("Example");
  await page.getByLabel("Who they are to the patient").fill("sister");
  await page.getByRole("button", { name: "Add the person" }).click();
  await page.getByText("The person is written down.").waitFor();
  await page.getByText("Change what Eva Example may hear").click();
  await page.getByRole("group", { name: "Eva Example may hear of" }).getByLabel("appointments").check();
  await page.getByRole("button", { name: "Save what Eva Example may hear" }).click();
  await page.locator("#carers").getByText("May hear of appointments").waitFor();
  await context.close();
});

for (const [name, options] of [
  ["light", { colorScheme: "light" }],
  ["dark", { colorScheme: "dark" }],
  ["320 px wide", { viewport: { width: 320, height: 800 } }],
]) {
  test(`no accessibility rule is broken: ${name}`, { timeout: 240_000 }, async () => {
    const { page, context, complaints } = await asRole("Privacy officer", options);
    await page.goto(`${base}/people`);
    await page.getByLabel("Find a patient").fill(anybody);
    await page.locator("#found tbody tr").first().waitFor();
    await isAccessible(page, `people found ${name}`);
    await page.locator("#found a").first().click();
    await page.locator(".banner").waitFor();
    if (shots) await page.screenshot({ path: join(shots, `patient-closed-${name.replace(/\W+/g, "-")}.png`), fullPage: true });
    for (const details of await page.locator("details").all()) await details.evaluate((it) => (it.open = true));
    await isAccessible(page, `patient open ${name}`);
    await page.getByRole("link", { name: "Accounting of disclosures" }).click();
    await isAccessible(page, `disclosures ${name}`);
    assert.deepEqual(complaints, []);
    await context.close();
    // The same colours: the mistake is looked at once in each.
    if (name.includes("320")) return;
    const desk = await asRole("Front desk", options);
    await desk.page.goto(`${base}/people`);
    await desk.page.getByLabel("Find a patient").fill(anybody);
    await desk.page.locator("#found a").first().click();
    await desk.page.locator("#contact summary").click();
    await desk.page.locator("#contact-address").fill("12");
    await desk.page.getByRole("button", { name: "Add it" }).click();
    await desk.page.getByRole("alert").waitFor();
    await isAccessible(desk.page, `patient with a mistake ${name}`);
    await desk.context.close();
  });
}

// Finding a patient and the patient's page, in a real browser: by the keyboard alone, with scripts
// and without, narrow and wide, light and dark, and by the accessibility rules.
import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { looks, openDemo, tabTo } from "../browser.mjs";
import { until } from "../sotto.mjs";

let demo;
before(async () => {
  demo = await openDemo("people");
});
after(() => demo?.close());

// Somebody of the demo: a name that several have, then the first of them.
const anybody = "ma";

test("found as one types, opened, written down and taken back: by the keyboard alone", { timeout: 240_000 }, async () => {
  const { page, context, complaints, urls } = await demo.asRole("Front desk");
  await page.getByRole("link", { name: "People", exact: true }).click();
  await page.waitForURL(`${demo.base}/people`);
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
  assert.ok(urls.every((url) => !url.includes(anybody + "q") && !/[?&]q=/.test(url)), "what is typed is in no URL");
  await context.close();
});

test("the same without scripts", { timeout: 240_000 }, async () => {
  const { page, context } = await demo.asRole("Nurse", { javaScriptEnabled: false });
  await page.goto(`${demo.base}/people`);
  await page.getByLabel("Find a patient").fill(anybody);
  await page.getByRole("button", { name: "Find", exact: true }).click();
  assert.equal(page.url(), `${demo.base}/people`);
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
    const { page, context, complaints } = await demo.asRole("Privacy officer", options);
    await page.goto(`${demo.base}/people`);
    await page.getByLabel("Find a patient").fill(anybody);
    await page.locator("#found tbody tr").first().waitFor();
    await demo.isAccessible(page, `people found ${name}`);
    await page.locator("#found a").first().click();
    await page.locator(".banner").waitFor();
    await demo.isAccessible(page, `patient closed ${name}`);
    for (const details of await page.locator("details").all()) await details.evaluate((it) => (it.open = true));
    await demo.isAccessible(page, `patient open ${name}`);
    await page.getByRole("link", { name: "Accounting of disclosures" }).click();
    await demo.isAccessible(page, `disclosures ${name}`);
    assert.deepEqual(complaints, []);
    await context.close();
    // The same colours: the mistake is looked at once in each.
    if (name.includes("320")) return;
    const desk = await demo.asRole("Front desk", options);
    await desk.page.goto(`${demo.base}/people`);
    await desk.page.getByLabel("Find a patient").fill(anybody);
    await desk.page.locator("#found a").first().click();
    await desk.page.locator("#contact summary").click();
    await desk.page.locator("#contact-address").fill("12");
    await desk.page.getByRole("button", { name: "Add it" }).click();
    await desk.page.getByRole("alert").waitFor();
    await demo.isAccessible(desk.page, `patient with a mistake ${name}`);
    await desk.context.close();
  });
}

for (const [name, options] of [
  ["light", { colorScheme: "light" }],
  ["dark", { colorScheme: "dark" }],
  ["320 px wide", { viewport: { width: 320, height: 800 } }],
]) {
  test(`a record under 42 CFR Part 2 is marked for who may know: ${name}`, { timeout: 240_000 }, async () => {
    const { page, context, complaints } = await demo.asRole("Privacy officer", options);
    await page.goto(`${demo.base}/people`);
    await page.getByLabel("Find a patient").fill(anybody);
    await page.locator("#found a").first().click();
    await page.locator(".banner").waitFor();
    const mark = page.locator(".banner").getByText("42 CFR Part 2");
    if ((await mark.count()) === 0) {
      await page.locator("#bound summary").click();
      await page.getByLabel("They ask for").selectOption("part2");
      await page.getByRole("button", { name: "Record the restriction" }).click();
    }
    await mark.waitFor();
    await demo.isAccessible(page, `patient part2 ${name}`);
    await page.getByRole("link", { name: "Accounting of disclosures" }).click();
    await page.getByText("42 CFR part 2 prohibits unauthorized use or disclosure of these records.").waitFor();
    await demo.isAccessible(page, `disclosures part2 ${name}`);
    assert.deepEqual(complaints, []);
    await context.close();
  });
}

test("the officer releases one message of a patient's own records, and an auditor sees that", { timeout: 240_000 }, async () => {
  const { page, context, complaints } = await demo.asRole("Privacy officer");
  await page.goto(`${demo.base}/people`);
  await page.getByLabel("Find a patient").fill(anybody);
  // Another than the first, whom the tests before this one tagged.
  await page.locator("#found a").nth(1).click();
  await page.getByRole("link", { name: "Send them their own records" }).click();
  await page.getByLabel("What they asked for").fill("You asked for it: your lisinopril is 10 mg, once a day.");
  await page.getByRole("button", { name: "Check it" }).click();
  await page.getByText("Nothing but the words stands in the way").waitFor();
  assert.match(await page.locator(".stranger").innerText(), /lisinopril/);
  for (const [name, { viewport, colorScheme = "light" }] of looks) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize(viewport ?? { width: 1280, height: 900 });
    await demo.isAccessible(page, `release ${name}`);
  }
  // The warning comes first, and nothing that was typed is lost.
  await page.getByLabel("Where the paper is kept").fill("call of March 1");
  await page.getByRole("button", { name: "Release and send this once" }).click();
  assert.match(await page.getByRole("alert").innerText(), /warning/);
  assert.equal(await page.getByLabel("Where the paper is kept").inputValue(), "call of March 1");
  await page.getByLabel("They heard or read it").check();
  await page.getByRole("button", { name: "Release and send this once" }).click();
  await page.getByText("Released and handed in.").waitFor();
  const auditor = await demo.asRole("Auditor");
  await auditor.page.goto(`${demo.base}/log`);
  await auditor.page.getByText("sent one patient their own records by text or email").first().waitFor();
  for (const one of [{ complaints, context }, auditor]) {
    assert.deepEqual(one.complaints, []);
    await one.context.close();
  }
});

test("the officer holds a record beyond its time and lifts that, by the keyboard", { timeout: 240_000 }, async () => {
  const { page, context, complaints } = await demo.asRole("Privacy officer");
  await page.goto(`${demo.base}/people`);
  await page.getByLabel("Find a patient").fill(anybody);
  await page.locator("#found a").nth(1).click();
  const theirs = page.url();
  await page.getByRole("link", { name: "Legal hold", exact: true }).click();
  await page.waitForURL(`${theirs}/holds`);
  assert.equal(await page.title().then((title) => title.includes("Legal hold")), true);
  await tabTo(page, () => document.activeElement.id === "hold-matter");
  await page.keyboard.type("Doe v. Harborview");
  await page.keyboard.press("Tab");
  await page.keyboard.type("Letter of their lawyer of May 2");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.getByText("Held", { exact: true }).waitFor();
  await page.goto(theirs);
  await page.getByText(/^Legal hold since /).waitFor();
  // What the whole practice keeps, and for how long.
  await page.goto(`${demo.base}/settings/retention`);
  await page.getByText("Doe v. Harborview", { exact: true }).waitFor();
  for (const [name, { viewport, colorScheme = "light" }] of looks) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize(viewport ?? { width: 1280, height: 900 });
    await page.goto(`${theirs}/holds`);
    await page.getByText("Lift", { exact: false }).first().click();
    await demo.isAccessible(page, `hold ${name}`);
    await page.goto(`${demo.base}/settings/retention`);
    await page.getByText("Hold the whole practice’s records").click();
    await demo.isAccessible(page, `retention ${name}`);
  }
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.getByRole("link", { name: /^Their holds/ }).click();
  await page.waitForURL(`${theirs}/holds`);
  await tabTo(page, () => document.activeElement.textContent.startsWith("Lift"));
  await page.keyboard.press("Enter");
  await tabTo(page, () => document.activeElement.id.endsWith("-lifted"));
  await page.keyboard.type("They settled");
  await page.keyboard.press("Enter");
  await page.getByText(/They settled/).waitFor();
  await page.getByText("None. Records are kept 7 years").waitFor();
  assert.deepEqual(complaints, []);
  await context.close();
});

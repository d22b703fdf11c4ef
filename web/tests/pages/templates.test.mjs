// Words that are proposed, approved by somebody else, and withdrawn, in a real browser.
import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { looks, openDemo, tabTo } from "../browser.mjs";

let demo;
before(async () => {
  demo = await openDemo("templates", { patients: 20 });
});
after(() => demo?.close());

const words = "{practice}: texts about visits. Questions? Call {phone}. STOP ends texts.";
const propose = async (page, name, text) => {
  await page.goto(`${demo.base}/templates/${name}/propose`);
  await page.locator("#body").fill(text);
  await page.locator("#reason").fill("Says whom to call.");
  await page.getByRole("button", { name: "Propose these words" }).click();
  await page.getByRole("heading", { name: "Waits for approval" }).waitFor();
};

test("what is typed is held against the rules at once, and proposed by the keyboard alone", { timeout: 240_000 }, async () => {
  const { page, context, complaints } = await demo.asRole("Campaign manager");
  await page.goto(`${demo.base}/templates`);
  await page.getByRole("link", { name: /English\s*: Help, Text/ }).first().click();
  await page.getByRole("link", { name: "Propose other words" }).click();
  await tabTo(page, () => document.activeElement.id === "body");
  await page.keyboard.press("Control+A");
  await page.keyboard.type("{practice}: your HIV test is back. Call {phone}. STOP ends texts.");
  await page.locator(".stops").getByText("They tell too much").waitFor();
  assert.equal(await page.getByRole("button", { name: "Propose these words" }).count(), 0, "what breaks a rule cannot be proposed");
  await page.keyboard.press("Control+A");
  await page.keyboard.type(words);
  await page.locator("#verdict ins").filter({ hasText: "Questions?" }).waitFor();
  assert.match(await page.locator(".phone p").last().innerText(), /Questions\? Call/);
  await page.locator("#reason").focus();
  await page.keyboard.type("Says whom to call.");
  await page.locator("button.main").focus();
  await page.keyboard.press("Enter");
  await page.getByText("Somebody else must approve your words.").waitFor();
  assert.deepEqual(complaints, []);
  await context.close();

  const other = await demo.asRole("Privacy officer");
  await other.page.goto(`${demo.base}/templates?show=waiting`);
  await other.page.getByRole("link", { name: /English\s*: Help/ }).click();
  await other.page.getByRole("button", { name: /^Approve/ }).click();
  await other.page.getByText("your own, version 2").waitFor();
  await other.page.getByRole("button", { name: "Withdraw these words" }).click();
  await other.page.getByText("built in", { exact: true }).waitFor();
  assert.deepEqual(other.complaints, []);
  await other.context.close();
});

test("without scripts the rules answer at a button, and the words stay", { timeout: 240_000 }, async () => {
  const { page, context } = await demo.asRole("Campaign manager", { javaScriptEnabled: false });
  await page.goto(`${demo.base}/templates/recall.sms.en/propose`);
  const typed = "{practice}: it is time for your visit. Call {phone}.";
  await page.locator("#body").fill(typed);
  await page.getByRole("button", { name: "Check again" }).click();
  assert.equal(await page.locator("#body").inputValue(), typed);
  await page.locator(".stops").getByText("Must say how to stop").waitFor();
  await context.close();
});

for (const [look, options] of looks) {
  test(`no accessibility rule is broken: ${look}`, { timeout: 240_000 }, async () => {
    const { page, context } = await demo.asRole("Campaign manager", options);
    for (const path of ["/templates", "/templates?show=missing", "/templates/appt_reminder.sms.en", "/templates/appt_reminder.email.es/propose"]) {
      await page.goto(`${demo.base}${path}`);
      await demo.isAccessible(page, `${path} ${look}`);
    }
    await page.goto(`${demo.base}/templates/help.sms.en/propose`);
    await page.locator("#body").fill("Your HIV test at {practice} is back.");
    await page.locator(".stops").waitFor();
    await demo.isAccessible(page, `broken words ${look}`);
    if (look === "light") await propose(page, "help.sms.es", "{practice}: mensajes sobre citas. Llame al {phone}. STOP para salir.");
    await context.close();
    const doctor = await demo.asRole("Provider", options);
    await doctor.page.goto(`${demo.base}/templates/help.sms.es`);
    await doctor.page.getByRole("heading", { name: "Waits for approval" }).waitFor();
    await demo.isAccessible(doctor.page, `words that wait ${look}`);
    await doctor.context.close();
  });
}

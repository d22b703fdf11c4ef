// Writing to a patient and calling one, the log and the settings, in a real browser.
import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { looks, openDemo, tabTo } from "../browser.mjs";

let demo;
before(async () => {
  demo = await openDemo("write");
});
after(() => demo?.close());

const tooMuch = "Your HIV test came back positive. Please call us.";

// The page of the first patient whose name begins so.
const somebody = async (page) => {
  await page.goto(`${demo.base}/people`);
  await page.locator("#q").fill("ma");
  await page.locator("#q").press("Enter");
  await page.locator("#found tbody tr a").first().click();
  await page.waitForURL(/\/people\/[0-9a-f-]{36}$/);
  return page.url();
};

test("what is typed is judged, made safe and sent: by the keyboard alone", { timeout: 240_000 }, async () => {
  const { page, context, complaints } = await demo.asRole("Nurse");
  await page.goto(`${await somebody(page)}/write`);
  await tabTo(page, () => document.activeElement.id === "body");
  await page.keyboard.type(tooMuch);
  await page.locator("#verdict .stops, #verdict .reading mark").first().waitFor();
  await page.locator("#verdict").getByText("Sensitive", { exact: true }).waitFor();
  // Where it may only go as a notice, a text is offered safe words.
  await page.locator("input[name=channel][value=sms]").focus();
  await page.keyboard.press("Space");
  const safe = page.getByRole("button", { name: "Use safe wording" });
  await safe.waitFor();
  await page.locator("#body").focus();
  await page.keyboard.press("Alt+.");
  await page.locator("#verdict").getByText("Fine for anyone to hear").waitFor();
  const words = await page.locator("#body").inputValue();
  assert.doesNotMatch(words, /HIV|positive/);
  assert.equal(await page.locator(".phone p").last().innerText(), words, "what a stranger would read");
  const send = page.locator("button.main");
  assert.match(await send.innerText(), /^Send text/);
  await send.focus();
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/written\//);
  assert.match(await page.locator(".mark").first().innerText(), /Waiting|On the wire|With the carrier|Delivered/);
  assert.deepEqual(complaints, []);
  await context.close();
});

test("without scripts each step is a button, and the words stay", { timeout: 240_000 }, async () => {
  const { page, context } = await demo.asRole("Nurse", { javaScriptEnabled: false });
  await page.goto(`${await somebody(page)}/write`);
  await page.locator("#body").fill(tooMuch);
  await page.locator("input[name=channel][value=sms]").check();
  await page.getByRole("button", { name: "Check again" }).click();
  assert.equal(await page.locator("#body").inputValue(), tooMuch);
  assert.ok((await page.locator("#verdict mark").count()) > 0);
  await page.getByRole("button", { name: "Move it to the portal" }).click();
  assert.ok(await page.locator("input[name=channel][value=portal]").isChecked());
  await page.getByRole("button", { name: "Send by portal" }).click();
  await page.waitForURL(/\/written\//);
  await context.close();
});

test("what was begun comes back, and goes when it is discarded", { timeout: 240_000 }, async () => {
  const words = "We have moved to the second floor.";
  const { page, context, complaints } = await demo.asRole("Nurse");
  const patient = await somebody(page);
  await page.goto(`${patient}/write`);
  await page.locator("#body").pressSequentially(words);
  // By itself, a moment after the last key.
  await page.locator("#draft").getByText(/Draft kept \d+:\d\d [ap]m/).waitFor();
  await page.goto(`${patient}/write`);
  assert.equal(await page.locator("#body").inputValue(), words);
  await page.getByRole("button", { name: "Discard" }).press("Enter");
  await page.locator("#draft").getByText("Draft kept").waitFor({ state: "detached" });
  assert.equal(await page.locator("#body").inputValue(), "");
  assert.equal(page.url(), `${patient}/write`, "the page stays");
  await page.goto(`${patient}/write`);
  assert.equal(await page.locator("#body").inputValue(), "");
  // By the button, at once.
  await page.locator("#body").fill("Half a line");
  await page.getByRole("button", { name: "Keep as draft" }).click();
  await page.locator("#draft").getByText("Draft kept").waitFor();
  assert.deepEqual(complaints, []);
  await context.close();
  // In another browser, without scripts.
  const other = await demo.asRole("Nurse", { javaScriptEnabled: false });
  await other.page.goto(`${patient}/write`);
  assert.equal(await other.page.locator("#body").inputValue(), "Half a line");
  await other.page.locator("#body").fill("A whole line");
  await other.page.getByRole("button", { name: "Keep as draft" }).click();
  assert.equal(await other.page.locator("#body").inputValue(), "A whole line");
  await other.page.getByRole("button", { name: "Discard" }).click();
  assert.equal(await other.page.locator("#body").inputValue(), "");
  assert.equal(await other.page.getByRole("button", { name: "Discard" }).count(), 0);
  await other.context.close();
});

test("a code goes out in a call, and a wrong one is told", { timeout: 240_000 }, async () => {
  const { page, context, complaints } = await demo.asRole("Nurse");
  await page.goto(`${await somebody(page)}/call`);
  await page.getByLabel("Nobody else can hear me here").check();
  await page.getByRole("button", { name: "Begin the call" }).click();
  await page.getByRole("radio", { name: /Somebody who says: I am/ }).check();
  await page.getByRole("button", { name: "Next" }).click();
  assert.equal(await page.locator("input[name=portal]").count(), 0, "nobody is at the window");
  await page.getByRole("button", { name: "Send a code" }).press("Enter");
  const typed = page.getByLabel("What they read to you");
  await typed.waitFor();
  await demo.isAccessible(page, "call with a code");
  await typed.fill("000000");
  await typed.press("Enter");
  await page.getByText("That was not it. 2 more tries.").waitFor();
  assert.equal(await page.getByRole("heading", { name: "3. What it is about" }).count(), 0);
  await demo.isAccessible(page, "call with a wrong code");
  assert.deepEqual(complaints, []);
  await context.close();
});

test("a call goes from the number to the end without a mouse, and tells nothing too early", { timeout: 240_000 }, async () => {
  const { page, context, complaints } = await demo.asRole("Nurse");
  await page.goto(`${await somebody(page)}/call`);
  await tabTo(page, () => document.activeElement.name === "private_place");
  await page.keyboard.press("Space");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/calls\//);
  await page.getByRole("radio", { name: /Somebody who says: I am/ }).focus();
  await page.keyboard.press("Space");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "2. Is it really them?" }).waitFor();
  assert.equal(await page.getByRole("heading", { name: "3. What it is about" }).count(), 0);
  for (const name of ["having called the number on file", "their date of birth"]) await page.getByLabel(name).check();
  await page.getByRole("button", { name: "It matched" }).press("Enter");
  await page.getByRole("heading", { name: "3. What it is about" }).waitFor();
  await page.getByRole("button", { name: "We spoke; it is done" }).press("Enter");
  await page.getByRole("heading", { name: "This call has ended" }).waitFor();
  assert.deepEqual(complaints, []);
  await context.close();
});

for (const [look, options] of looks) {
  test(`no accessibility rule is broken: ${look}`, { timeout: 240_000 }, async () => {
    const nurse = await demo.asRole("Nurse", options);
    const patient = await somebody(nurse.page);
    await nurse.page.goto(`${patient}/write`);
    await nurse.page.locator("#body").fill(tooMuch);
    await nurse.page.locator("#verdict mark").first().waitFor();
    await nurse.page.locator("#draft").getByText("Draft kept").waitFor();
    await demo.isAccessible(nurse.page, `write ${look}`);
    await nurse.page.goto(`${patient}/call`);
    await demo.isAccessible(nurse.page, `call begins ${look}`);
    await nurse.page.getByLabel("Nobody else can hear me here").check();
    await nurse.page.getByRole("button", { name: "Begin the call" }).click();
    await nurse.page.getByRole("radio", { name: /Somebody who says: I am/ }).check();
    await nurse.page.getByRole("button", { name: "Next" }).click();
    await demo.isAccessible(nurse.page, `call ${look}`);
    await nurse.context.close();
    for (const [role, path] of [["Auditor", "/log"], ["Administrator", "/settings"]]) {
      const { page, context } = await demo.asRole(role, options);
      await page.goto(`${demo.base}${path}`);
      await demo.isAccessible(page, `${path} ${look}`);
      await context.close();
    }
  });
}

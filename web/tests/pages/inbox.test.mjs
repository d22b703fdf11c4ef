// The inbox in a real browser: by keys alone, without scripts, live beside a colleague, at every
// width, by the accessibility rules, and dark for whoever loses leave.
import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { openDemo } from "../browser.mjs";
import { sotto, until } from "../sotto.mjs";

let demo;
before(async () => {
  // Days pass in seconds until patients have written; then time goes as in life, and the page holds
  // still.
  demo = await openDemo("inbox", { speed: 7200 });
  const { page, context } = await asRole("Nurse");
  await until("patients to write", async () => {
    await page.goto(`${demo.base}/inbox?view=all`);
    return (await page.locator("[data-rows] [data-row]").count()) >= 4;
  }, 120);
  await context.close();
  await demo.again(1);
});
after(() => demo?.close());

const asRole = async (words, options) => {
  const opened = await demo.asRole(words, options);
  await opened.page.waitForURL(`${demo.base}/inbox`);
  return opened;
};

const focused = (page) => page.evaluate(() => document.activeElement?.closest("[id]")?.id ?? "");
const typed = async (page, keys) => {
  for (const key of keys.split(" ")) await page.keyboard.press(key);
};

test("a day's work by keys alone: move, open, note, assign, close, undo, go", { timeout: 240_000 }, async () => {
  const { page, context, complaints } = await asRole("Nurse");
  await page.goto(`${demo.base}/inbox?view=all`);
  const ids = await page.locator("[data-rows] [data-row]").evaluateAll((rows) => rows.map((row) => row.parentElement.id));
  await typed(page, "j");
  assert.equal(await focused(page), ids[0]);
  await typed(page, "j j k");
  assert.equal(await focused(page), ids[1]);
  // To somebody who wrote: a reminder that did not arrive is work too.
  const written = await page.locator("[data-rows] [data-row]").evaluateAll((rows) =>
    rows.findIndex((row, at) => at > 0 && row.querySelector(".words:not(.none)")));
  for (let at = 1; at < written; at++) await typed(page, "j");
  assert.equal(await focused(page), ids[written]);
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.notEqual(outline, "none", "one sees where one is");
  await typed(page, "Enter");
  await page.waitForURL(/\/inbox\/[0-9a-f-]{36}/);
  assert.ok((await page.locator(".item.them .body").count()) > 0, "what they wrote is there");
  assert.doesNotMatch(await page.title(), /[A-Z]\. ?[A-Z]\./, "a title names nobody");
  await typed(page, "a");
  assert.equal(await focused(page), "owner");
  await typed(page, "Escape");
  assert.equal(await page.locator("#do-assign[open]").count(), 0);
  await typed(page, "a");
  await page.locator("#owner").selectOption("me");
  await typed(page, "Tab Enter");
  await until("it to be theirs", async () => /· you ·/.test(await page.locator(".talk-top .fate").innerText()), 30);
  // Keys are heard once the page's scripts are there.
  await page.waitForLoadState();
  await typed(page, "n");
  // Inside a field, keys are letters.
  await page.keyboard.type("ask, call again, see j and g i ?");
  await typed(page, "Tab Tab Enter");
  await page.locator(".item.note").waitFor();
  assert.match(await page.locator(".item.note").last().innerText(), /see j and g i \?/);
  await typed(page, "?");
  assert.ok(await page.locator("dialog#keys").isVisible());
  await typed(page, "Escape");
  assert.ok(!(await page.locator("dialog#keys").isVisible()));
  await typed(page, "e");
  await typed(page, "Space Tab Enter");
  await page.waitForURL(/closed=/);
  const closed = new URL(page.url()).searchParams.get("closed");
  assert.equal(await page.locator(`#c-${closed}`).count(), 0, "it is not in the list any more");
  await page.getByRole("button", { name: "Undo" }).focus();
  await typed(page, "Enter");
  await page.waitForURL(`${demo.base}/inbox/${closed}`);
  assert.match(await page.locator(".talk-top .fate").innerText(), /due/);
  await typed(page, "g t");
  await page.waitForURL(`${demo.base}/tasks`);
  assert.deepEqual(await page.locator(".rail [aria-current]").allInnerTexts(), ["Tasks"]);
  await typed(page, "g d");
  await page.waitForURL(`${demo.base}/today`);
  assert.deepEqual(await page.locator(".rail [aria-current]").allInnerTexts(), ["Today"]);
  await typed(page, "g i");
  await page.waitForURL(`${demo.base}/inbox`);
  // From the list straight to what one wants to do.
  await page.goto(`${demo.base}/inbox?view=mine`);
  await typed(page, "j s");
  await page.waitForURL(/#do-snooze/);
  await page.locator("#do-snooze[open]").waitFor();
  const onButton = () => page.evaluate(() => document.activeElement instanceof HTMLButtonElement);
  for (let at = 0; at < 8 && !(await onButton()); at++) await typed(page, "Tab");
  await typed(page, "Enter");
  await page.waitForURL(`${demo.base}/inbox?view=mine`);
  await page.goto(`${demo.base}/inbox?view=snoozed`);
  assert.match(await page.locator(`#c-${closed}`).innerText(), /back/);
  await page.goto(`${demo.base}/inbox/${closed}`);
  await typed(page, "s");
  await until("it to be awake", async () => /due/.test(await page.locator(".talk-top .fate").innerText()), 30);
  assert.deepEqual(complaints, []);
  await context.close();
});

test("all of it without scripts", { timeout: 240_000 }, async () => {
  const { page, context } = await asRole("Nurse", { javaScriptEnabled: false });
  await page.goto(`${demo.base}/inbox?view=all`);
  await page.locator("[data-rows] [data-row]").last().click();
  await page.locator("#do-note summary").click();
  await page.getByLabel("For colleagues only").fill("Rang twice.");
  await page.getByLabel("Call a colleague").selectOption({ label: "Rosa Delgado" });
  await page.getByRole("button", { name: "Keep the note" }).click();
  assert.match(await page.locator(".item.note").last().innerText(), /to Rosa Delgado[\s\S]*Rang twice\./);
  await page.locator("#do-close summary").click();
  await page.getByLabel("Spoke with the patient").check();
  await page.getByRole("button", { name: "Close the conversation" }).click();
  await page.getByRole("button", { name: "Undo" }).click();
  assert.match(await page.locator(".talk-top .fate").innerText(), /due/);
  await page.goto(`${demo.base}/tasks`);
  const tasks = await page.locator("tbody tr").count();
  await page.locator("tbody details summary").first().click();
  await page.locator("tbody details[open]").getByLabel("Could not reach them").check();
  await page.locator("tbody details[open]").getByRole("button", { name: "Keep it" }).click();
  await page.getByText("Done, and on record.").waitFor();
  assert.equal(await page.locator("tbody tr").count(), tasks - 1);
  await context.close();
});

test("a colleague is seen, what is new waits behind a bar, and whoever loses leave goes dark", { timeout: 240_000 }, async () => {
  const nurse = await asRole("Nurse");
  await nurse.page.goto(`${demo.base}/inbox?view=all`);
  const href = await nurse.page.locator("[data-rows] [data-row]").first().getAttribute("href");
  await nurse.page.goto(`${demo.base}${href}`);
  const provider = await asRole("Provider");
  await provider.page.goto(`${demo.base}${href}`);
  await provider.page.locator("#strip .quiet").waitFor();
  // A page that is behind another hears nothing until it comes to the front again.
  await nurse.page.bringToFront();
  await nurse.page.getByText("Dr. Samuel Okafor is looking too").waitFor({ timeout: 30_000 });
  const before = await nurse.page.locator(".shelf").innerHTML();
  await provider.page.bringToFront();
  await provider.page.locator("#do-note summary").click();
  await provider.page.getByLabel("For colleagues only").fill("I have it.");
  await provider.page.getByRole("button", { name: "Keep the note" }).click();
  await nurse.page.bringToFront();
  const news = nurse.page.getByRole("link", { name: "1 new. Show it" });
  await news.waitFor({ timeout: 30_000 });
  assert.equal(await nurse.page.locator(".shelf").innerHTML(), before, "nothing moved by itself");
  await news.click();
  await nurse.page.waitForLoadState("load");
  await nurse.page.locator(".item.note").last().getByText("I have it.").waitFor();
  await sotto(["staff", "disable", "--demo", demo.data, "nurse@riverbend.example"]);
  await nurse.page.getByRole("heading", { name: "This page is locked" }).waitFor({ timeout: 30_000 });
  assert.equal(await nurse.page.locator(".item").count(), 0, "nothing of it is left on the page");
  await sotto(["staff", "enable", "--demo", demo.data, "nurse@riverbend.example"]);
  assert.deepEqual([...nurse.complaints, ...provider.complaints], []);
  await nurse.context.close();
  await provider.context.close();
});

for (const [name, options] of [
  ["light", { colorScheme: "light" }],
  ["dark", { colorScheme: "dark" }],
  ["320 px wide", { viewport: { width: 320, height: 800 } }],
  ["zoomed to 400 %", { viewport: { width: 360, height: 256 }, deviceScaleFactor: 4 }],
]) {
  test(`no accessibility rule is broken: ${name}`, { timeout: 240_000 }, async () => {
    const { page, context, complaints } = await asRole("Nurse", options);
    await page.goto(`${demo.base}/inbox?view=all`);
    await demo.isAccessible(page, `inbox ${name}`);
    await page.goto(`${demo.base}${await page.locator("[data-rows] [data-row]").first().getAttribute("href")}`);
    for (const details of await page.locator(".deeds details").all()) await details.evaluate((it) => (it.open = true));
    await demo.isAccessible(page, `conversation ${name}`);
    if (name === "light") {
      await page.keyboard.press("?");
      await demo.isAccessible(page, `keys ${name}`);
    }
    await page.goto(`${demo.base}/tasks`);
    await demo.isAccessible(page, `tasks ${name}`);
    await page.goto(`${demo.base}/today`);
    await demo.isAccessible(page, `today ${name}`);
    await page.goto(`${demo.base}/guide`);
    await page.getByRole("heading", { level: 1 }).waitFor();
    await demo.isAccessible(page, `guide ${name}`);
    assert.deepEqual(complaints, []);
    await context.close();
  });
}

test("an emergency is shown on a page that has no line of its own", { timeout: 240_000 }, async () => {
  const { page, context, complaints } = await asRole("Nurse");
  // As the server says it; patients of the demo rarely are in danger.
  const line = '<div id="strip" class="strip alarmed"><div class="alarm-line" role="alert"><p>M. G. may be in danger. Call now.</p></div></div>';
  await page.route("**/inbox/live*", (route) =>
    route.fulfill({ contentType: "text/event-stream", body: `data: ${line}\n\n` }));
  await page.goto(`${demo.base}/me`);
  await page.getByRole("alert").getByText("M. G. may be in danger").waitFor();
  await demo.isAccessible(page, "an emergency on another page");
  assert.deepEqual(complaints, []);
  await context.close();
});

test("the front desk sees that a clinical question waits, and not its words", { timeout: 240_000 }, async () => {
  // A colleague finds that it is about care.
  const nurse = await asRole("Nurse");
  await nurse.page.goto(`${demo.base}/inbox?view=all`);
  await nurse.page.locator("[data-rows] [data-row]").first().click();
  await nurse.page.locator("#do-assign summary").click();
  await nurse.page.getByLabel("To", { exact: true }).selectOption({ label: "Nurse, whoever is free" });
  await nurse.page.getByRole("button", { name: "Assign" }).click();
  await nurse.page.locator(".talk-top .fate", { hasText: "· Nurse ·" }).waitFor();
  await nurse.context.close();
  const { page, context } = await asRole("Front desk");
  await page.goto(`${demo.base}/inbox?view=all`);
  const shut = page.locator(".rows .shut");
  assert.ok((await shut.count()) > 0);
  assert.match(await shut.first().innerText(), /not for your role/);
  assert.equal(await shut.locator("a").count(), 0);
  await demo.isAccessible(page, "inbox of the front desk");
  await context.close();
});

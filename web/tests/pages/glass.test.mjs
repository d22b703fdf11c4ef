// A record opened in an emergency, and the desk while the database is away, in a real browser: by the
// keyboard, without scripts, narrow and wide, light and dark, and by the accessibility rules.
import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { openDemo, withAuthenticator } from "../browser.mjs";
import { sotto, until } from "../sotto.mjs";

let demo;
before(async () => {
  demo = await openDemo("glass", { patients: 40, speed: 1 });
});
after(() => demo?.close());

// Each page as it is met on a telephone at night, and on the desk by day.
const inEveryLight = async (page, name) => {
  for (const [light, width] of [["light", 1280], ["dark", 1280], ["light", 320], ["dark", 320]]) {
    await page.emulateMedia({ colorScheme: light });
    await page.setViewportSize({ width, height: 900 });
    await demo.isAccessible(page, `${name} ${light} ${width}`);
  }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 1280, height: 900 });
};

// The administrator says where somebody works: at one site.
const atOneSite = async (who) => {
  const house = await demo.asRole("Administrator");
  await house.page.goto(`${demo.base}/staff`);
  const row = house.page.locator("tr", { hasText: who }).first();
  await row.locator("summary").click();
  await row.getByLabel("only at these").check();
  await row.locator("input[name^=site-]").first().check();
  const site = (await row.locator("label", { has: house.page.locator("input[name^=site-]") }).first().innerText()).trim();
  await row.getByRole("button", { name: /^Save sites/ }).click();
  await house.page.waitForURL(`${demo.base}/staff`);
  assert.equal(await house.page.locator("tr", { hasText: who }).first().locator("td[data-label='Works at']").innerText(), site);
  return house;
};

// Somebody who is seen elsewhere, found where everybody is seen.
const closedTo = async (page) => {
  const front = await demo.asRole("Front desk");
  await front.page.goto(`${demo.base}/today`);
  const all = [];
  for (let day = 0; day < 16; day += 1) {
    all.push(...await front.page.locator("td.who a").evaluateAll((links) => links.map((a) => a.getAttribute("href"))));
    await front.page.getByRole("link", { name: "The day after" }).click();
    await front.page.waitForLoadState();
  }
  assert.deepEqual(front.complaints, []);
  await front.context.close();
  for (const path of all) {
    const answer = await page.goto(`${demo.base}${path}`);
    if (answer.status() === 403) {
      return path;
    }
  }
  return assert.fail("somebody is seen at another site only");
};

test("the nurse of one site opens another's record in an emergency, and the officer reviews it", { timeout: 400_000 }, async () => {
  const house = await atOneSite("nurse@");
  await demo.isAccessible(house.page, "staff with sites");
  const nurse = await demo.asRole("Nurse");
  const closed = await closedTo(nurse.page);
  await inEveryLight(nurse.page, "closed record");
  // By the keyboard alone: to the form, a mistake, the reason, and in.
  await nurse.page.getByRole("link", { name: "It is an emergency: open it" }).focus();
  await nurse.page.keyboard.press("Enter");
  await nurse.page.waitForURL(`${demo.base}${closed}/emergency`);
  await inEveryLight(nurse.page, "emergency form");
  await nurse.page.getByLabel("Their life or health is in danger now").focus();
  await nurse.page.keyboard.press("Space");
  await nurse.page.keyboard.press("Tab");
  await nurse.page.keyboard.type("Unconscious in our waiting room; allergies?");
  await nurse.page.keyboard.press("Tab");
  await nurse.page.keyboard.press("Enter");
  await nurse.page.waitForURL(`${demo.base}${closed}`);
  const line = nurse.page.getByRole("region", { name: "Emergency access" });
  assert.match(await line.innerText(), /for 60 more minutes/);
  await inEveryLight(nurse.page, "record open in an emergency");
  assert.equal(await nurse.page.getByText("Add a number or mailbox").count(), 0, "nothing can be written");
  await nurse.page.goto(`${demo.base}/tasks`);
  assert.equal(await line.count(), 1, "the red line is on every page");
  // The officer is told on any page of the desk, and cannot review what is open still.
  const officer = await demo.asRole("Privacy officer", { javaScriptEnabled: false });
  await officer.page.goto(`${demo.base}/tasks`);
  await officer.page.getByText("opened a record in an emergency").waitFor();
  await officer.page.getByRole("link", { name: "Review it" }).first().click();
  await officer.page.waitForURL(/\/log\/emergencies/);
  await officer.page.getByText("Unconscious in our waiting room").waitFor();
  await officer.page.getByRole("button", { name: /^End it now/ }).click();
  await officer.page.waitForURL(`${demo.base}/log/emergencies`);
  assert.equal((await nurse.page.goto(`${demo.base}${closed}`)).status(), 403, "ended at once");
  await officer.page.getByLabel("It was").selectOption("needed");
  await officer.page.getByRole("button", { name: /^Sign off/ }).click();
  await officer.page.getByText("Nothing waits.").waitFor();
  assert.equal(await officer.page.getByText(/: needed$/).count(), 1);
  const auditor = await demo.asRole("Auditor");
  await auditor.page.goto(`${demo.base}/log/emergencies`);
  assert.equal(await auditor.page.getByText("Unconscious").count(), 0, "an auditor does not read the sentence");
  await inEveryLight(auditor.page, "emergencies reviewed");
  for (const one of [house, nurse, officer, auditor]) {
    assert.deepEqual(one.complaints, []);
    await one.context.close();
  }
});

test("who has a passkey and nothing else opens a record by it, also with another reason", { timeout: 400_000 }, async () => {
  // A nurse who never had a password or a code: she comes in by her passkey, at one site.
  const asked = ["staff", "invite", "--demo", demo.data, "--name", "Ines Abara", "--email", "ines@riverbend.example", "--role", "nurse", "--json"];
  const { page, context, complaints } = await demo.open(new URL(JSON.parse(await sotto(asked)).link).pathname);
  await withAuthenticator(page);
  await page.getByRole("button", { name: "Make a passkey" }).click();
  await page.getByRole("link", { name: "I have kept them" }).click();
  const house = await atOneSite("ines@");
  const closed = await closedTo(page);
  // The browser was left: before the form, it asks who it is, and the passkey answers.
  await page.goto(`${demo.base}/tasks`);
  await page.getByRole("button", { name: "Lock", exact: true }).click();
  await page.waitForURL(`${demo.base}/lock`);
  await page.goto(`${demo.base}${closed}/emergency`);
  await page.waitForURL(`${demo.base}/lock?to=${closed}/emergency`);
  await inEveryLight(page, "lock before an emergency");
  await page.getByRole("button", { name: "Use a passkey" }).click();
  await page.waitForURL(`${demo.base}${closed}/emergency`);
  await page.getByLabel("I treat them now, and whoever usually does is away").check();
  await page.getByLabel("What is happening").fill("She is here for her dressing");
  await page.getByRole("button", { name: "Open the record for an hour" }).click();
  await page.waitForURL(`${demo.base}${closed}`);
  // And then it is one.
  await page.goto(`${demo.base}${closed}/emergency`);
  await page.getByText("It stands open to you already").waitFor();
  await inEveryLight(page, "another reason");
  await page.getByLabel("Their life or health is in danger now").check();
  await page.getByLabel("What is happening").fill("She fainted in our waiting room");
  await page.getByRole("button", { name: "Open the record for an hour" }).click();
  await page.waitForURL(`${demo.base}${closed}`);
  assert.equal(await page.getByRole("region", { name: "Emergency access" }).count(), 1);
  const officer = await demo.asRole("Privacy officer");
  await officer.page.goto(`${demo.base}/log/emergencies`);
  await officer.page.getByText("She is here for her dressing").waitFor();
  await officer.page.getByText("She fainted in our waiting room").waitFor();
  for (const one of [house, officer, { complaints, context }]) {
    assert.deepEqual(one.complaints, []);
    await one.context.close();
  }
});

test("the schedule is there on a good day, as it would be on a bad one", { timeout: 240_000 }, async () => {
  const { page, context, complaints } = await demo.asRole("Front desk");
  await until("a copy", async () => {
    await page.goto(`${demo.base}/downtime`);
    return (await page.locator("h1").innerText()) === "Schedule and contacts";
  }, 60);
  assert.match(await page.locator("#main").innerText(), /The database is there/);
  // A demo that begins before a weekend has two days without visits.
  const rows = await page.locator("tbody tr").count();
  assert.ok(rows > 0 || await page.getByText("No visits for you to see").count() === 2, "visits");
  await inEveryLight(page, "downtime on a good day");
  await page.emulateMedia({ media: "print" });
  assert.equal(await page.locator(".rail").isVisible(), false, "the pages' names are not printed");
  assert.deepEqual(complaints, []);
  await context.close();
});

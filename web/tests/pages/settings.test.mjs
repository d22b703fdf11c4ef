// Hours, carriers and a test text, in a real browser.
import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { looks, openDemo, tabTo } from "../browser.mjs";

let demo;
before(async () => {
  demo = await openDemo("settings", { patients: 20 });
});
after(() => demo?.close());

test("a place gets hours of its own by the keyboard alone", { timeout: 240_000 }, async () => {
  const { page, context, complaints } = await demo.asRole("Administrator");
  await page.goto(`${demo.base}/settings/hours`);
  await page.locator("table tbody tr").nth(1).getByRole("link").press("Enter");
  await page.getByText("keeps the practice’s hours until you save others").waitFor();
  await tabTo(page, () => document.activeElement.id === "h-mon");
  await page.keyboard.press("Control+A");
  await page.keyboard.type("08:00-12:00, 13:00-17:30");
  await page.locator("input[name=federal]").focus();
  await page.keyboard.press("Space");
  await page.getByRole("button", { name: "Save hours" }).press("Enter");
  await page.getByText("its own", { exact: true }).waitFor();
  assert.equal(await page.locator("#h-mon").inputValue(), "08:00-12:00, 13:00-17:30");
  assert.ok(await page.locator("input[name=federal]").isChecked());
  await page.locator("#h-mon").fill("early");
  await page.getByRole("button", { name: "Save hours" }).click();
  await page.getByRole("alert").waitFor();
  assert.equal(await page.locator("#h-mon").inputValue(), "early", "what was typed stays");
  assert.deepEqual(complaints, []);
  await context.close();
});

test("a test text is followed to its end", { timeout: 240_000 }, async () => {
  const { page, context, complaints } = await demo.asRole("Administrator");
  await page.goto(`${demo.base}/settings/carriers`);
  await page.locator("input[name=cents]").fill("0.79");
  await page.getByRole("button", { name: "Save price" }).click();
  await page.waitForLoadState();
  assert.equal(await page.locator("input[name=cents]").inputValue(), "0.79");
  await page.getByRole("button", { name: "Send a test text" }).click();
  // In the demo night may fall at any minute: then it waits for the morning.
  await page.locator("#story").getByText(/Delivered|Waiting|With the carrier/).first().waitFor({ timeout: 120_000 });
  assert.deepEqual(complaints, []);
  await context.close();
});

for (const [look, options] of looks) {
  test(`no accessibility rule is broken: ${look}`, { timeout: 240_000 }, async () => {
    const { page, context } = await demo.asRole("Administrator", options);
    for (const path of ["/settings", "/settings/hours", "/settings/carriers"]) {
      await page.goto(`${demo.base}${path}`);
      await demo.isAccessible(page, `${path} ${look}`);
    }
    await context.close();
  });
}

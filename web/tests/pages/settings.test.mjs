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

const paper = { name: "agreement.pdf", mimeType: "application/pdf", buffer: Buffer.from("%PDF-1.4\n1 0 obj <</Type /Catalog>> endobj\n%%EOF\n") };

test("a vendor is written down, signed and ended, with scripts off", { timeout: 240_000 }, async () => {
  const { page, context, complaints } = await demo.asRole("Administrator", { javaScriptEnabled: false });
  await page.goto(`${demo.base}/settings/vendors`);
  await page.getByText("Add a vendor that carries no channel").click();
  await page.getByLabel("Legal name").fill("Night Line LLC");
  await page.getByLabel("What they do for you").fill("answers the phone at night");
  await page.getByRole("button", { name: "Add the vendor" }).click();
  await page.getByRole("heading", { name: "Night Line LLC" }).waitFor();
  const today = await page.getByLabel("Signed on").getAttribute("max");
  const next = `${Number(today.slice(0, 4)) + 1}-06-30`;
  await page.getByLabel("Signed on").fill(today);
  await page.getByLabel("Last day").fill(next);
  await page.getByLabel("Who signed", { exact: true }).fill("R. Delgado; M. Okafor for them");
  await page.getByLabel("Scan of the signed agreement").setInputFiles({ ...paper, name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("no scan") });
  await page.getByRole("button", { name: "Keep the agreement" }).click();
  await page.getByRole("alert").waitFor();
  assert.equal(await page.getByLabel("Last day").inputValue(), next, "what was typed stays");
  await page.getByLabel("Scan of the signed agreement").setInputFiles(paper);
  await page.getByRole("button", { name: "Keep the agreement" }).click();
  await page.getByText(/days left/).waitFor();
  assert.equal(await page.getByRole("link", { name: "Scan" }).count(), 1);
  // Who carries texts is ended: the gate says so, and so does the desk.
  await page.goto(`${demo.base}/settings/vendors/sms_smpp`);
  assert.match(await page.locator("#gate").innerText(), /lets text through/);
  await page.getByText("End it now").click();
  await page.getByLabel("Why", { exact: true }).fill("They sold our numbers.");
  await page.getByRole("button", { name: "End the agreement" }).click();
  await page.getByText("They sold our numbers.").waitFor();
  assert.match(await page.locator("#gate").innerText(), /stops text: nothing goes/);
  const officer = await demo.asRole("Privacy officer");
  await officer.page.goto(`${demo.base}/tasks`);
  await officer.page.getByRole("link", { name: /get the certificate of return or destruction/ }).click();
  await officer.page.waitForURL(`${demo.base}/settings/vendors`);
  await officer.page.goto(`${demo.base}/`);
  await officer.page.locator("#agreements").getByText("Ended: nothing goes").waitFor();
  assert.deepEqual([...complaints, ...officer.complaints], []);
  await officer.context.close();
  await context.close();
});

for (const [look, options] of looks) {
  test(`no accessibility rule is broken: ${look}`, { timeout: 240_000 }, async () => {
    const { page, context } = await demo.asRole("Administrator", options);
    for (const path of ["/settings", "/settings/hours", "/settings/carriers", "/settings/vendors", "/settings/vendors/sms_smpp", "/settings/vendors/email_smtp"]) {
      await page.goto(`${demo.base}${path}`);
      await demo.isAccessible(page, `${path} ${look}`);
    }
    await context.close();
  });
}

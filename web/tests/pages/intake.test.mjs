// What the answering service hands in, and how the practice gets it, in a real browser.
import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { looks, openDemo, tabTo } from "../browser.mjs";

let demo;
before(async () => {
  demo = await openDemo("intake", { patients: 20 });
});
after(() => demo?.close());

const onField = (id) => `document.activeElement.id === "call-${id}"`;

test("a call is handed in by the keyboard alone on a small screen, and reaches the desk", { timeout: 240_000 }, async () => {
  const { page, context, complaints } = await demo.asRole("Answering service", { viewport: { width: 320, height: 720 } });
  await page.goto(`${demo.base}/intake`);
  await page.getByText("Nothing was handed in").waitFor();
  await demo.isAccessible(page, "intake empty");
  for (const [id, words] of [["caller", "Ana Ruiz"], ["number", "617 555 0188"], ["about", "Her father Luis Ruiz"], ["words", "He ran out of his pills and asks for somebody to call"]]) {
    await tabTo(page, onField(id));
    await page.keyboard.type(words);
  }
  await tabTo(page, onField("urgent"));
  await page.keyboard.press("Space");
  await tabTo(page, `document.activeElement.textContent === "Hand it in"`);
  await page.keyboard.press("Enter");
  await page.getByRole("status").getByText("Handed in.").waitFor();
  const list = page.getByRole("region", { name: "In the last 24 hours" });
  assert.match(await list.innerText(), /can’t wait[\s\S]*with the practice/);
  const text = await page.locator("main").innerText();
  assert.ok(!text.includes("Ruiz") && !text.includes("0188"), "nothing of it stays on the page");
  await demo.isAccessible(page, "intake handed in");
  assert.deepEqual(complaints, []);
  await context.close();

  const desk = await demo.asRole("Nurse");
  await desk.page.goto(`${demo.base}/tasks`);
  const row = desk.page.locator("tr.urgent-row").filter({ hasText: "emergency" }).first();
  await row.locator("a[href^='/inbox/']").click();
  await desk.page.locator("p.body").filter({ hasText: "He ran out of his pills" }).waitFor();
  await desk.page.locator("p.body").filter({ hasText: "Caller: Ana Ruiz" }).waitFor();
  await desk.page.locator("p.body").filter({ hasText: "Her father Luis Ruiz" }).waitFor();
  await demo.isAccessible(desk.page, "a call in the inbox");
  assert.deepEqual(desk.complaints, []);
  await desk.context.close();
});

test("the form in light, dark and on a small screen", { timeout: 240_000 }, async () => {
  for (const [look, options] of looks) {
    const { page, context, complaints } = await demo.asRole("Answering service", options);
    await page.goto(`${demo.base}/intake`);
    await page.getByText("with the practice").first().waitFor();
    await demo.isAccessible(page, `intake ${look}`);
    await page.getByLabel("Who is calling").fill("Ana Ruiz");
    await page.getByLabel("Their number").fill("12");
    await page.getByLabel("What they want, in their words").fill("Please call me back");
    await page.getByRole("button", { name: "Hand it in" }).click();
    await page.getByRole("alert").waitFor();
    await demo.isAccessible(page, `intake wrong ${look}`);
    assert.deepEqual(complaints, []);
    await context.close();
  }
});

test("a wrong number comes back with all that was typed, with scripts off", { timeout: 240_000 }, async () => {
  const { page, context, complaints } = await demo.asRole("Answering service", { javaScriptEnabled: false });
  await page.goto(`${demo.base}/intake`);
  await page.getByLabel("Who is calling").fill("Ana Ruiz");
  await page.getByLabel("Their number").fill("12");
  await page.getByLabel("What they want, in their words").fill("Please call me back");
  await page.getByLabel("They want no more texts").check();
  await page.getByRole("button", { name: "Hand it in" }).click();
  await page.getByRole("alert").getByText("Ask for a number with its area code").waitFor();
  assert.equal(await page.getByLabel("What they want, in their words").inputValue(), "Please call me back");
  assert.ok(await page.getByLabel("They want no more texts").isChecked());
  assert.equal(await page.getByLabel("Their number").getAttribute("aria-invalid"), "true");
  await page.getByLabel("Their number").fill("617 555 0189");
  await page.getByRole("button", { name: "Hand it in" }).click();
  await page.getByText("Handed in.").waitFor();
  assert.deepEqual(complaints, []);
  await context.close();
});

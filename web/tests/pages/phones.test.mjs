// Phones that are remembered, in a real browser with a virtual authenticator: at 320 px, in English by
// the keyboard alone and in Spanish, without scripts, and by the accessibility rules.
import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { openDemo, tabTo, withAuthenticator } from "../browser.mjs";
import { fromTheDesk, giveDateOfBirth } from "../window.mjs";

let demo, nurse, from;
const small = { viewport: { width: 320, height: 640 } };

before(async () => {
  demo = await openDemo("phones", { speed: 20 });
  nurse = await demo.asRole("Nurse");
  from = fromTheDesk(demo, nurse.page);
});
after(() => demo?.close());

// The nurse writes by portal. The answer is the link in the notice of it.
const write = async (whom, words) => {
  const { page } = nurse;
  const before = await from.links(whom);
  await page.goto(`${whom.here}/write`);
  await page.locator("#body").fill(words);
  await page.locator("input[name=channel][value=portal]").check();
  await page.getByRole("button", { name: "Send by portal" }).click();
  await page.waitForURL(/\/written\//);
  return from.newestLink(whom, before);
};

const press = async (page, name) => {
  await tabTo(page, `document.activeElement.tagName === "BUTTON" && document.activeElement.textContent.trim() === ${JSON.stringify(name)}`);
  await page.keyboard.press("Enter");
};

test("a phone is remembered and opens the next link, by the keyboard alone", { timeout: 300_000 }, async () => {
  const whom = await from.somebody(0);
  const other = await from.somebody(1);
  const { page, context, complaints } = await demo.open("/window/in?lang=en", small);
  await withAuthenticator(page);
  await from.comeIn(page, whom, await write(whom, "Please keep the dressing dry."));
  await page.goto(`${demo.base}/window`);
  await page.getByRole("heading", { name: "Remember this phone?" }).waitFor();
  await demo.isAccessible(page, "phone offered");
  await press(page, "Remember this phone");
  await page.waitForURL(/\/window\/phones\?done=added$/);
  await page.getByText("This phone is remembered.").waitFor();
  assert.equal(await page.getByText("This browser can’t be remembered").count(), 0);
  await demo.isAccessible(page, "phone remembered");
  // A second time the phone itself says that it is known.
  await page.goto(`${demo.base}/window/phones`);
  await page.getByRole("button", { name: "Remember this phone" }).click();
  await page.getByText("This phone is remembered already.").waitFor();
  assert.equal(await page.getByText("This browser can’t be remembered").isVisible(), false);
  await page.getByRole("button", { name: /End now/ }).click();
  await page.getByRole("heading", { name: "You are out" }).waitFor();

  const link = await write(whom, "You may take the dressing off now.");
  let weight = 0;
  page.on("response", async (response) => {
    weight += gzipSync(await response.body().catch(() => Buffer.alloc(0))).length;
  });
  await page.goto(`${demo.base}/w/${link}`);
  await page.waitForLoadState("networkidle");
  assert.ok(weight > 0 && weight < 60_000, `the first page weighs ${weight} bytes compressed`);
  await page.getByRole("heading", { name: "Did we remember this phone?" }).waitFor();
  await demo.isAccessible(page, "phone at a link");
  await press(page, "Use this phone");
  await page.waitForURL(`${demo.base}/window`);
  await page.locator("a[href^='/window/letters/']").first().click();
  await page.getByText("take the dressing off").waitFor();
  await page.goto(`${demo.base}/window`);
  assert.equal(await page.getByRole("button", { name: "Remember this phone" }).count(), 0, "it is offered once");
  await tabTo(page, () => document.activeElement.getAttribute("href") === "/window/phones");
  await page.keyboard.press("Enter");
  await page.getByText("(this one)").waitFor();
  await demo.isAccessible(page, "phones");
  await page.getByRole("button", { name: /End now/ }).click();
  await page.getByRole("heading", { name: "You are out" }).waitFor();

  // At somebody else's link it opens nothing.
  await page.goto(`${demo.base}/w/${await write(other, "Please call us.")}`);
  await page.getByRole("button", { name: "Use this phone" }).click();
  await page.getByRole("alert").filter({ hasText: "That doesn’t open this link" }).waitFor();
  await demo.isAccessible(page, "phone of another");

  // Without a link, and removed.
  await page.goto(`${demo.base}/window/in`);
  await demo.isAccessible(page, "phone alone");
  await page.getByRole("button", { name: "Use this phone" }).click();
  await page.waitForURL(`${demo.base}/window`);
  await page.goto(`${demo.base}/window/phones`);
  await page.getByRole("button", { name: /^Remove/ }).click();
  await page.getByText("That phone is forgotten.").waitFor();
  await page.getByRole("button", { name: /End now/ }).click();
  await page.goto(`${demo.base}/window/in`);
  await page.getByRole("button", { name: "Use this phone" }).click();
  await page.getByRole("alert").filter({ hasText: "We don’t remember this phone" }).waitFor();
  await demo.isAccessible(page, "phone forgotten");
  assert.deepEqual(complaints, []);
  await context.close();
});

test("in Spanish, in the dark", { timeout: 300_000 }, async () => {
  const whom = await from.somebody(2);
  const { page, context, complaints } = await demo.open("/window/in?lang=es", { ...small, colorScheme: "dark" });
  const authenticator = await withAuthenticator(page);
  await page.goto(`${demo.base}/w/${await write(whom, "Please keep the dressing dry.")}`);
  await page.getByRole("button", { name: "Usar este teléfono" }).click();
  await page.getByText("Ningún teléfono respondió").waitFor();
  await demo.isAccessible(page, "phone at a link es");
  await giveDateOfBirth(page, whom.born);
  await page.getByRole("button", { name: "Enviarme un código" }).click();
  await page.waitForURL(/\/code$/);
  await page.locator("#code").fill(await from.newestCode());
  await page.getByRole("button", { name: "Abrir" }).click();
  await page.waitForURL(`${demo.base}/window`);
  await page.getByRole("heading", { name: "¿Recordar este teléfono?" }).waitFor();
  await demo.isAccessible(page, "phone offered es");
  await page.getByRole("button", { name: "Recordar este teléfono" }).click();
  await page.getByText("Este teléfono queda recordado.").waitFor();
  await demo.isAccessible(page, "phones es");
  // What the phone keeps says nothing of the patient.
  const { credentials } = await authenticator.send("WebAuthn.getCredentials");
  assert.equal(credentials.length, 1);
  assert.match(credentials[0].userName ?? "Riverbend Family Health mensajes AA", /^Riverbend Family Health mensajes [A-Z2-9]{2}$/);
  assert.notEqual(Buffer.from(credentials[0].userHandle, "base64").toString("hex"), whom.id.replaceAll("-", ""));
  await page.goto(`${demo.base}/window/lost`);
  await page.getByRole("button", { name: "Desconectar todos los dispositivos" }).click();
  await page.getByText("ningún teléfono queda recordado").waitFor();
  await page.goto(`${demo.base}/window/in`);
  await page.getByRole("button", { name: "Usar este teléfono" }).click();
  await page.getByRole("alert").filter({ hasText: "No recordamos este teléfono" }).waitFor();
  assert.deepEqual(complaints, []);
  await context.close();
});

test("without scripts nothing is offered and nothing is missing", { timeout: 200_000 }, async () => {
  const whom = await from.somebody(3);
  const { page, context } = await demo.open("/window/in?lang=en", { ...small, javaScriptEnabled: false });
  assert.equal(await page.getByRole("button", { name: "Use this phone" }).count(), 0);
  const link = await write(whom, "Please call us.");
  await page.goto(`${demo.base}/w/${link}`);
  assert.equal(await page.getByRole("button", { name: "Use this phone" }).count(), 0);
  await from.comeIn(page, whom, link);
  assert.equal(await page.getByRole("button", { name: "Remember this phone" }).count(), 0);
  await page.getByRole("link", { name: "Remembered phones" }).click();
  await page.getByText("This browser can’t be remembered").waitFor();
  await context.close();
});

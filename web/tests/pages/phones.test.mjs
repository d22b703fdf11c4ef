// Phones that are remembered, in a real browser with a virtual authenticator: at 320 px, in English and
// Spanish by the keyboard alone, as a screen reader gets it, without scripts, and by the accessibility
// rules.
import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { openDemo, withAuthenticator } from "../browser.mjs";
import { isTold } from "../reader.mjs";
import { LANGUAGES, fromTheDesk, named, press, stands, words } from "../window.mjs";

let demo, nurse, from;
const small = { viewport: { width: 320, height: 640 } };

before(async () => {
  demo = await openDemo("phones", { speed: 20 });
  nurse = await demo.asRole("Nurse");
  from = fromTheDesk(demo, nurse.page);
});
after(() => demo?.close());

const own = {
  en: {
    offered: "Remember this phone?", remember: "Remember this phone", added: "This phone is remembered.", cannot: "This browser can’t be remembered", there: /This phone is remembered already/,
    out: "You are out", asked: "Did we remember this phone?", use: "Use this phone", none: /No phone answered/, phones: "Remembered phones", this: "(this one)",
    another: /That doesn’t open this link/, remove: "Remove", forgotten: "That phone is forgotten.", unknown: /We don’t remember this phone/,
    cutOff: "Cut off every device", cut: "no phone is remembered", keeps: /^Riverbend Family Health messages [A-Z2-9]{2}$/,
  },
  es: {
    offered: "¿Recordar este teléfono?", remember: "Recordar este teléfono", added: "Este teléfono queda recordado.", cannot: "Este navegador no puede recordarse", there: /Este teléfono ya queda recordado/,
    out: "Ha salido", asked: "¿Recordamos este teléfono?", use: "Usar este teléfono", none: /Ningún teléfono respondió/, phones: "Teléfonos recordados", this: "(este)",
    another: /Eso no abre este enlace/, remove: "Quitar", forgotten: "Ese teléfono queda olvidado.", unknown: /No recordamos este teléfono/,
    cutOff: "Desconectar todos los dispositivos", cut: "ningún teléfono queda recordado", keeps: /^Riverbend Family Health mensajes [A-Z2-9]{2}$/,
  },
};

// What a script says is heard, and the focus is on the button again.
const said = async (page, words, button) => {
  await page.getByRole("alert").filter({ hasText: words }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.textContent), button, "the focus is where it was");
};

const remembered = async (language, nth) => {
  const [w, standsSo] = [words(language, own), stands(demo, language)];
  const [whom, other] = [await from.somebody(nth), await from.somebody(nth + 1)];
  const { page, context, complaints } = await demo.open(`/window/in?lang=${language}`, small);
  const authenticator = await withAuthenticator(page);
  // A phone that knows nobody here.
  await page.goto(`${demo.base}/w/${await from.write(whom, "Please keep the dressing dry.")}?lang=${language}`);
  await press(page, w.use);
  await said(page, w.none, w.use);
  await standsSo(page, "phone that knows nobody", [["button", w.use]]);
  await from.comeIn(page, whom, await from.write(whom, "Please keep the dressing dry."), language);
  await page.goto(`${demo.base}/window`);
  await page.getByRole("heading", { name: w.offered }).waitFor();
  await standsSo(page, "phone offered", [["button", w.remember], ["link", w.phones]]);
  await press(page, w.remember);
  await page.waitForURL(/\/window\/phones\?done=added$/);
  await page.getByRole("status").filter({ hasText: w.added }).waitFor();
  assert.equal(await page.getByText(w.cannot).count(), 0);
  await standsSo(page, "phone remembered", [["button", new RegExp(`^${w.remove} .`)]]);
  // What the phone keeps says nothing of the patient.
  const { credentials } = await authenticator.send("WebAuthn.getCredentials");
  assert.equal(credentials.length, 1);
  if (credentials[0].userName) assert.match(credentials[0].userName, w.keeps);
  assert.notEqual(Buffer.from(credentials[0].userHandle, "base64").toString("hex"), whom.id.replaceAll("-", ""));
  // A second time the phone itself says that it is known.
  await page.goto(`${demo.base}/window/phones`);
  await press(page, w.remember);
  await said(page, w.there, w.remember);
  assert.equal(await page.getByText(w.cannot).isVisible(), false);
  await press(page, w.end);
  await page.getByRole("heading", { name: w.out }).waitFor();

  const link = await from.write(whom, "You may take the dressing off now.");
  let weight = 0;
  page.on("response", async (response) => {
    weight += gzipSync(await response.body().catch(() => Buffer.alloc(0))).length;
  });
  await page.goto(`${demo.base}/w/${link}`);
  await page.waitForLoadState("networkidle");
  assert.ok(weight > 0 && weight < 60_000, `the first page weighs ${weight} bytes compressed`);
  await page.getByRole("heading", { name: w.asked }).waitFor();
  await standsSo(page, "phone at a link", [["button", w.use], ["button", w.sendCode]]);
  await press(page, w.use);
  await page.waitForURL(`${demo.base}/window`);
  await page.locator("a[href^='/window/letters/']").first().click();
  await page.getByText("take the dressing off").waitFor();
  await page.goto(`${demo.base}/window`);
  assert.equal(await page.getByRole("button", { name: w.remember }).count(), 0, "it is offered once");
  await press(page, w.phones);
  await page.getByText(w.this).waitFor();
  await standsSo(page, "phones", [["button", new RegExp(`^${w.remove} .`)], ["button", w.end]]);
  await press(page, w.end);
  await page.getByRole("heading", { name: w.out }).waitFor();

  // At somebody else's link it opens nothing.
  await page.goto(`${demo.base}/w/${await from.write(other, "Please call us.")}`);
  await press(page, w.use);
  await page.getByRole("alert").filter({ hasText: w.another }).waitFor();
  await isTold(page, "phone of another", w.another);
  await standsSo(page, "phone of another", [["button", w.use]]);

  // Without a link, and removed.
  await page.goto(`${demo.base}/window/in`);
  await standsSo(page, "phone alone", [["button", w.use], ["button", /.+/]]);
  await press(page, w.use);
  await page.waitForURL(`${demo.base}/window`);
  await page.goto(`${demo.base}/window/phones`);
  await press(page, w.remove);
  await page.getByText(w.forgotten).waitFor();
  await standsSo(page, "phone removed");
  await press(page, w.end);
  await page.getByRole("heading", { name: w.out }).waitFor();
  await page.goto(`${demo.base}/window/in`);
  await press(page, w.use);
  await page.getByRole("alert").filter({ hasText: w.unknown }).waitFor();
  await isTold(page, "phone forgotten", w.unknown);
  await standsSo(page, "phone forgotten", [["button", w.use]]);

  // Remembered once more, and every device cut off.
  await from.comeIn(page, whom, await from.write(whom, "Please come on Thursday."), language);
  await page.goto(`${demo.base}/window/phones`);
  await press(page, w.remember);
  await page.getByText(w.added).waitFor();
  await page.goto(`${demo.base}/window/lost`);
  await press(page, w.cutOff);
  await page.getByText(w.cut).waitFor();
  await page.goto(`${demo.base}/window/in`);
  await press(page, w.use);
  await page.getByRole("alert").filter({ hasText: w.unknown }).waitFor();
  assert.deepEqual(complaints, []);
  await context.close();
};
for (const [nth, language] of LANGUAGES.entries()) {
  test(`a phone is remembered and opens the next link, by the keyboard alone: ${named[language]}`, { timeout: 400_000 }, () => remembered(language, nth * 2));
}

test("without scripts nothing is offered and nothing is missing", { timeout: 200_000 }, async () => {
  const whom = await from.somebody(4);
  const { page, context } = await demo.open("/window/in?lang=en", { ...small, javaScriptEnabled: false });
  assert.equal(await page.getByRole("button", { name: "Use this phone" }).count(), 0);
  const link = await from.write(whom, "Please call us.");
  await page.goto(`${demo.base}/w/${link}`);
  assert.equal(await page.getByRole("button", { name: "Use this phone" }).count(), 0);
  await from.comeIn(page, whom, link);
  assert.equal(await page.getByRole("button", { name: "Remember this phone" }).count(), 0);
  await page.getByRole("link", { name: "Remembered phones" }).click();
  await page.getByText("This browser can’t be remembered").waitFor();
  await context.close();
});

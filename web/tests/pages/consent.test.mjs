// The consent form that comes by a link: read, signed, a receipt, and taken back; on a small phone, by
// the keyboard alone, as a screen reader gets it, in English and Spanish.
import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { openDemo } from "../browser.mjs";
import { isTold } from "../reader.mjs";
import { LANGUAGES, fill, fromTheDesk, named, phoneOf, press, stands, words } from "../window.mjs";

let demo, nurse, from;
before(async () => {
  demo = await openDemo("consent", { speed: 20 });
  nurse = await demo.asRole("Nurse");
  from = fromTheDesk(demo, nurse.page);
});
after(() => demo?.close());

const own = {
  en: {
    let: "Let us write about your health here", read: "I read this, and still want it", about: "You may write about", medicines: "medicines", results: "test results",
    sign: "Sign with your name", agree: "I agree", notRead: /Tick that you read the warning/, nothing: /Tick what we may write about/, notSigned: /^Sign with your name/,
    receipt: "Your receipt", agreed: "You agreed.", to: "medicines, test results", number: "Receipt number", choices: "Back to your choices", note: "Visits, and words about health",
    take: "Take it back", taken: "You took it back.", withdrawn: "Taken back", stop: "Send nothing here any more",
  },
  es: {
    let: "Permitir que escribamos de su salud aquí", read: "Lo leí, y aun así lo quiero", about: "Pueden escribir de", medicines: "medicinas", results: "resultados de pruebas",
    sign: "Firme con su nombre", agree: "Estoy de acuerdo", notRead: /Marque que leyó la advertencia/, nothing: /Marque de qué podemos escribirle/, notSigned: /^Firme con su nombre/,
    receipt: "Su recibo", agreed: "Usted aceptó.", to: "medicinas, resultados de pruebas", number: "Número de recibo", choices: "Volver a sus opciones", note: "Citas, y temas de salud",
    take: "Retirarlo", taken: "Lo retiró.", withdrawn: "Retirado", stop: "No enviar nada más aquí",
  },
};

const byLink = async (language, nth) => {
  const [w, standsSo] = [words(language, own), stands(demo, language)];
  const whom = await from.somebody(nth);
  const known = await from.links(whom);
  await nurse.page.goto(whom.here);
  await nurse.page.getByText("Send the consent form").click();
  await demo.isAccessible(nurse.page, "patient send the form");
  await nurse.page.getByRole("button", { name: "Send the form" }).click();
  await nurse.page.getByText("The form is sent").waitFor();
  const { page, context, complaints } = await phoneOf(demo);
  await from.comeIn(page, whom, await from.newestLink(whom, known), language);
  await page.waitForURL(/\/window\/choices\/places\//);
  const form = page.url();
  await press(page, w.let);
  await page.getByLabel(w.sign).waitFor();
  await standsSo(page, "consent form", [
    ["checkbox", w.read], ["checkbox", w.medicines], ["checkbox", w.results], ["textbox", w.sign], ["button", w.agree], ["button", w.stop], ["link", w.back],
  ]);
  // The warning is heard with the box that one ticks.
  const warning = await page.locator("#risk").innerText();
  assert.ok(warning.length > 60, warning);

  // What is missing is said one at a time, at its field, and what was filled in stays.
  await press(page, w.medicines, "Space");
  await fill(page, w.sign, "My Name");
  await press(page, w.agree);
  await page.getByRole("alert").filter({ hasText: w.notRead }).waitFor();
  await isTold(page, "a warning not read", w.notRead, [w.read]);
  await standsSo(page, "consent form not read", [["checkbox", w.read], ["button", w.agree]]);
  assert.equal(await page.getByLabel(w.sign).inputValue(), "My Name");
  await press(page, w.read, "Space");
  await press(page, w.medicines, "Space");
  await press(page, w.agree);
  await page.getByRole("alert").filter({ hasText: w.nothing }).waitFor();
  await isTold(page, "nothing to write about", w.nothing);
  const group = page.getByRole("group", { name: w.about });
  assert.match(await group.evaluate((one) => document.getElementById(one.getAttribute("aria-describedby")).textContent), w.nothing);
  await press(page, w.read, "Space");
  await press(page, w.medicines, "Space");
  await press(page, w.results, "Space");
  await fill(page, w.sign, " ");
  await press(page, w.agree);
  await page.getByRole("alert").filter({ hasText: w.notSigned }).waitFor();
  await isTold(page, "no name", w.notSigned, [w.sign]);
  await press(page, w.read, "Space");
  await fill(page, w.sign, "My Name");
  await press(page, w.agree);

  await page.getByRole("heading", { name: w.receipt }).waitFor();
  const receipt = page.url();
  const said = await page.locator("main").innerText();
  for (const words of [w.agreed, w.to, warning, w.number]) assert.ok(said.includes(words), `${words} in ${said}`);
  assert.match(await page.locator(".digest").innerText(), /^[0-9a-f]{64}$/);
  await standsSo(page, "consent receipt", [["link", w.choices]]);
  // In the other language the warning stays in the words that were signed, and says so.
  const other = language === "en" ? "es" : "en";
  await page.goto(`${receipt}?lang=${other}`);
  assert.equal(await page.locator("dd[lang]").getAttribute("lang"), language);
  await stands(demo, other)(page, "consent receipt of another language");
  await page.goto(`${receipt}?lang=${language}`);

  await press(page, w.choices);
  await page.getByText(w.note).first().waitFor();
  await standsSo(page, "choices with a consent");
  // Taken back as easily: one button.
  await page.goto(form);
  await standsSo(page, "consent given", [["button", w.take]]);
  const taken = page.locator("form").filter({ has: page.locator("input[name=consent]") }).last().getByRole("button");
  await taken.focus();
  await page.keyboard.press("Enter");
  await page.getByRole("status").filter({ hasText: w.taken }).waitFor();
  await standsSo(page, "consent taken back");
  assert.equal(await page.getByText(w.note).count(), 0);
  await page.goto(receipt);
  await page.getByText(w.withdrawn, { exact: true }).waitFor();
  assert.deepEqual(complaints, []);
  await context.close();
};

for (const [nth, language] of LANGUAGES.entries()) {
  test(`the consent form comes by a link, is signed and taken back: ${named[language]}`, { timeout: 400_000 }, () => byLink(language, nth));
}

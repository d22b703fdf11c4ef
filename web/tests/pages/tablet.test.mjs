// A tablet at the desk, in a patient's hands: choices and a form before a visit, by the keyboard alone,
// as a screen reader gets it, in English and Spanish; and then it forgets.
import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { openDemo } from "../browser.mjs";
import { isTold } from "../reader.mjs";
import { LANGUAGES, fill, named, press, stands, tabOnto, words } from "../window.mjs";

let demo, nurse;
before(async () => {
  demo = await openDemo("tablet", { speed: 20 });
  nurse = await demo.asRole("Nurse");
});
after(() => demo?.close());

const own = {
  en: {
    code: "Code", home: "What would you like to do?", choices: "Your choices", form: "Before your visit", look: /Please look at this/, chooseOne: /Choose one of the answers/,
    reason: "What is the main reason for your visit?", reasonHelp: "A few words are enough.", write: "Write an answer.", how: "How are you compared with your last visit?",
    same: "About the same", medicines: "Which medicines do you take now?", allergies: "Do you have any allergies?", no: "No", send: "Send it",
    have: "We have your answers", done: "I am done: forget me", thanks: "Thank you", there: "Are you still there?", wrongCode: /That code isn’t good/, first: "To the first screen",
  },
  es: {
    code: "Código", home: "¿Qué desea hacer?", choices: "Sus opciones", form: "Antes de su cita", look: /Por favor revise esto/, chooseOne: /Elija una de las respuestas/,
    reason: "¿Cuál es el motivo principal de su cita?", reasonHelp: "Bastan unas palabras.", write: "Escriba una respuesta.", how: "¿Cómo está en comparación con su última cita?",
    same: "Más o menos igual", medicines: "¿Qué medicinas toma ahora?", allergies: "¿Tiene alguna alergia?", no: "No", send: "Enviar",
    have: "Recibimos sus respuestas", done: "Terminé: olvidarme", thanks: "Gracias", there: "¿Sigue ahí?", wrongCode: /Ese código no sirve/, first: "A la primera pantalla",
  },
};

// The radio button of this name in the group of this name; from there the arrows move.
const pick = async (page, group, name) => {
  await tabOnto(page, (await page.getByRole("group", { name: group }).getByRole("radio").first().evaluate((one) => one.labels[0].textContent)).trim());
  const wanted = page.getByRole("group", { name: group }).getByLabel(name, { exact: true });
  for (let step = 0; step < 6 && !(await wanted.evaluate((one) => one === document.activeElement)); step += 1) await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Space");
  assert.ok(await wanted.isChecked(), `${name} of ${group}`);
};

const atTheDesk = async (language) => {
  const [w, standsSo] = [words(language, own), stands(demo, language)];
  const { page: desk } = nurse;
  await desk.goto(`${demo.base}/people`);
  await desk.locator("#q").fill("ma");
  await desk.locator("#q").press("Enter");
  await desk.locator("#found tbody tr a").first().waitFor();
  const all = await desk.locator("#found tbody tr a").evaluateAll((links) => links.map((one) => one.href));
  const context = await demo.browser.newContext({ viewport: { width: 820, height: 1180 }, hasTouch: true });
  const tablet = await context.newPage();
  await tablet.clock.install();
  const screen = `${demo.base}/window/tablet?lang=${language}`;
  const handOver = async (here) => {
    await desk.goto(here);
    await desk.getByText("Hand over a tablet").click();
    await desk.getByLabel("I looked at a photo ID").check();
    await demo.isAccessible(desk, "patient hand over");
    await desk.getByRole("button", { name: "Get the code" }).click();
    await demo.isAccessible(desk, "tablet code");
    return desk.locator(".tablet-code").innerText();
  };
  const open = async (here) => {
    const code = await handOver(here);
    await tablet.goto(screen);
    await fill(tablet, w.code, code.toLowerCase());
    await tablet.keyboard.press("Enter");
    await tablet.getByRole("heading", { name: w.home }).waitFor();
  };
  await tablet.goto(screen);
  await standsSo(tablet, "tablet screen", [["textbox", w.code], ["button", w.open]]);
  await fill(tablet, w.code, "AAAABBBB");
  await tablet.keyboard.press("Enter");
  await tablet.getByRole("alert").waitFor();
  await isTold(tablet, "a wrong code", w.wrongCode, [w.code]);
  await standsSo(tablet, "tablet wrong code", [["textbox", w.code]]);

  // Somebody with a visit ahead.
  let here;
  for (here of all) {
    await open(here);
    if (await tablet.locator("a[href*='/forms/']").count()) break;
  }
  await standsSo(tablet, "tablet home", [["link", w.form], ["link", w.choices], ["button", w.done]]);
  await demo.isAccessible(tablet, `tablet home at its size ${language}`);
  await press(tablet, w.form);
  await tablet.getByRole("heading", { name: w.form }).waitFor();
  await standsSo(tablet, "tablet form", [
    ["textbox", w.reason], ["radio", w.same], ["textbox", new RegExp(`^${w.medicines.replace("?", "\\?")}`)], ["combobox", w.month], ["textbox", w.day], ["button", w.send],
  ]);
  await fill(tablet, w.medicines, "Aspirin");
  await press(tablet, w.send);
  await tablet.getByRole("alert").filter({ hasText: w.look }).waitFor();
  await isTold(tablet, "a form that is not whole", w.look);
  const reason = tablet.getByLabel(w.reason);
  assert.equal(await reason.getAttribute("aria-invalid"), "true");
  const described = await reason.evaluate((field) => field.getAttribute("aria-describedby").split(" ").map((id) => document.getElementById(id).textContent).join(" "));
  assert.equal(described, `${w.write} ${w.reasonHelp}`);
  const how = tablet.getByRole("group", { name: w.how });
  assert.match(await how.evaluate((group) => document.getElementById(group.getAttribute("aria-describedby")).textContent), w.chooseOne);
  assert.equal(await tablet.getByLabel(w.medicines).inputValue(), "Aspirin", "what was typed stays");
  await standsSo(tablet, "tablet form wrong", [["link", w.reason], ["link", w.how], ["button", w.send]]);
  // The list of mistakes leads to the fields.
  await press(tablet, w.reason);
  assert.ok(await reason.evaluate((field) => field === document.activeElement), "the link leads to the field");
  await tablet.keyboard.type("A check-up");
  await pick(tablet, w.how, w.same);
  await pick(tablet, w.allergies, w.no);
  await press(tablet, w.send);
  await tablet.getByRole("heading", { name: w.have }).waitFor();
  await standsSo(tablet, "tablet form sent", [["link", w.start], ["button", w.done]]);
  await press(tablet, w.done);
  await tablet.getByRole("heading", { name: w.thanks }).waitFor();
  assert.deepEqual(await context.cookies(), [], "nothing stays");

  // The staff read the answers.
  await desk.goto(here);
  await desk.locator("#forms a").first().click();
  await desk.getByText("A check-up").waitFor();
  await demo.isAccessible(desk, "form answers");

  // Nobody touches it: it asks, and then it forgets.
  await open(here);
  await tablet.clock.fastForward(95_000);
  await tablet.getByRole("alert").filter({ hasText: w.there }).waitFor();
  await standsSo(tablet, "tablet asks", [["button", w.done]]);
  await tablet.clock.fastForward(30_000);
  await tablet.getByRole("heading", { name: w.thanks }).waitFor();
  await standsSo(tablet, "tablet thank you", [["link", w.first]]);
  assert.deepEqual(await context.cookies(), [], "nothing stays");
  await tablet.goto(`${demo.base}/window`);
  await tablet.waitForURL(`${demo.base}/window/in`);
  await context.close();
};

for (const language of LANGUAGES) {
  test(`a tablet at the desk: choices and a form, and then it forgets: ${named[language]}`, { timeout: 400_000 }, () => atTheDesk(language));
}

// The patient's side in a real browser, on a small phone: from the notice to the message and back,
// in English and in Spanish, by the keyboard alone, without scripts, by the accessibility rules.
import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { kept, nothing, openDemo } from "../browser.mjs";
import { isRead, isTold } from "../reader.mjs";
import { LANGUAGES, fill, fromTheDesk, giveDateOfBirth, named, phoneOf, press, stands, tabOnto, words } from "../window.mjs";

let demo, nurse, from;

before(async () => {
  // By day at the desk: a notice does not wait for the morning.
  demo = await openDemo("window", { speed: 20 });
  nurse = await demo.asRole("Nurse");
  from = fromTheDesk(demo, nurse.page);
});
after(() => demo?.close());

const own = {
  en: {
    landing: "We have something for you", wrongDate: /That isn’t the date of birth we have/, wrongCode: /That isn’t the code we sent/, another: "Nothing came? Ask for another code", august: "August",
    home: "Messages and visits", letter: "Message of", answer: "Answer", write: "Write to us", message: "Your message", files: /^Photos or documents/, send: "Send", nothing: /Write something first/,
    anotherTime: "Ask for another time", asked: "You asked for another time", cancel: "I can’t come: cancel it", calendar: "Put it into my calendar",
    cutOff: "Cut off every device", pain: "I feel chest pain and I can't breathe", call: /call 911 now/, call911: "Call 911", call988: "Crisis: call 988",
    choices: "Your choices", texts: "Texts to", wishes: "Language, times and kinds", from: "From", until: "Until", keep: "Keep it so", hours: /Choose two different times/, liked: "We wrote down what you like.",
    elsewhere: "Keep messages away from somewhere", noVoicemail: "No voicemail at all", respect: "Keep to it", kept: "From now on we keep to it.", endIt: /^End this/,
    out: "You are out", askNew: "Ask for a new link", way: "Open the link we sent you", address: "Your mobile number or email, as we have it", sendLink: "Send me a link", look: "Look at your phone or email",
    over: "This link is not good any more", sendNew: "Send me a new link",
  },
  es: {
    landing: "Tenemos algo para usted", wrongDate: /Esa no es la fecha de nacimiento/, wrongCode: /Ese no es el código/, another: "¿No llegó? Pida otro código", august: "agosto",
    home: "Mensajes y citas", letter: "Mensaje del", answer: "Responder", write: "Escribirnos", message: "Su mensaje", files: /^Fotos o documentos/, send: "Enviar", nothing: /Escriba algo primero/,
    anotherTime: "Pedir otra hora", asked: "Pidió otra hora", cancel: "No puedo ir: cancelarla", calendar: "Ponerla en mi calendario",
    cutOff: "Desconectar todos los dispositivos", pain: "Me duele el pecho y no puedo respirar", call: /llame al 911 ahora/, call911: "Llamar al 911", call988: "Crisis: llamar al 988",
    choices: "Sus opciones", texts: "Mensajes de texto a", wishes: "Idioma, horas y tipos", from: "Desde", until: "Hasta", keep: "Guardar", hours: /Elija dos horas distintas/, liked: "Anotamos lo que prefiere.",
    elsewhere: "Evitar mensajes en algún lugar", noVoicemail: "Ningún mensaje de voz", respect: "Respetarlo", kept: "Desde ahora lo respetamos.", endIt: /^Terminar esto/,
    out: "Ha salido", askNew: "Pedir un enlace nuevo", way: "Abra el enlace que le enviamos", address: "Su número de móvil o correo, como lo tenemos", sendLink: "Enviarme un enlace", look: "Mire su teléfono o correo",
    over: "Este enlace ya no sirve", sendNew: "Enviarme un enlace nuevo",
  },
};

// From the notice to the message, and back: by the keyboard alone.
const noticeToMessage = async (language, nth) => {
  const [w, standsSo] = [words(language, own), stands(demo, language)];
  const whom = await from.somebody(nth);
  const link = await from.write(whom, "Your wound culture grew staph. Please keep the dressing dry and come on Thursday.");
  const { page, context, complaints } = await phoneOf(demo);
  let weight = 0;
  page.on("response", async (response) => {
    weight += gzipSync(await response.body().catch(() => Buffer.alloc(0))).length;
  });
  await page.goto(`${demo.base}/w/${link}?lang=${language}`);
  await page.waitForLoadState("networkidle");
  assert.ok(weight > 0 && weight < 60_000, `the first page weighs ${weight} bytes compressed`);
  await page.getByRole("heading", { name: w.landing }).waitFor();
  await standsSo(page, "window landing", [["combobox", w.month], ["textbox", w.day], ["textbox", w.year], ["button", w.sendCode]]);
  assert.match(await page.title(), /Riverbend Family Health/);
  assert.equal(await page.locator("footer a[href^='tel:']").count(), 1);
  // What is wrong is said in words, beside what to do.
  const give = async (born) => {
    await tabOnto(page, w.month);
    await page.keyboard.type(new Intl.DateTimeFormat(language, { month: "long", timeZone: "UTC" }).format(new Date(Date.UTC(2000, Number(born.month) - 1))));
    assert.equal(await page.locator("#month").inputValue(), born.month);
    await fill(page, w.day, born.day);
    await fill(page, w.year, born.year);
    await page.keyboard.press("Enter");
  };
  await give({ ...whom.born, year: "1901" });
  await page.getByRole("alert").waitFor();
  await isTold(page, "a wrong date", w.wrongDate, [w.month, w.day, w.year]);
  assert.equal(await page.locator("#year").inputValue(), "1901", "what was typed stays");
  await standsSo(page, "window wrong date", [["combobox", w.month], ["button", w.sendCode]]);
  await give(whom.born);
  await page.waitForURL(/\/code$/);
  assert.equal(await page.locator("#code").getAttribute("autocomplete"), "one-time-code");
  await standsSo(page, "window code", [["textbox", w.code], ["button", w.open], ["link", w.another]]);
  const code = await from.newestCode();
  await fill(page, w.code, code === "000000" ? "000001" : "000000");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").waitFor();
  await isTold(page, "a wrong code", w.wrongCode, [w.code]);
  await standsSo(page, "window wrong code", [["textbox", w.code], ["button", w.open]]);
  await fill(page, w.code, code);
  await page.keyboard.press("Enter");
  await page.waitForURL(`${demo.base}/window`);
  await standsSo(page, "window home", [
    ["link", new RegExp(`^${w.letter} `)], ["link", w.write], ["link", w.choices], ["button", w.end], ["link", w.lost],
  ]);
  await press(page, w.letter);
  await page.waitForURL(/\/letters\//);
  assert.match(await page.locator(".letter").innerText(), /staph/);
  assert.doesNotMatch(await page.title(), /staph/);
  await standsSo(page, "window letter", [["link", w.answer], ["link", w.back]]);
  assert.deepEqual(await kept(page), nothing, "the browser keeps nothing of a letter");
  await press(page, w.lost);
  await page.waitForURL(`${demo.base}/window/lost`);
  await standsSo(page, "window lost", [["button", w.cutOff]]);
  await press(page, w.back);
  await page.waitForURL(`${demo.base}/window`);

  // What is written back; an emergency is told from the rest.
  await press(page, w.write);
  await page.waitForURL(`${demo.base}/window/write`);
  await standsSo(page, "window write", [["textbox", w.message], ["button", w.files], ["button", w.send]]);
  await fill(page, w.message, "  ");
  await press(page, w.send);
  await page.getByRole("alert").waitFor();
  await isTold(page, "nothing written", w.nothing, [w.message]);
  await standsSo(page, "window nothing written", [["textbox", w.message]]);
  await fill(page, w.message, w.pain);
  await press(page, w.send);
  await page.getByRole("heading", { name: w.call }).waitFor();
  await standsSo(page, "window emergency", [["link", w.call911], ["link", w.call988], ["link", w.start]]);
  await press(page, w.start);
  await page.waitForURL(`${demo.base}/window`);
  await page.locator("a[href^='/window/wrote/']").first().focus();
  await page.keyboard.press("Enter");
  await page.locator(".letter").waitFor();
  assert.equal(await page.locator(".letter").innerText(), w.pain);
  await standsSo(page, "window wrote", [["link", w.back]]);

  // What they choose.
  await page.goto(`${demo.base}/window`);
  await press(page, w.choices);
  await page.waitForURL(`${demo.base}/window/choices`);
  await standsSo(page, "window choices", [["link", new RegExp(`^${w.texts} `)], ["link", w.wishes], ["link", w.elsewhere], ["link", w.back]]);
  await press(page, w.wishes);
  await page.waitForURL(/wishes$/);
  await standsSo(page, "window wishes", [["radio", "English"], ["radio", "Español"], ["combobox", w.from], ["combobox", w.until], ["button", w.keep]]);
  await tabOnto(page, w.from);
  await page.keyboard.type("9:00");
  await press(page, w.keep);
  await page.getByRole("alert").waitFor();
  await isTold(page, "one time of two", w.hours, [w.from, w.until]);
  await standsSo(page, "window wishes wrong", [["combobox", w.from]]);
  await page.goto(`${demo.base}/window/choices/wishes`);
  await press(page, w.keep);
  await page.getByRole("status").filter({ hasText: w.liked }).waitFor();
  await press(page, w.elsewhere);
  await page.waitForURL(/elsewhere$/);
  await standsSo(page, "window elsewhere", [["radio", w.noVoicemail], ["button", w.respect]]);
  await page.getByLabel(w.noVoicemail).focus();
  await page.keyboard.press("Space");
  await press(page, w.respect);
  await page.getByRole("status").filter({ hasText: w.kept }).waitFor();
  await standsSo(page, "window choices changed");
  await page.goto(`${demo.base}/window/choices/elsewhere`);
  await standsSo(page, "window elsewhere standing", [["button", w.endIt]]);

  // Out, and where one stands then.
  await press(page, w.end);
  await page.getByRole("heading", { name: w.out }).waitFor();
  await standsSo(page, "window out", [["link", w.askNew]]);
  await press(page, w.askNew);
  await page.waitForURL(`${demo.base}/window/in`);
  await page.getByRole("heading", { name: w.way }).waitFor();
  await standsSo(page, "window in", [["textbox", w.address], ["button", w.sendLink]]);
  await fill(page, w.address, "nobody@example.com");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: w.look }).waitFor();
  await standsSo(page, "window link asked for", [["button", w.sendLink]]);
  await page.goto(`${demo.base}/w/1111111111111111111111`);
  await page.getByRole("heading", { name: w.over }).waitFor();
  await standsSo(page, "window link over", [["button", w.sendNew]]);
  assert.deepEqual(complaints, []);
  await context.close();
};
for (const [nth, language] of LANGUAGES.entries()) {
  test(`from the notice to the message, at 320 px, in ${named[language]}`, { timeout: 400_000 }, () => noticeToMessage(language, nth));
}

// A visit: seen, put into a calendar, and another time asked for.
const visits = async (language) => {
  const [w, standsSo] = [words(language, own), stands(demo, language)];
  const { page, context, complaints } = await phoneOf(demo);
  // Somebody with a visit ahead.
  for (let nth = 3; ; nth += 1) {
    assert.ok(nth < 12, "nobody has a visit");
    const whom = await from.somebody(nth);
    await from.comeIn(page, whom, await from.write(whom, "Please call us."), language);
    if (await page.locator("a[href^='/window/visits/']").count()) break;
    await context.clearCookies();
  }
  await page.locator("a[href^='/window/visits/']").first().focus();
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/visits\//);
  await standsSo(page, "window visit", [["button", w.anotherTime], ["button", w.cancel], ["link", w.calendar], ["link", w.back]]);
  const saved = page.waitForEvent("download");
  await press(page, w.calendar);
  assert.equal((await saved).suggestedFilename(), "appointment.ics");
  await press(page, w.anotherTime);
  await page.getByRole("status").filter({ hasText: w.asked }).waitFor();
  await standsSo(page, "window visit another time", [["button", w.cancel]]);
  assert.deepEqual(complaints, []);
  await context.close();
};
for (const language of LANGUAGES) {
  test(`a visit, answered by the keyboard alone: ${named[language]}`, { timeout: 400_000 }, () => visits(language));
}

test("a word before a stay ends, and nothing that was typed is lost", { timeout: 300_000 }, async () => {
  const whom = await from.somebody(2);
  const link = await from.write(whom, "Please bring the list of your medicines.");
  const { page, context, complaints } = await phoneOf(demo);
  await page.clock.install();
  await from.comeIn(page, whom, link);
  await page.goto(`${demo.base}/window/write`);
  const asks = page.locator("#stay");
  await page.locator("#body").fill("I have a question");
  await page.clock.fastForward(13 * 60_000 + 40_000);
  await page.getByText("Are you still there?").waitFor();
  await demo.isAccessible(page, "window stay asks");
  await isRead(page, "window stay asks", "en", [["button", "Stay"]]);
  const told = page.waitForResponse((answer) => answer.url().endsWith("/window/here"));
  await page.getByRole("button", { name: "Stay" }).click();
  assert.equal((await told).status(), 204);
  await asks.waitFor({ state: "hidden" });
  // Whoever types is there: the server hears of it without being asked, and nothing pops up.
  await page.clock.fastForward(2 * 60_000);
  const heard = page.waitForResponse((answer) => answer.url().endsWith("/window/here"));
  await page.locator("#body").press("End");
  await page.keyboard.type(" about my tablets");
  assert.equal((await heard).status(), 204);
  assert.ok(await asks.isHidden());
  // An hour in all: a minute before, and then it is over.
  await page.clock.fastForward(43 * 60_000 + 30_000);
  await page.getByText("almost an hour").waitFor();
  await demo.isAccessible(page, "window stay last minute");
  await page.clock.fastForward(61_000);
  await page.getByText("You are out now.").waitFor();
  await demo.isAccessible(page, "window stay over");
  assert.equal(await page.locator("#body").inputValue(), "I have a question about my tablets");
  const opened = context.waitForEvent("page");
  await page.getByRole("link", { name: "Come in again on a new page" }).click();
  await (await opened).waitForURL(`${demo.base}/window/in`);
  assert.equal(await page.locator("#body").inputValue(), "I have a question about my tablets");
  await page.goto(`${demo.base}/window?lang=es`);
  await page.clock.fastForward(13 * 60_000 + 40_000);
  await page.getByRole("alert").filter({ hasText: "¿Sigue ahí?" }).waitFor();
  await page.emulateMedia({ colorScheme: "dark" });
  await demo.isAccessible(page, "window stay asks Spanish");
  await isRead(page, "window stay asks Spanish", "es", [["button", "Quedarme"]]);
  assert.deepEqual(complaints, []);
  await context.close();
});

test("the forms are written by an administrator, in both languages", { timeout: 120_000 }, async () => {
  const { page, complaints } = await demo.asRole("Administrator");
  await page.goto(`${demo.base}/settings/forms`);
  await demo.isAccessible(page, "forms");
  await page.getByRole("link", { name: "Before your visit" }).click();
  await demo.isAccessible(page, "form edit");
  await page.locator("#title-es").fill("");
  await page.locator("#title-es").evaluate((input) => input.removeAttribute("required"));
  await page.getByRole("button", { name: "Keep it, and ask it" }).click();
  assert.match(await page.getByRole("alert").innerText(), /title in English and in Spanish/);
  await page.locator("#title-es").fill("Antes de la cita");
  await page.getByRole("button", { name: "Keep it, and ask it" }).click();
  await page.getByText("version 2").waitFor();
  // Before which visits: as it was, until somebody says otherwise.
  await page.getByText("asked in the 14 days before each visit").first().waitFor();
  await page.getByRole("link", { name: "Before your visit" }).click();
  await page.getByRole("group", { name: "When it is asked" }).getByLabel("only before somebody’s first visit").check();
  await demo.isAccessible(page, "form edit first visit");
  await page.getByRole("button", { name: "Keep it, and ask it" }).click();
  await page.getByText("asked in the 14 days before a first visit").waitFor();
  await page.setViewportSize({ width: 320, height: 800 });
  await page.getByRole("link", { name: "Before your visit" }).click();
  await demo.isAccessible(page, "form edit small");
  assert.deepEqual(complaints, []);
});

test("the same in Spanish, in the dark and without scripts", { timeout: 300_000 }, async () => {
  const whom = await from.somebody(1);
  const link = await from.write(whom, "Please bring your old tablets on Thursday.");
  const { page, context } = await phoneOf(demo, { javaScriptEnabled: false, colorScheme: "dark" });
  await page.goto(`${demo.base}/w/${link}?lang=en`);
  await page.getByRole("link", { name: "Español" }).click();
  await page.getByRole("heading", { name: "Tenemos algo para usted" }).waitFor();
  assert.equal(await page.locator("html").getAttribute("lang"), "es");
  await giveDateOfBirth(page, whom.born);
  await page.getByRole("button", { name: "Enviarme un código" }).click();
  await page.waitForURL(/\/code$/);
  await page.locator("#code").fill(await from.newestCode());
  await page.getByRole("button", { name: "Abrir" }).click();
  await page.waitForURL(`${demo.base}/window`);
  await page.getByRole("heading", { name: "Mensajes y citas" }).waitFor();
  assert.match((await page.locator("main").innerText()).trim(), /^Hora límite para estar aquí: .*15 minutos/, "without scripts the page says how long");
  await page.locator("a[href^='/window/letters/']").first().click();
  await page.locator(".letter").waitFor();
  await page.getByRole("link", { name: "Responder" }).click();
  assert.match(await page.locator("main").innerText(), /911[\s\S]*cuatro horas/);
  await page.locator("#body").fill("¿Dónde puedo estacionar?");
  await page.getByRole("button", { name: "Enviar" }).click();
  await page.getByRole("heading", { name: "Recibimos su mensaje" }).waitFor();
  // A visit, if one is ahead: one tap.
  await page.goto(`${demo.base}/window`);
  const visit = page.locator("a[href^='/window/visits/']").first();
  if (await visit.count()) {
    await visit.click();
    const will = page.getByRole("button", { name: "Iré" });
    if (await will.count()) await will.click();
    await page.getByRole("status").waitFor();
  }
  await page.goto(`${demo.base}/window/choices`);
  await page.getByRole("link", { name: /^Mensajes de texto a/ }).first().click();
  await page.getByRole("button", { name: "No enviar nada más aquí" }).click();
  await page.getByText("Ya no se envía nada ahí.").waitFor();
  await page.goto(`${demo.base}/window/lost`);
  await page.getByRole("button", { name: "Desconectar todos los dispositivos" }).click();
  await page.getByRole("heading", { name: "Todos los dispositivos están desconectados" }).waitFor();
  await page.goto(`${demo.base}/w/${link}`);
  await page.getByRole("heading", { name: "Este enlace ya no sirve" }).waitFor();
  await context.close();
});

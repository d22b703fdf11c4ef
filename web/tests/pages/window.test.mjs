// The patient's side in a real browser, on a small phone: from the notice to the message and back,
// in English and in Spanish, by the keyboard alone, without scripts, by the accessibility rules.
import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { kept, nothing, openDemo, tabTo } from "../browser.mjs";
import { until } from "../sotto.mjs";
import { fromTheDesk, giveDateOfBirth } from "../window.mjs";

let demo, nurse, from;
const phone = { viewport: { width: 320, height: 640 }, javaScriptEnabled: true };

before(async () => {
  // By day at the desk: a notice does not wait for the morning.
  demo = await openDemo("window", { speed: 20 });
  nurse = await demo.asRole("Nurse");
  from = fromTheDesk(demo, nurse.page);
});
after(() => demo?.close());

// The nurse writes by portal. The answer is the link in the notice of it.
const write = async (whom, words) => {
  const { page } = nurse;
  await page.goto(`${whom.here}/write`);
  await page.locator("#body").fill(words);
  await page.locator("input[name=channel][value=portal]").check();
  await page.getByRole("button", { name: "Send by portal" }).click();
  await page.waitForURL(/\/written\//);
  return from.newestLink(whom);
};

const asPatient = async (options = {}) => {
  const context = await demo.browser.newContext({ ...phone, ...options });
  const page = await context.newPage();
  const complaints = [];
  let weight = 0;
  page.on("console", (message) => {
    const status = /the server responded with a status of 4\d\d/.test(message.text());
    if (["error", "warning"].includes(message.type()) && !status) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => request.url().startsWith(demo.base) || complaints.push(`a stranger: ${request.url()}`));
  page.on("response", async (response) => {
    weight += gzipSync(await response.body().catch(() => Buffer.alloc(0))).length;
  });
  return { page, context, complaints, weight: () => weight };
};

test("from the notice to the message, at 320 px, in English", { timeout: 300_000 }, async () => {
  const whom = await from.somebody(0);
  const link = await write(whom, "Your wound culture grew staph. Please keep the dressing dry and come on Thursday.");
  const { page, context, complaints, weight } = await asPatient();
  await page.goto(`${demo.base}/w/${link}?lang=en`);
  await page.waitForLoadState("networkidle");
  assert.ok(weight() < 60_000, `the first page weighs ${weight()} bytes compressed`);
  await demo.isAccessible(page, "window landing");
  assert.match(await page.title(), /Riverbend Family Health/);
  assert.equal(await page.locator("footer a[href^='tel:']").count(), 1);
  // What is wrong is said in words, beside what to do.
  await giveDateOfBirth(page, { ...whom.born, year: "1901" });
  await page.getByRole("button", { name: "Send me a code" }).click();
  await page.getByRole("alert").waitFor();
  assert.equal(await page.locator("#year").inputValue(), "1901", "what was typed stays");
  await demo.isAccessible(page, "window wrong date");
  // Keyboard alone from here.
  await page.locator("#month").focus();
  await page.locator("#month").selectOption(whom.born.month);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Control+A");
  await page.keyboard.type(whom.born.day);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Control+A");
  await page.keyboard.type(whom.born.year);
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/code$/);
  await demo.isAccessible(page, "window code");
  assert.equal(await page.locator("#code").getAttribute("autocomplete"), "one-time-code");
  const code = await from.newestCode();
  await page.locator("#code").fill(code);
  await page.keyboard.press("Enter");
  await page.waitForURL(`${demo.base}/window`);
  await demo.isAccessible(page, "window home");
  await tabTo(page, () => document.activeElement.getAttribute("href")?.startsWith("/window/letters/"));
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/letters\//);
  assert.match(await page.locator(".letter").innerText(), /staph/);
  assert.doesNotMatch(await page.title(), /staph/);
  await demo.isAccessible(page, "window letter");
  assert.deepEqual(await kept(page), nothing, "the browser keeps nothing of a letter");

  // A visit, confirmed in one tap.
  await page.goto(`${demo.base}/window`);
  const visit = page.locator("a[href^='/window/visits/']").first();
  if (await visit.count()) {
    await visit.click();
    await page.getByRole("button", { name: "Ask for another time" }).waitFor();
    await demo.isAccessible(page, "window visit");
  }
  await page.goto(`${demo.base}/window/lost`);
  await demo.isAccessible(page, "window lost");
  await page.goBack();
  await page.goto(`${demo.base}/window`);
  await page.locator("a[href^='/window/letters/']").first().click();
  await page.getByRole("link", { name: "Answer" }).click();
  await page.waitForURL(`${demo.base}/window/write`);
  await demo.isAccessible(page, "window write");
  await page.locator("#body").fill("I feel chest pain and I can't breathe");
  await page.getByRole("button", { name: "Send" }).click();
  await page.getByRole("heading", { name: /call 911 now/ }).waitFor();
  await demo.isAccessible(page, "window emergency");

  // What one agrees to: the warning first, a signature, a receipt, and back by one button.
  await page.goto(`${demo.base}/window`);
  await page.getByRole("link", { name: "Your choices" }).click();
  await page.waitForURL(`${demo.base}/window/choices`);
  await demo.isAccessible(page, "window choices");
  await page.getByRole("link", { name: /^Texts to/ }).first().click();
  await page.getByText("Let us write about your health here").click();
  await demo.isAccessible(page, "window place");
  await page.getByLabel("medicines").check();
  await page.getByLabel("Sign with your name").fill("My Name");
  await page.getByRole("button", { name: "I agree" }).click();
  assert.match(await page.getByRole("alert").innerText(), /read the warning/);
  assert.equal(await page.getByLabel("Sign with your name").inputValue(), "My Name");
  await page.getByLabel("I read this, and still want it").check();
  await page.getByRole("button", { name: "I agree" }).click();
  await page.getByRole("heading", { name: "Your receipt" }).waitFor();
  await demo.isAccessible(page, "window receipt");
  await page.getByRole("link", { name: "Back to your choices" }).click();
  await page.getByText("words about health").first().waitFor();
  await page.getByRole("link", { name: "Language, times and kinds" }).click();
  await page.waitForURL(/wishes$/);
  await demo.isAccessible(page, "window wishes");
  await page.goto(`${demo.base}/window/choices/elsewhere`);
  await demo.isAccessible(page, "window elsewhere");
  await page.goto(`${demo.base}/window`);
  await page.locator("a[href^='/window/wrote/']").first().click();
  await page.getByText("chest pain").waitFor();
  await demo.isAccessible(page, "window wrote");
  await page.getByRole("button", { name: /End now/ }).click();
  await page.getByRole("heading", { name: "You are out" }).waitFor();
  await page.goto(`${demo.base}/window`);
  await page.waitForURL(`${demo.base}/window/in`);
  await demo.isAccessible(page, "window in");
  assert.deepEqual(complaints, []);
  await context.close();
});

// A picture of two by two points, and a document of one page's bones.
const picture = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEElEQVR4nGP43yAARAwQCgAvbgY9V3+PWwAAAABJRU5ErkJggg==", "base64");
const paper = Buffer.from("%PDF-1.4\n1 0 obj <</Type /Catalog>> endobj\n%%EOF\n");

test("files go both ways, and the consent form comes by a link", { timeout: 300_000 }, async () => {
  const whom = await from.somebody(2);
  const before = await from.links(whom);
  await nurse.page.goto(`${whom.here}/write`);
  await nurse.page.getByText("Send photos or documents").click();
  await nurse.page.locator("#files-body").fill("Here is the plan we spoke of.");
  await nurse.page.locator("#files").setInputFiles({ name: "plan.pdf", mimeType: "application/pdf", buffer: paper });
  await nurse.page.locator("#send-files").getByRole("button", { name: "Send by portal" }).click();
  await nurse.page.waitForURL(/\/written\//);
  const { page, context, complaints } = await asPatient();
  await from.comeIn(page, whom, await from.newestLink(whom, before));
  await page.locator("a[href^='/window/letters/']").first().click();
  await page.getByText("Here is the plan").waitFor();
  await demo.isAccessible(page, "window letter with a file");
  const file = page.locator("a[href*='/files/']").first();
  const got = await page.request.get(new URL(await file.getAttribute("href"), demo.base).href);
  assert.deepEqual(await got.body(), paper);
  assert.match(got.headers()["content-disposition"], /^attachment/);
  await page.getByRole("link", { name: "Answer" }).click();
  await page.locator("#body").fill("Here is the picture you asked for.");
  await page.locator("#files").setInputFiles({ name: "arm.png", mimeType: "image/png", buffer: picture });
  await page.getByRole("button", { name: "Send" }).click();
  await page.getByRole("heading", { name: "We have your message" }).waitFor();
  await nurse.page.goto(`${demo.base}/inbox`);
  const thread = nurse.page.locator("a[href^='/inbox/']").filter({ hasNotText: "nobody" });
  await until("the picture in a thread", async () => {
    for (const to of new Set(await thread.evaluateAll((all) => all.map((one) => one.getAttribute("href"))))) {
      if (!/^\/inbox\/[0-9a-f-]{36}$/.test(to)) continue;
      await nurse.page.goto(`${demo.base}${to}`);
      if (await nurse.page.locator("a[href*='/files/'], img[src*='/files/']").count()) return true;
    }
    await nurse.page.goto(`${demo.base}/inbox`);
    return false;
  });

  // The consent form, sent from the patient's page.
  const known = await from.links(whom);
  await nurse.page.goto(whom.here);
  await nurse.page.getByText("Send the consent form").click();
  await demo.isAccessible(nurse.page, "patient send the form");
  await nurse.page.getByRole("button", { name: "Send the form" }).click();
  await nurse.page.getByText("The form is sent").waitFor();
  await from.comeIn(page, whom, await from.newestLink(whom, known));
  await page.waitForURL(/\/window\/choices\/places\//);
  await page.getByRole("heading", { name: /to …/ }).waitFor();
  assert.deepEqual(complaints, []);
  await context.close();
});

test("a tablet at the desk: choices and a form, and then it forgets", { timeout: 300_000 }, async () => {
  const { page: desk } = nurse;
  // Somebody with a visit ahead.
  await desk.goto(`${demo.base}/people`);
  await desk.locator("#q").fill("ma");
  await desk.locator("#q").press("Enter");
  const all = await desk.locator("#found tbody tr a").evaluateAll((links) => links.map((one) => one.href));
  const context = await demo.browser.newContext({ viewport: { width: 820, height: 1180 }, hasTouch: true });
  const tablet = await context.newPage();
  await tablet.clock.install();
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
    const typed = await handOver(here);
    await tablet.goto(`${demo.base}/window/tablet?lang=en`);
    await tablet.locator("#code").fill(typed.toLowerCase());
    await tablet.getByRole("button", { name: "Open" }).click();
    await tablet.getByRole("heading", { name: "What would you like to do?" }).waitFor();
  };
  await tablet.goto(`${demo.base}/window/tablet?lang=en`);
  await demo.isAccessible(tablet, "tablet screen");
  let here;
  for (here of all) {
    await open(here);
    if (await tablet.locator("a[href*='/forms/']").count()) break;
  }
  await demo.isAccessible(tablet, "tablet home");
  await tablet.locator("a[href*='/forms/']").first().click();
  await tablet.getByRole("heading", { name: "Before your visit" }).waitFor();
  await demo.isAccessible(tablet, "window form");
  await tablet.getByLabel(/Which medicines/).fill("Aspirin");
  await tablet.getByRole("button", { name: "Send it" }).click();
  await tablet.getByRole("alert").filter({ hasText: "Please look at this" }).waitFor();
  await demo.isAccessible(tablet, "window form wrong");
  assert.equal(await tablet.getByLabel(/Which medicines/).inputValue(), "Aspirin", "what was typed stays");
  await tablet.setViewportSize({ width: 320, height: 640 });
  await demo.isAccessible(tablet, "window form wrong small");
  await tablet.setViewportSize({ width: 820, height: 1180 });
  await tablet.getByLabel(/main reason/).fill("A check-up");
  await tablet.getByLabel("About the same").check();
  await tablet.getByRole("group", { name: /allergies/ }).getByLabel("No").check();
  await tablet.getByRole("button", { name: "Send it" }).click();
  await tablet.getByRole("heading", { name: "We have your answers" }).waitFor();
  await tablet.getByRole("button", { name: "I am done: forget me" }).click();
  await tablet.getByRole("heading", { name: "Thank you" }).waitFor();
  await demo.isAccessible(tablet, "tablet thank you");
  assert.deepEqual(await context.cookies(), [], "nothing stays");
  await tablet.goto(`${demo.base}/window`);
  await tablet.waitForURL(`${demo.base}/window/in`);

  // The staff read the answers.
  await desk.goto(here);
  await desk.locator("#forms a").first().click();
  await desk.getByText("A check-up").waitFor();
  await demo.isAccessible(desk, "form answers");

  // Nobody touches it: it asks, and then it forgets.
  await open(here);
  await tablet.clock.fastForward(95_000);
  await tablet.getByText("Are you still there?").waitFor();
  await demo.isAccessible(tablet, "tablet asks");
  await tablet.clock.fastForward(30_000);
  await tablet.getByRole("heading", { name: "Thank you" }).waitFor();
  await context.close();
});

test("a word before a stay ends, and nothing that was typed is lost", { timeout: 300_000 }, async () => {
  const whom = await from.somebody(2);
  const link = await write(whom, "Please bring the list of your medicines.");
  const { page, context, complaints } = await asPatient();
  await page.clock.install();
  await from.comeIn(page, whom, link);
  await page.goto(`${demo.base}/window/write`);
  const asks = page.locator("#stay");
  await page.locator("#body").fill("I have a question");
  await page.clock.fastForward(13 * 60_000 + 40_000);
  await page.getByText("Are you still there?").waitFor();
  await demo.isAccessible(page, "window stay asks");
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
  const link = await write(whom, "Please bring your old tablets on Thursday.");
  const { page, context } = await asPatient({ javaScriptEnabled: false, colorScheme: "dark" });
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

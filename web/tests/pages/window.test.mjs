// The patient's side in a real browser, on a small phone: from the notice to the message and back,
// in English and in Spanish, by the keyboard alone, without scripts, by the accessibility rules.
import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { openDemo, tabTo } from "../browser.mjs";
import { until } from "../sotto.mjs";

let demo, nurse;
const phone = { viewport: { width: 320, height: 640 }, javaScriptEnabled: true };

before(async () => {
  // By day at the desk: a notice does not wait for the morning.
  demo = await openDemo("window", { speed: 20 });
  nurse = await demo.asRole("Nurse");
});
after(() => demo?.close());

const months = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];

// A patient with a date of birth, and what stands on their page of it.
const somebody = async (nth) => {
  const { page } = nurse;
  await page.goto(`${demo.base}/people`);
  await page.locator("#q").fill("ma");
  await page.locator("#q").press("Enter");
  await page.locator("#found tbody tr a").nth(nth).click();
  await page.waitForURL(/\/people\/[0-9a-f-]{36}$/);
  const here = page.url();
  await page.getByRole("button", { name: "Show the birth date" }).click();
  const text = await page.locator("dl, .banner").first().innerText();
  const iso = /(\d{4})-(\d{2})-(\d{2})/.exec(text);
  const words = /(\w+) (\d{1,2}), (\d{4})/.exec(text);
  const born = iso
    ? { year: iso[1], month: String(Number(iso[2])), day: String(Number(iso[3])) }
    : { year: words[3], month: String(months.findIndex((name) => name.startsWith(words[1])) + 1), day: words[2] };
  return { here, id: here.split("/").at(-1), born };
};

// The nurse writes by portal. The answer is the link in the notice of it.
const write = async (whom, words) => {
  const { page } = nurse;
  await page.goto(`${whom.here}/write`);
  await page.locator("#body").fill(words);
  await page.locator("input[name=channel][value=portal]").check();
  await page.getByRole("button", { name: "Send by portal" }).click();
  await page.waitForURL(/\/written\//);
  return until("the notice", async () => {
    await page.goto(`${whom.here}/said`);
    return /\/w\/([1-9A-HJ-NP-Za-km-z]{22})/.exec(await page.locator("body").innerText())?.[1];
  });
};

// The newest code that the twin's phones got: the made-up practice shows it to whoever looks on.
const newestCode = async (after) => {
  const { page } = nurse;
  return until("the code", async () => {
    await page.goto(`${demo.base}/`);
    const found = [...(await page.locator("body").innerText()).matchAll(/(?:your code is|use|code is) (\d{6})/gi)];
    const code = found.map((one) => one[1]).find((one) => one !== after);
    return code;
  });
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

const dateOfBirth = async (page, born) => {
  await page.locator("#month").selectOption(born.month);
  await page.locator("#day").fill(born.day);
  await page.locator("#year").fill(born.year);
};

let code;
test("from the notice to the message, at 320 px, in English", { timeout: 300_000 }, async () => {
  const whom = await somebody(0);
  const link = await write(whom, "Your wound culture grew staph. Please keep the dressing dry and come on Thursday.");
  const { page, context, complaints, weight } = await asPatient();
  await page.goto(`${demo.base}/w/${link}?lang=en`);
  await page.waitForLoadState("networkidle");
  assert.ok(weight() < 60_000, `the first page weighs ${weight()} bytes compressed`);
  await demo.isAccessible(page, "window landing");
  assert.match(await page.title(), /Riverbend Family Health/);
  assert.equal(await page.locator("footer a[href^='tel:']").count(), 1);
  // What is wrong is said in words, beside what to do.
  await dateOfBirth(page, { ...whom.born, year: "1901" });
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
  code = await newestCode();
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

test("the same in Spanish, in the dark and without scripts", { timeout: 300_000 }, async () => {
  const whom = await somebody(1);
  const link = await write(whom, "Please bring your old tablets on Thursday.");
  const { page, context } = await asPatient({ javaScriptEnabled: false, colorScheme: "dark" });
  await page.goto(`${demo.base}/w/${link}?lang=en`);
  await page.getByRole("link", { name: "Español" }).click();
  await page.getByRole("heading", { name: "Tenemos algo para usted" }).waitFor();
  assert.equal(await page.locator("html").getAttribute("lang"), "es");
  await dateOfBirth(page, whom.born);
  await page.getByRole("button", { name: "Enviarme un código" }).click();
  await page.waitForURL(/\/code$/);
  await page.locator("#code").fill(await newestCode(code));
  await page.getByRole("button", { name: "Abrir" }).click();
  await page.waitForURL(`${demo.base}/window`);
  await page.getByRole("heading", { name: "Mensajes y citas" }).waitFor();
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

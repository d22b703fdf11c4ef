// From the desk to the window, for tests of pages: whom to write to, the link in the notice, the code
// on the made-up phone, and the way in; and what each page of the window must be. `desk` is a page of a
// nurse, signed in.
import { tabTo } from "./browser.mjs";
import { isRead } from "./reader.mjs";
import { until } from "./sotto.mjs";

// In both languages the same flow, with these words; each test has more of its own.
export const LANGUAGES = ["en", "es"];
export const named = { en: "English", es: "Spanish" };
const both = {
  en: { back: "Back", start: "Back to the start", end: "Not your device? End now", lost: "I lost my phone", sendCode: "Send me a code", open: "Open", month: "Month", day: "Day", year: "Year", code: "The code, six digits" },
  es: { back: "Volver", start: "Volver al inicio", end: "¿No es su dispositivo? Salir ahora", lost: "Perdí mi teléfono", sendCode: "Enviarme un código", open: "Abrir", month: "Mes", day: "Día", year: "Año", code: "El código, seis cifras" },
};
// The words of a flow: those that every page has, and its own.
export const words = (language, own) => ({ ...both[language], ...own[language] });

// A page of the window as it must be for whoever looks at it and whoever hears it: light and dark, by
// the accessibility rules, not wider than the phone, and with these controls, as [role, name].
export const stands = (demo, language) => async (page, what, controls = []) => {
  const before = page.viewportSize();
  await page.setViewportSize({ width: 320, height: 640 });
  for (const colorScheme of ["dark", "light"]) {
    await page.emulateMedia({ colorScheme });
    await demo.isAccessible(page, `${what} ${language} ${colorScheme}`);
  }
  await page.setViewportSize(before);
  await isRead(page, what, language, controls);
};

// By the keyboard alone: on to the control of this name, or of one that begins with it.
export const tabOnto = (page, name) =>
  tabTo(page, `(() => {
    const at = document.activeElement;
    const name = at.getAttribute("aria-label") ?? at.labels?.[0]?.textContent ?? at.textContent;
    return at !== document.body && at.id !== "main" && name.replace(/\\s+/g, " ").trim().startsWith(${JSON.stringify(name)});
  })()`);
export const press = async (page, name, key = "Enter") => {
  await tabOnto(page, name);
  await page.keyboard.press(key);
};
export const fill = async (page, name, text) => {
  await tabOnto(page, name);
  await page.keyboard.press("Control+A");
  await page.keyboard.type(text);
};
// Files are chosen in the browser's own window, which a test answers.
export const choose = async (page, name, files) => {
  const asked = page.waitForEvent("filechooser");
  await press(page, name);
  await (await asked).setFiles(files);
};

// A patient's phone: small, with all it complains of.
export const phoneOf = async (demo, options = {}) => {
  const context = await demo.browser.newContext({ viewport: { width: 320, height: 640 }, ...options });
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => {
    const status = /the server responded with a status of 4\d\d/.test(message.text());
    if (["error", "warning"].includes(message.type()) && !status) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => request.url().startsWith(demo.base) || complaints.push(`a stranger: ${request.url()}`));
  return { page, context, complaints };
};

const months = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];

export const giveDateOfBirth = async (page, born) => {
  await page.locator("#month").selectOption(born.month);
  await page.locator("#day").fill(born.day);
  await page.locator("#year").fill(born.year);
};

export const fromTheDesk = (demo, desk) => {
  // A patient with a date of birth, and what stands on their page of it.
  const somebody = async (nth) => {
    await desk.goto(`${demo.base}/people`);
    await desk.locator("#q").fill("ma");
    await desk.locator("#q").press("Enter");
    await desk.locator("#found tbody tr a").nth(nth).click();
    await desk.waitForURL(/\/people\/[0-9a-f-]{36}$/);
    const here = desk.url();
    await desk.getByRole("button", { name: "Show the birth date" }).click();
    const text = await desk.locator("dl, .banner").first().innerText();
    const iso = /(\d{4})-(\d{2})-(\d{2})/.exec(text);
    const words = /(\w+) (\d{1,2}), (\d{4})/.exec(text);
    const born = iso
      ? { year: iso[1], month: String(Number(iso[2])), day: String(Number(iso[3])) }
      : { year: words[3], month: String(months.findIndex((name) => name.startsWith(words[1])) + 1), day: words[2] };
    return { here, id: here.split("/").at(-1), born };
  };

  // The links in what was said to them.
  const links = async (whom) => {
    await desk.goto(`${whom.here}/said`);
    return [...(await desk.locator("body").innerText()).matchAll(/\/w\/([1-9A-HJ-NP-Za-km-z]{22})/g)].map((one) => one[1]);
  };

  // One that was not there before.
  const newestLink = (whom, before = []) =>
    until("a link", async () => (await links(whom)).find((one) => !before.includes(one)));

  // The newest code that the twin's phones got, other than the last one that was read: the made-up
  // practice shows it to whoever looks on.
  let code;
  const newestCode = async () => {
    const before = code;
    code = await until("the code", async () => {
      await desk.goto(`${demo.base}/`);
      const found = [...(await desk.locator("body").innerText()).matchAll(/(?:your code is|use|code is) (\d{6})/gi)];
      return found.map((one) => one[1]).find((one) => one !== before);
    });
    return code;
  };

  // Through the proof.
  const comeIn = async (page, whom, link, language = "en") => {
    await page.goto(`${demo.base}/w/${link}?lang=${language}`);
    await giveDateOfBirth(page, whom.born);
    await page.getByRole("button", { name: both[language].sendCode }).click();
    await page.waitForURL(/\/code$/);
    await page.locator("#code").fill(await newestCode());
    await page.keyboard.press("Enter");
    await page.waitForURL((url) => !/^\/w\//.test(url.pathname));
  };

  // The nurse writes by portal. The answer is the link in the notice of it.
  const write = async (whom, said) => {
    const before = await links(whom);
    await desk.goto(`${whom.here}/write`);
    await desk.locator("#body").fill(said);
    await desk.locator("input[name=channel][value=portal]").check();
    await desk.getByRole("button", { name: "Send by portal" }).click();
    await desk.waitForURL(/\/written\//);
    return newestLink(whom, before);
  };

  return { somebody, links, newestLink, newestCode, comeIn, write };
};

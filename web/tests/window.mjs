// From the desk to the window, for tests of pages: whom to write to, the link in the notice, the code
// on the made-up phone, and the way in. `desk` is a page of a nurse, signed in.
import { until } from "./sotto.mjs";

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

  // Through the proof, in English.
  const comeIn = async (page, whom, link) => {
    await page.goto(`${demo.base}/w/${link}?lang=en`);
    await giveDateOfBirth(page, whom.born);
    await page.getByRole("button", { name: "Send me a code" }).click();
    await page.waitForURL(/\/code$/);
    await page.locator("#code").fill(await newestCode());
    await page.keyboard.press("Enter");
    await page.waitForURL((url) => !/^\/w\//.test(url.pathname));
  };

  return { somebody, links, newestLink, newestCode, comeIn };
};

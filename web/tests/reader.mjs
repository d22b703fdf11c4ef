// What a screen reader gets of a page: the browser's accessibility tree, and whether all of a page is
// in its one language.
import { strict as assert } from "node:assert";

const CONTROLS = ["button", "link", "textbox", "searchbox", "checkbox", "radio", "combobox", "listbox", "spinbutton", "DisclosureTriangle"];

// One line to the browser for each page: a line that is closed takes a virtual authenticator with it.
const lines = new WeakMap();
const lineTo = (page) => {
  if (!lines.has(page)) lines.set(page, page.context().newCDPSession(page));
  return lines.get(page);
};

// The nodes that are read, in their order: role, name, description, and what else is said of them.
export const heard = async (page) => {
  const { nodes } = await (await lineTo(page)).send("Accessibility.getFullAXTree");
  const plain = (words) => (words?.value ?? "").replace(/\s+/g, " ").trim();
  return nodes.filter((node) => !node.ignored).map((node) => ({
    role: node.role?.value,
    name: plain(node.name),
    description: plain(node.description),
    ...Object.fromEntries((node.properties ?? []).map(({ name, value }) => [name, value.value])),
  }));
};

// Words that only the other language has, in what a page says or may come to say. What somebody wrote,
// and what says itself that it is in another language, is left out.
const FOREIGN = {
  en: /(?<![\p{L}-])(que|usted|para|con|una|por|nuestro|nuestra|está|desde|aquí|sus)(?![\p{L}-])/iu,
  es: /(?<![\p{L}-])(the|you|your|we|our|this|is|are|and|with|from|what|not|have|was|they|of)(?![\p{L}-])/iu,
};
const strangers = (page, language) =>
  page.evaluate(([language, source, flags]) => {
    const foreign = new RegExp(source, flags);
    const own = (element) =>
      element.closest("[lang]").lang === language && !element.closest("script, style, .letter, .sealed-words, textarea");
    const found = [];
    const walk = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
      if (own(walk.currentNode.parentElement) && foreign.test(walk.currentNode.data)) found.push(walk.currentNode.data.trim());
    }
    const told = ["aria-label", "title", "alt", "placeholder", "data-failed", "data-none", "data-there", "data-closed", "data-altered"];
    for (const element of document.querySelectorAll(told.map((name) => `[${name}]`).join())) {
      for (const name of told) {
        const words = element.getAttribute(name);
        if (words && own(element) && foreign.test(words)) found.push(`${name}: ${words}`);
      }
    }
    return found;
  }, [language, FOREIGN[language].source, FOREIGN[language].flags]);

// A page in this language, as a screen reader meets it: its language, its title, one heading of the
// first level and none left out below it, the landmarks, a name for every control, and these controls,
// each as [role, name], a name being the whole of it or a pattern.
export const isRead = async (page, what, language, controls = []) => {
  assert.equal(await page.locator("html").getAttribute("lang"), language, `${what}: its language`);
  assert.match(await page.title(), /^\S.* · \S/, `${what}: its title`);
  const nodes = await heard(page);
  const levels = nodes.filter((node) => node.role === "heading").map((node) => [Number(node.level), node.name]);
  assert.deepEqual(levels.filter(([level]) => level === 1).length, 1, `${what}: one first heading of ${JSON.stringify(levels)}`);
  let before = 0;
  for (const [level, name] of levels) {
    assert.ok(name, `${what}: a heading without words`);
    assert.ok(level <= before + 1, `${what}: headings in their order: ${JSON.stringify(levels)}`);
    before = level;
  }
  for (const role of ["main", "banner", "contentinfo"]) {
    assert.equal(nodes.filter((node) => node.role === role).length, 1, `${what}: one ${role}`);
  }
  const ways = nodes.filter((node) => node.role === "navigation").map((node) => node.name);
  assert.deepEqual(ways, [language === "es" ? "Idioma" : "Language"], what);
  const all = nodes.filter((node) => CONTROLS.includes(node.role));
  assert.deepEqual(all.filter((node) => !node.name), [], `${what}: a control without a name`);
  const is = (said, asked) => (typeof asked === "string" ? said === asked : asked.test(said));
  for (const [role, name] of controls) {
    const list = () => all.map((node) => `${node.role} “${node.name}”`).join(", ");
    assert.ok(all.some((node) => node.role === role && is(node.name, name)), `${what}: no ${role} “${name}” of ${list()}`);
  }
  assert.deepEqual(await strangers(page, language), [], `${what}: not in its language`);
};

// What is wrong is told: an alert says it, the focus is on it, and each of these fields is invalid and
// says so when somebody comes to it.
export const isTold = async (page, what, says, fields = []) => {
  const alert = page.getByRole("alert").filter({ hasText: says });
  assert.equal(await alert.count(), 1, `${what}: an alert that says ${says}`);
  assert.ok(await alert.evaluate((element) => element.contains(document.activeElement)), `${what}: the focus is on the alert`);
  const nodes = await heard(page);
  for (const name of fields) {
    const field = nodes.find((node) => CONTROLS.includes(node.role) && node.name.includes(name));
    assert.ok(field, `${what}: no field “${name}”`);
    assert.equal(field.invalid, "true", `${what}: “${name}” is marked`);
    assert.match(field.description, says, `${what}: “${name}” says what is wrong`);
  }
};

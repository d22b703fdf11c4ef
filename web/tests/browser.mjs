// A demo practice in a real browser, for tests of pages: one sign-in a role, everything the console
// complains of, and the accessibility rules.
import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { folder, freePort, remove, start, until } from "./sotto.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const shots = process.env.SOTTO_SHOTS;
const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

// The ways in which a page must hold.
export const looks = [
  ["light", { colorScheme: "light" }],
  ["dark", { colorScheme: "dark" }],
  ["320 px", { viewport: { width: 320, height: 800 } }],
];

export const openDemo = async (name, { patients = 60, speed = 60 } = {}) => {
  const data = folder(name);
  let program, base;
  const run = async (speed) => {
    const port = await freePort();
    base = `http://localhost:${port}`;
    program = start(["demo", "--port", String(port), "--patients", String(patients), "--seed", "7", "--speed", String(speed), "--folder", data]);
    const { said } = program;
    program.ended.then(({ code }) => code && console.error(said()));
    await until("the demo to answer", async () => (await fetch(`${base}/readyz`)).ok, 120);
  };
  await run(speed);
  const browser = await chromium.launch({
    executablePath: process.env.SOTTO_CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
  });

  // A page of a browser of its own, with all it complains of and every address it asked for.
  const open = async (path, options = {}) => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
    // A busy machine may take its time; what never comes is told by the test's own limit.
    context.setDefaultTimeout(120_000);
    const page = await context.newPage();
    const complaints = [];
    const urls = [];
    page.on("console", (message) => {
      // A browser says of every 4xx page that it is one; that is no complaint about the page.
      const status = /the server responded with a status of 4\d\d/.test(message.text());
      if (["error", "warning"].includes(message.type()) && !status) complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("request", (request) => {
      urls.push(request.url());
      if (!request.url().startsWith(base)) complaints.push(`a stranger: ${request.url()}`);
    });
    await page.goto(`${base}${path}`, { waitUntil: "load" });
    return { page, context, complaints, urls };
  };

  // Somebody with this role, signed in.
  const asRole = async (words, options) => {
    const opened = await open("/sign-in", options);
    await opened.page.getByRole("link", { name: words, exact: true }).click();
    // Where it leads is there before anything else is opened: two ways at once end at either.
    await opened.page.waitForURL((url) => !/^\/(sign-in|demo)/.test(url.pathname), { waitUntil: "load" });
    return opened;
  };

  const isAccessible = async (page, what) => {
    await page.evaluate(axe).catch(async () => page.addScriptTag({ content: axe }));
    const { violations } = await page.evaluate((runOnly) => globalThis.axe.run(document, { runOnly }), rules);
    assert.deepEqual(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(" ")).slice(0, 3).join(", ")}`), [], what);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(overflow <= 0, `${what} is ${overflow} px wider than the window`);
    if (shots) await page.screenshot({ path: join(shots, `${what.replace(/\W+/g, "-")}.png`), fullPage: true });
  };

  // The same practice, started once more, with another pace.
  const again = async (speed) => {
    await program.stop();
    await run(speed);
  };

  const close = async () => {
    await browser.close();
    await program.stop();
    remove(data);
  };
  const said = () => program.said();
  return { data, get base() { return base; }, said, browser, open, asRole, isAccessible, again, close };
};

// What the browser keeps of a page beside its cookies, and what it should keep.
export const kept = (page) =>
  page.evaluate(async () => ({
    local: Object.keys(localStorage),
    session: Object.keys(sessionStorage),
    databases: (await indexedDB.databases()).map((one) => one.name),
    caches: await caches.keys(),
    workers: (await navigator.serviceWorker.getRegistrations()).length,
  }));
export const nothing = { local: [], session: [], databases: [], caches: [], workers: 0 };

// A phone or security key that always agrees, and remembers who it belongs to. The answer sends it
// commands of its own.
export const withAuthenticator = async (page) => {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("WebAuthn.enable");
  const options = {
    protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true,
    isUserVerified: true, automaticPresenceSimulation: true,
  };
  const { authenticatorId } = await cdp.send("WebAuthn.addVirtualAuthenticator", { options });
  return { send: (command) => cdp.send(command, { authenticatorId }) };
};

// Tab until the focus is on what is wanted: whoever has no mouse must get there too.
export const tabTo = async (page, matches, most = 120) => {
  for (let step = 0; step < most; step += 1) {
    await page.keyboard.press("Tab");
    if (await page.evaluate(matches)) return;
  }
  assert.fail(`not reached by the keyboard: ${matches}`);
};

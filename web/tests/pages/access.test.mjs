// Coming in, in a real browser: passkeys on a virtual authenticator, passwords without scripts, the
// lock, what each role is shown, and every one of these pages by the accessibility rules.
import { strict as assert } from "node:assert";
import { createHmac } from "node:crypto";
import { after, before, test } from "node:test";
import { openDemo, withAuthenticator } from "../browser.mjs";
import { sotto } from "../sotto.mjs";

const password = "otter lamp mesa violin";
let demo;
before(async () => {
  demo = await openDemo("access", { patients: 5 });
});
after(() => demo?.close());

const code = (secret, at = Date.now()) => {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...secret.replace(/\s/g, "")].map((c) => letters.indexOf(c).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(at / 30_000)));
  const mac = createHmac("sha1", key).update(step).digest();
  const at4 = mac[19] & 15;
  return String((mac.readUInt32BE(at4) & 0x7fffffff) % 1_000_000).padStart(6, "0");
};

// The demo's simulated time is not ours, but links and sessions go by ours.
const invite = async (email, role) =>
  JSON.parse(await sotto(["staff", "invite", "--demo", demo.data, "--name", "Ines Abara", "--email", email, "--role", role, "--json"])).link;
const pathOf = (link) => new URL(link).pathname;

test("an administrator comes in by passkey alone, and comes back by it", { timeout: 120_000 }, async () => {
  const { page, context, complaints } = await demo.open(pathOf(await invite("kim@riverbend.example", "administrator")));
  await withAuthenticator(page);
  assert.equal(await page.locator("input[name=password]").count(), 0, "an administrator has no password");
  await page.getByRole("button", { name: "Make a passkey" }).click();
  await page.getByRole("heading", { name: "Keep these ten codes" }).waitFor();
  assert.equal(await page.locator(".codes li").count(), 10);
  await page.getByRole("link", { name: "I have kept them" }).click();
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await page.getByRole("button", { name: "Sign in with a passkey" }).click();
  await page.waitForURL(`${demo.base}/staff`);
  await page.getByRole("button", { name: "Lock" }).click();
  await page.getByRole("button", { name: "Use a passkey" }).click();
  await page.waitForURL(`${demo.base}/staff`);
  assert.deepEqual(complaints, []);
  await context.close();
});

test("a passkey of nobody here opens nothing", { timeout: 60_000 }, async () => {
  const { page, context } = await demo.open("/sign-in");
  await withAuthenticator(page);
  await page.getByRole("button", { name: "Sign in with a passkey" }).click();
  await page.getByText("No passkey was given").waitFor();
  await context.close();
});

test("a nurse sets up a password and an app without scripts", { timeout: 120_000 }, async () => {
  const { page, context } = await demo.open(pathOf(await invite("ines@riverbend.example", "nurse")), { javaScriptEnabled: false });
  const secret = await page.locator("code.secret").innerText();
  await page.getByLabel("Password").fill(password);
  await page.getByLabel("Code").fill(code(secret));
  await page.getByRole("button", { name: "Set password and sign in" }).click();
  const codes = await page.locator(".codes li").allInnerTexts();
  await page.getByRole("link", { name: "I have kept them" }).click();
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await page.getByLabel("Mailbox").fill("ines@riverbend.example");
  await page.getByLabel("Password").fill(password);
  await page.getByLabel("Code").fill("000000");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  assert.match(await page.getByRole("alert").innerText(), /That didn't match/);
  assert.equal(await page.getByLabel("Mailbox").inputValue(), "ines@riverbend.example");
  await page.getByLabel("Password").fill(password);
  await page.getByLabel("Code").fill(codes[0]);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.waitForURL(`${demo.base}/inbox`);
  await page.getByRole("link", { name: "Ines Abara" }).click();
  assert.match(await page.locator("#codes-title + .count").innerText(), /^9 of 10/);
  await context.close();
});

test("a PIN opens the lock, and a wrong one says how often more", { timeout: 120_000 }, async () => {
  const { page, context, complaints } = await demo.asRole("Nurse");
  await page.goto(`${demo.base}/me`);
  await page.getByLabel("PIN", { exact: true }).fill("123456");
  await page.getByLabel("The same again").fill("123456");
  await page.getByRole("button", { name: "Set a PIN" }).click();
  assert.match(await page.getByRole("alert").innerText(), /one of the first that anybody tries/);
  await demo.isAccessible(page, "your page with a PIN refused");
  await page.getByLabel("PIN", { exact: true }).fill("830264");
  await page.getByLabel("The same again").fill("830264");
  await page.getByRole("button", { name: "Set a PIN" }).click();
  await page.getByRole("button", { name: "Remove the PIN" }).waitFor();
  await page.getByRole("button", { name: "Lock" }).click();
  await page.getByLabel("PIN").fill("907315");
  await page.getByLabel("PIN").press("Enter");
  assert.match(await page.getByRole("alert").innerText(), /didn't match. 4 more tries/);
  await demo.isAccessible(page, "lock with a PIN");
  await page.getByLabel("PIN").fill("830264");
  await page.getByLabel("PIN").press("Enter");
  await page.waitForURL(`${demo.base}/inbox`);
  assert.deepEqual(complaints, []);
  await context.close();
  for (const [look, options] of [["dark", { colorScheme: "dark" }], ["320 px", { viewport: { width: 320, height: 800 } }]]) {
    const other = await demo.asRole("Nurse", options);
    await other.page.goto(`${demo.base}/me`);
    await demo.isAccessible(other.page, `your page ${look}`);
    await other.page.goto(`${demo.base}/inbox`);
    await other.page.request.post(`${demo.base}/lock/now`, { headers: { origin: demo.base } });
    await other.page.goto(`${demo.base}/lock`);
    await other.page.getByLabel("PIN").waitFor();
    await demo.isAccessible(other.page, `lock with a PIN ${look}`);
    await other.context.close();
  }
});

test("what a role may not open says so, and who may sees it", { timeout: 120_000 }, async () => {
  const billing = await demo.asRole("Billing");
  await billing.page.waitForURL(`${demo.base}/inbox`);
  await billing.page.goto(`${demo.base}/`);
  await billing.page.getByRole("heading", { name: "This page isn't yours to open" }).waitFor();
  await billing.context.close();
  const desk = await demo.asRole("Front desk");
  await desk.page.waitForURL(`${demo.base}/inbox`);
  await desk.page.goto(`${demo.base}/`);
  await desk.page.locator("#board").waitFor();
  assert.equal(await desk.page.getByRole("link", { name: "Staff" }).count(), 0);
  await desk.context.close();
});

test("an open page goes dark within a moment of its person being disabled", { timeout: 120_000 }, async () => {
  const { page, context } = await demo.asRole("Nurse");
  await page.goto(`${demo.base}/`);
  await page.locator("#board table, #board .empty").first().waitFor();
  await sotto(["staff", "disable", "--demo", demo.data, "nurse@riverbend.example"]);
  await page.getByRole("heading", { name: "This page is locked" }).waitFor({ timeout: 10_000 });
  assert.equal((await page.goto(`${demo.base}/`)).url(), `${demo.base}/sign-in`);
  await sotto(["staff", "enable", "--demo", demo.data, "nurse@riverbend.example"]);
  await context.close();
});

for (const [name, options] of [
  ["light", { colorScheme: "light" }],
  ["dark", { colorScheme: "dark" }],
  ["320 px wide", { viewport: { width: 320, height: 800 } }],
  ["zoomed to 400 %", { viewport: { width: 360, height: 256 }, deviceScaleFactor: 4 }],
]) {
  test(`no accessibility rule is broken: ${name}`, { timeout: 240_000 }, async () => {
    const door = await demo.open("/sign-in", options);
    await demo.isAccessible(door.page, `sign-in ${name}`);
    await door.page.goto(`${demo.base}/invite/nothing`);
    await demo.isAccessible(door.page, `old link ${name}`);
    await door.page.goto(`${demo.base}${pathOf(await invite(`${name.length}${name[0]}@riverbend.example`, "nurse"))}`);
    await demo.isAccessible(door.page, `invite ${name}`);
    await door.context.close();
    const { page, context, complaints } = await demo.asRole("Administrator", options);
    for (const path of ["/staff", "/access", "/me", "/lock", "/"]) {
      await page.goto(`${demo.base}${path}`);
      await demo.isAccessible(page, `${path} ${name}`);
    }
    await page.goto(`${demo.base}/staff`);
    for (const details of await page.locator("details").all()) await details.evaluate((it) => (it.open = true));
    await demo.isAccessible(page, `staff open ${name}`);
    assert.deepEqual(complaints, []);
    await context.close();
  });
}

test("the cookie is out of the reach of scripts", async () => {
  const { page, context } = await demo.asRole("Front desk");
  await page.waitForURL(`${demo.base}/inbox`);
  assert.equal(await page.evaluate(() => document.cookie), "");
  const cookies = await context.cookies();
  assert.ok(cookies.length === 2 && cookies.every((cookie) => cookie.httpOnly && cookie.sameSite === "Lax"));
  await context.close();
});

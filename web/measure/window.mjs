// How long the way from the notice to the message takes on a slow line, and what it weighs: the window
// of a demo practice in a real browser with an empty cache, at the speed that browsers call "Slow 3G"
// (400 kbit/s, 400 ms for each way there and back). Prints one line of JSON; docs/window.md names it.
//   SOTTO_BIN=…/sotto node web/measure/window.mjs
import { openDemo } from "../tests/browser.mjs";
import { fromTheDesk, giveDateOfBirth } from "../tests/window.mjs";

const SLOW = { offline: false, latency: 400, downloadThroughput: 400_000 / 8, uploadThroughput: 400_000 / 8 };
const demo = await openDemo("measure", { speed: 20 });
try {
  const { page: desk } = await demo.asRole("Nurse");
  const from = fromTheDesk(demo, desk);
  const whom = await from.somebody(0);
  await desk.goto(`${whom.here}/write`);
  await desk.locator("#body").fill("Please keep the dressing dry and come on Thursday.");
  await desk.locator("input[name=channel][value=portal]").check();
  await desk.getByRole("button", { name: "Send by portal" }).click();
  await desk.waitForURL(/\/written\//);
  const link = await from.newestLink(whom);

  const context = await demo.browser.newContext({ viewport: { width: 320, height: 640 } });
  const page = await context.newPage();
  const line = await context.newCDPSession(page);
  await line.send("Network.enable");
  await line.send("Network.emulateNetworkConditions", SLOW);
  let bytes = 0;
  line.on("Network.loadingFinished", ({ encodedDataLength }) => {
    bytes += encodedDataLength;
  });
  const steps = {};
  const step = async (name, go) => {
    const [began, before] = [performance.now(), bytes];
    await go();
    steps[name] = { ms: Math.round(performance.now() - began), bytes: bytes - before };
  };
  await step("landing", () => page.goto(`${demo.base}/w/${link}?lang=en`, { waitUntil: "load" }));
  await giveDateOfBirth(page, whom.born);
  await step("date_of_birth", async () => {
    await page.getByRole("button", { name: "Send me a code" }).click();
    await page.waitForURL(/\/code$/, { waitUntil: "load" });
  });
  await page.locator("#code").fill(await from.newestCode());
  await step("code", async () => {
    await page.keyboard.press("Enter");
    await page.waitForURL(`${demo.base}/window`, { waitUntil: "load" });
  });
  await step("message", async () => {
    await page.locator("a[href^='/window/letters/']").first().click();
    await page.locator(".letter").waitFor();
  });
  const total = Object.values(steps).reduce((sum, one) => sum + one.ms, 0);
  console.log(JSON.stringify({ ...steps, total_ms: total, total_bytes: bytes }));
} finally {
  await demo.close();
}

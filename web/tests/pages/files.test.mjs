// Files both ways at the window: on a small phone, by the keyboard alone, as a screen reader gets it,
// in English and Spanish.
import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { openDemo } from "../browser.mjs";
import { isTold } from "../reader.mjs";
import { LANGUAGES, choose, fill, fromTheDesk, named, phoneOf, press, stands, tabOnto, words } from "../window.mjs";

let demo, nurse, from;
before(async () => {
  demo = await openDemo("files", { speed: 20 });
  nurse = await demo.asRole("Nurse");
  from = fromTheDesk(demo, nurse.page);
});
after(() => demo?.close());

// A picture of two by two points, and a document of one page's bones.
const picture = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEElEQVR4nGP43yAARAwQCgAvbgY9V3+PWwAAAABJRU5ErkJggg==", "base64");
const paper = Buffer.from("%PDF-1.4\n1 0 obj <</Type /Catalog>> endobj\n%%EOF\n");

const own = {
  en: {
    letter: "Message of", document: "Document to save", photo: "Photo (", answer: "Answer", message: "Your message", files: "Photos or documents, if any",
    send: "Send", said: "Here is the picture you asked for.", notTaken: /Only photos/, again: "Choose them again", have: "We have your message", yours: "You wrote to us",
  },
  es: {
    letter: "Mensaje del", document: "Documento para guardar", photo: "Foto (", answer: "Responder", message: "Su mensaje", files: "Fotos o documentos, si hay",
    send: "Enviar", said: "Aquí está la foto que pidió.", notTaken: /Solo se pueden recibir/, again: "Elíjalos otra vez", have: "Recibimos su mensaje", yours: "Usted nos escribió",
  },
};

const bothWays = async (language, nth) => {
  const [w, standsSo] = [words(language, own), stands(demo, language)];
  const whom = await from.somebody(nth);
  const before = await from.links(whom);
  await nurse.page.goto(`${whom.here}/write`);
  await nurse.page.getByText("Send photos or documents").click();
  await nurse.page.locator("#files-body").fill("The plan.");
  await nurse.page.locator("#files").setInputFiles({ name: "plan.pdf", mimeType: "application/pdf", buffer: paper });
  await nurse.page.locator("#send-files").getByRole("button", { name: "Send by portal" }).click();
  await nurse.page.waitForURL(/\/written\//);

  // Ours to them: read, and saved.
  const { page, context, complaints } = await phoneOf(demo);
  await from.comeIn(page, whom, await from.newestLink(whom, before), language);
  await press(page, w.letter);
  await page.locator(".letter").waitFor();
  await standsSo(page, "window letter with a file", [
    ["link", w.back], ["link", new RegExp(`^${w.document}`)], ["link", w.answer], ["button", w.end], ["link", w.lost],
  ]);
  const saved = page.waitForEvent("download");
  await press(page, w.document);
  assert.deepEqual(readFileSync(await (await saved).path()), paper);
  const address = await page.locator("a[href*='/files/']").getAttribute("href");
  const got = await page.request.get(new URL(address, demo.base).href);
  assert.match(got.headers()["content-disposition"], /^attachment/);

  // Theirs to us: first one that is no picture, whatever its name says; what was written stays.
  await press(page, w.answer);
  await page.waitForURL(`${demo.base}/window/write`);
  await standsSo(page, "window write with files", [["textbox", w.message], ["button", new RegExp(`^${w.files}`)], ["button", w.send]]);
  await fill(page, w.message, w.said);
  await choose(page, w.files, { name: "arm.png", mimeType: "image/png", buffer: Buffer.from("MZ\x90\0 a program") });
  await press(page, w.send);
  await page.getByRole("alert").filter({ hasText: w.notTaken }).waitFor();
  await isTold(page, "a file that is none", w.notTaken, [w.files]);
  assert.ok((await page.locator("#files-hint").innerText()).includes(w.again));
  assert.equal(await page.locator("#body").inputValue(), w.said, "what was written stays");
  await standsSo(page, "window file not taken", [["textbox", w.message], ["button", w.send]]);
  await choose(page, w.files, { name: "arm.png", mimeType: "image/png", buffer: picture });
  await press(page, w.send);
  await page.getByRole("heading", { name: w.have }).waitFor();
  await standsSo(page, "window message sent", [["link", w.start]]);
  await press(page, w.start);
  await page.waitForURL(`${demo.base}/window`);
  await tabOnto(page, await page.locator("a[href^='/window/wrote/']").first().innerText());
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: w.yours }).waitFor();
  assert.equal(await page.locator(".letter").innerText(), w.said);
  await standsSo(page, "window wrote with a photo", [["link", new RegExp(`^${w.photo.replace("(", "\\(")}`)], ["link", w.back]]);
  assert.deepEqual(complaints, []);
  await context.close();

  // At the desk it stands in the conversation.
  await nurse.page.goto(`${demo.base}/inbox?view=all&sort=newest`);
  await nurse.page.locator("[data-row]").filter({ hasText: w.said }).first().click();
  await nurse.page.locator("a[href*='/files/'], img[src*='/files/']").first().waitFor();
};

for (const [nth, language] of LANGUAGES.entries()) {
  test(`files go both ways, by the keyboard alone: ${named[language]}`, { timeout: 400_000 }, () => bothWays(language, nth + 2));
}

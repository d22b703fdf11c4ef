// What the labelled texts must be to judge by: every line whole, every id once, and no words of the
// test files in what is learned from.
import { strict as assert } from "node:assert";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const folder = join(import.meta.dirname, "../../../corpus");
const files = readdirSync(folder).filter((name) => name.endsWith(".jsonl"));
const read = (name) => readFileSync(join(folder, name), "utf8").trim().split("\n").map((line) => JSON.parse(line));

// The parts from a letter on: `a`, `b`, … `z`, `aa`, `ab`, …
const isFrom = (part, first) => part.length > first.length || (part.length === first.length && part >= first);

const runs = function* (text) {
  const words = text.toLowerCase().match(/[\p{L}\p{N}']+/gu) ?? [];
  for (let at = 0; at + 6 <= words.length; at += 1) yield words.slice(at, at + 6).join(" ");
};

for (const [kind, first] of [["outbound", "f"], ["inbound", "p"]]) {
  test(`${kind}: from part ${first} on, what is learned shares no run of six words with a test file`, () => {
    const tested = new Set();
    for (const name of files.filter((one) => one.startsWith(`${kind}-test`))) for (const { text } of read(name)) for (const run of runs(text)) tested.add(run);
    assert.ok(tested.size > 1_000, "the test files are there");
    const shared = [];
    for (const name of files.filter((one) => one.startsWith(`${kind}-train-`))) {
      if (!isFrom(name.slice(`${kind}-train-`.length, -".jsonl".length), first)) continue;
      for (const { id, text } of read(name)) if ([...runs(text)].some((run) => tested.has(run))) shared.push(`${name} ${id}`);
    }
    assert.deepEqual(shared, []);
  });
}

test("every id stands once in its file", () => {
  for (const name of files) {
    const ids = read(name).map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length, name);
  }
});

// The documents: every link leads somewhere, every file they name is there, every code is explained.
import { strict as assert } from "node:assert";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../../..");
const tracked = execFileSync("git", ["ls-files", "-co", "--exclude-standard"], { cwd: root, encoding: "utf8" })
  .split("\n")
  .filter((name) => name && existsSync(join(root, name)));
const documents = tracked.filter((name) => name.endsWith(".md"));
const read = (name) => readFileSync(join(root, name), "utf8");

const anchorsOf = (text) =>
  new Set(
    [...text.matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
      title.trim().toLowerCase().replace(/[`*]/g, "").replace(/[^\p{L}\p{N} _-]/gu, "").replace(/ /g, "-"),
    ),
  );

const withoutCode = (text) => text.replace(/^```[\s\S]*?^```/gm, "");

test("there are documents", () => {
  for (const name of ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "LICENSE"]) {
    assert.ok(tracked.includes(name), `${name} is missing`);
  }
  assert.ok(documents.length > 20, "the documents were not found");
});

test("every relative link leads to a file, and to a heading where it names one", () => {
  const broken = [];
  for (const name of documents) {
    for (const [, target] of withoutCode(read(name)).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [path, anchor] = target.split("#");
      const file = path === "" ? name : normalize(join(dirname(name), decodeURI(path)));
      if (!existsSync(join(root, file))) broken.push(`${name}: ${target}`);
      else if (anchor && !anchorsOf(read(file)).has(anchor)) broken.push(`${name}: ${target} (no such heading)`);
    }
  }
  assert.deepEqual(broken, []);
});

test("every file of ours that a document names in code is there", () => {
  const broken = [];
  for (const name of documents) {
    for (const [, path] of read(name).matchAll(/`((?:crates|docs|web|tools|fuzz|lexicon)\/[A-Za-z0-9_./-]+)`/g)) {
      if (!existsSync(join(root, path))) broken.push(`${name}: ${path}`);
    }
  }
  assert.deepEqual(broken, []);
});

// The rows of a table whose first cell is a clause: clause, what it asks, where, and the tests.
const rowsOf = (name, clause) =>
  read(name)
    .split("\n")
    .filter((line) => clause.test(line))
    .map((line) => line.split("|").map((cell) => cell.trim()).slice(1, 5));

// What is wrong with such rows: a file or test that is not there, or neither a test nor a gap.
const wrongIn = (rows) => {
  const broken = [];
  for (const [clause, , where, tested] of rows) {
    const files = [...where.matchAll(/`([^`]+)`/g)].map(([, path]) => path);
    if (files.length === 0) broken.push(`${clause}: names no file`);
    for (const path of files) if (!existsSync(join(root, path))) broken.push(`${clause}: ${path} is not there`);
    const [proved, gap] = tested.split(/(?:^|\s)Gap: /);
    const tests = [...proved.matchAll(/`([^`]+)`/g)].map(([, text]) => text);
    if (tests.length === 0 && !gap && tested !== "none yet") broken.push(`${clause}: names neither a test nor a gap`);
    if (gap !== undefined && gap.length < 20) broken.push(`${clause}: says nothing of its gap`);
    for (const text of tests) {
      const [path, fn] = text.split(" › ");
      if (!existsSync(join(root, path)) || !statSync(join(root, path)).isFile()) broken.push(`${clause}: ${path} is not there`);
      else if (fn && !read(path).includes(fn)) broken.push(`${clause}: ${path} has no test "${fn}"`);
    }
  }
  return broken;
};

test("every row of the compliance table names a file and a test that are there", () => {
  const rows = rowsOf(
    "docs/compliance/README.md",
    /^\| (45 CFR|47 CFR|47 U\.S\.C\.|42 CFR|RFC|TEL-|PRIV-|EML-|CLIN-|BAA-|CTIA|SPEC|W3C)/,
  );
  assert.ok(rows.length >= 20, `only ${rows.length} rows`);
  assert.deepEqual(wrongIn(rows), []);
});

// OWASP ASVS 5.0.0: the items that this program holds itself to, with their levels.
const asvs = [
  "1.2.4 L1", "1.2.10 L3", "1.3.6 L2", "1.3.7 L2", "1.3.11 L2", "2.3.2 L2", "2.3.5 L3", "2.4.1 L2",
  "3.3.1 L1", "3.3.3 L2", "3.4.1 L1", "3.4.3 L2", "3.5.1 L1", "4.4.2 L2", "5.4.3 L2",
  "6.2.12 L2", "6.3.3 L2", "6.4.2 L1", "6.4.3 L2", "6.5.1 L2", "6.5.5 L2", "6.6.1 L2",
  "7.3.1 L2", "7.3.2 L2", "7.4.2 L1", "7.5.3 L3", "8.2.1 L1", "8.2.2 L1", "8.2.3 L2", "8.3.1 L1", "8.3.2 L3", "8.4.1 L2",
  "11.1.1 L2", "11.3.2 L1", "11.3.4 L3", "12.1.1 L1", "12.2.1 L1", "12.3.1 L2", "12.3.2 L2", "12.3.3 L2",
  "13.3.1 L2", "14.2.1 L1", "14.2.3 L2", "14.2.7 L3", "14.3.1 L1", "14.3.2 L2", "14.3.3 L2", "15.1.2 L2",
  "16.2.1 L2", "16.2.5 L2", "16.3.1 L2", "16.3.2 L2", "16.3.3 L2", "16.4.2 L2", "16.4.3 L2", "16.5.3 L2",
];

test("every item of ASVS that we hold ourselves to has its tests, or its gap is said", () => {
  const rows = rowsOf("docs/compliance/asvs.md", /^\| \d+\.\d+\.\d+ /);
  assert.deepEqual(rows.map(([clause]) => clause), asvs);
  assert.deepEqual(wrongIn(rows), []);
  for (const [clause, asks] of rows) assert.ok(asks.length > 20, `${clause}: does not say what it asks`);
});

test("every refusal code is explained, with the remedy the program gives", () => {
  const source = read("crates/gate/src/refusal.rs");
  const codes = [...source.matchAll(/= "(E_[A-Z_]+)", "([^"]+)";/g)];
  assert.ok(codes.length > 30, "the codes were not found");
  const explained = read("docs/refusals.md");
  for (const [, code, remedy] of codes) {
    assert.ok(explained.includes(`\`${code}\``), `${code} is missing in docs/refusals.md`);
    assert.ok(explained.includes(remedy), `the remedy of ${code} in docs/refusals.md is not the program's`);
  }
  const known = new Set(codes.map(([, code]) => code));
  for (const [, code] of explained.matchAll(/`(E_[A-Z_]+)`/g)) assert.ok(known.has(code), `${code} does not exist`);
});

test("the third-party scripts are byte for byte what the locked packages hold", () => {
  for (const [ours, theirs] of [
    ["web/vendor/htmx.min.js", "web/node_modules/htmx.org/dist/htmx.min.js"],
    ["web/vendor/hx-sse.min.js", "web/node_modules/htmx.org/dist/ext/hx-sse.min.js"],
    ["web/vendor/htmx.LICENSE", "web/node_modules/htmx.org/LICENSE"],
  ]) {
    assert.ok(readFileSync(join(root, ours)).equals(readFileSync(join(root, theirs))), `${ours} differs: npm run vendor`);
  }
});

test("pages fetch nothing from elsewhere and hold nothing inline", () => {
  const pages = tracked.filter((name) => name.startsWith("crates/sotto/templates/") && name.endsWith(".html"));
  assert.ok(pages.length >= 3, "the pages were not found");
  for (const name of pages) {
    const text = read(name);
    assert.doesNotMatch(text, /(?:src|href|action)="(?:https?:)?\/\//, name);
    assert.doesNotMatch(text, /<style|\sstyle=|\son[a-z]+=|javascript:/i, name);
    assert.doesNotMatch(text, /<script(?![^>]*\ssrc=)/i, name);
  }
});

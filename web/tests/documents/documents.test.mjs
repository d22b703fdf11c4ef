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

test("every row of the compliance table names a file and a test that are there", () => {
  const rows = read("docs/compliance/README.md")
    .split("\n")
    .filter((line) => /^\| (45 CFR|47 CFR|47 U\.S\.C\.|42 CFR|RFC|TEL-|PRIV-|EML-|CLIN-|BAA-|CTIA)/.test(line));
  assert.ok(rows.length >= 20, `only ${rows.length} rows`);
  const broken = [];
  for (const row of rows) {
    const [, clause, , where, tested] = row.split("|").map((cell) => cell.trim());
    const files = [...where.matchAll(/`([^`]+)`/g)].map(([, path]) => path);
    if (files.length === 0) broken.push(`${clause}: names no file`);
    for (const path of files) if (!existsSync(join(root, path))) broken.push(`${clause}: ${path} is not there`);
    const tests = [...tested.matchAll(/`([^`]+)`/g)].map(([, text]) => text);
    if (tests.length === 0 && tested !== "none yet") broken.push(`${clause}: names no test`);
    for (const text of tests) {
      const [path, fn] = text.split(" › ");
      if (!existsSync(join(root, path)) || !statSync(join(root, path)).isFile()) broken.push(`${clause}: ${path} is not there`);
      else if (fn && !read(path).includes(fn)) broken.push(`${clause}: ${path} has no test "${fn}"`);
    }
  }
  assert.deepEqual(broken, []);
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

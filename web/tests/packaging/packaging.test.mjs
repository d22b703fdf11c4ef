// What is shipped: the Debian package, the unit and the list of what is in it.
import { strict as assert } from "node:assert";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../../..");
const out = mkdtempSync(join(process.env.SOTTO_WORK ?? tmpdir(), "package-"));
after(() => rmSync(out, { recursive: true, force: true }));
const run = (command, args, options = {}) =>
  execFileSync(command, args, { cwd: root, encoding: "utf8", maxBuffer: 64 << 20, ...options });

const said = run("tools/package.sh", [out], { env: { ...process.env, DPKG_DEB_COMPRESSOR_TYPE: "none" } });
const [deb, sbom] = said.trim().split("\n").slice(-2);

test("the list of what is in it has every locked crate, with its checksum", () => {
  const list = JSON.parse(readFileSync(sbom, "utf8"));
  assert.equal(list.bomFormat, "CycloneDX");
  const listed = new Map(list.components.map((one) => [one.purl, one]));
  const locked = readFileSync(join(root, "Cargo.lock"), "utf8")
    .split("[[package]]")
    .slice(1)
    .map((block) => (key) => block.match(new RegExp(`^${key} = "(.*)"$`, "m"))?.[1]);
  assert.ok(locked.length > 200, `only ${locked.length} crates are locked`);
  const missing = [];
  for (const of of locked) {
    const purl = `pkg:cargo/${of("name")}@${of("version")}`;
    if (purl === list.metadata.component.purl) continue;
    const one = listed.get(purl);
    if (!one) missing.push(purl);
    else if (of("checksum")) assert.equal(one.hashes?.[0].content, of("checksum"), purl);
  }
  assert.deepEqual(missing, []);
  // What signs and encrypts is in the binary; what only tests it is not.
  const scope = (name) => list.components.find((one) => one.name === name).scope;
  assert.deepEqual([scope("aws-lc-rs"), scope("htmx.org"), scope("insta")], ["required", "required", "excluded"]);
  const unlicensed = list.components.filter((one) => !one.licenses && one.hashes).map((one) => one.purl);
  assert.deepEqual(unlicensed, []);
});

test("the package holds the program, the unit and the papers, and no settings", () => {
  const fields = run("dpkg-deb", ["--field", deb]);
  for (const field of ["Package: sotto", "Depends: libc6 (>= ", "ca-certificates"]) assert.ok(fields.includes(field), fields);
  const tree = join(out, "tree");
  run("dpkg-deb", ["--extract", deb, tree]);
  for (const file of [
    "usr/bin/sotto",
    "usr/lib/systemd/system/sotto.service",
    "usr/lib/sysusers.d/sotto.conf",
    "usr/lib/tmpfiles.d/sotto.conf",
    "usr/share/doc/sotto/operate/install.md",
    "usr/share/doc/sotto/operate/sotto.example.toml",
    "usr/share/doc/sotto/sbom.cdx.json",
    "usr/share/doc/sotto/copyright",
  ]) {
    assert.ok(existsSync(join(tree, file)), `${file} is missing`);
  }
  // A practice's settings are written by a person; a package that brought some would start half-configured.
  assert.ok(!existsSync(join(tree, "etc/sotto")), "the package brings settings");
  assert.equal(statSync(join(tree, "usr/bin/sotto")).mode & 0o7777, 0o755);
  assert.match(run(join(tree, "usr/bin/sotto"), ["--version"]), /^sotto \d/);
  const owners = run("dpkg-deb", ["--contents", deb]).split("\n").filter((line) => line && !line.includes(" root/root "));
  assert.deepEqual(owners, []);
});

test("its scripts parse, start nothing new, and throw no record away", () => {
  const control = join(out, "control");
  run("dpkg-deb", ["--control", deb, control]);
  assert.equal(readFileSync(join(control, "conffiles"), "utf8").trim(), "/etc/logrotate.d/sotto");
  for (const name of ["postinst", "prerm", "postrm"]) {
    const file = join(control, name);
    run("sh", ["-n", file]);
    const script = readFileSync(file, "utf8").replace(/^\s*#.*$/gm, "");
    const commands = script.replace(/echo ".*"/g, "");
    assert.ok(!/systemctl (start|enable|restart)/.test(commands), `${name} starts a server`);
    assert.ok(!/\brm\b|deluser|userdel/.test(commands), `${name} throws something away`);
  }
});

test("the unit is well formed and closed", { skip: !existsSync("/usr/bin/systemd-analyze") }, () => {
  const unit = join(root, "packaging/sotto.service");
  const rated = run("systemd-analyze", ["security", "--offline=true", "--threshold=20", unit]);
  assert.match(rated, /Overall exposure level for sotto.service: 1\.\d OK/);
  const text = readFileSync(unit, "utf8");
  for (const line of ["LimitCORE=0", "NoNewPrivileges=yes", "ProtectSystem=strict", "MemoryDenyWriteExecute=yes"]) {
    assert.ok(text.includes(`\n${line}\n`), `${line} is missing`);
  }
});

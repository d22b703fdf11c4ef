// Reads `cargo metadata` and Cargo.lock, writes CycloneDX 1.5 (https://cyclonedx.org/docs/1.5/json).
// A crate that ends in the binary has the scope "required"; one that only builds or tests it is
// "excluded".
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

const metadata = JSON.parse(readFileSync(0, "utf8"));
const nodes = new Map(metadata.resolve.nodes.map((node) => [node.id, node]));
const packages = new Map(metadata.packages.map((pack) => [pack.id, pack]));
const product = metadata.packages.find((pack) => pack.name === "sotto" && pack.source === null);

const checksums = new Map();
for (const block of readFileSync("Cargo.lock", "utf8").split("[[package]]").slice(1)) {
  const of = (key) => block.match(new RegExp(`^${key} = "(.*)"$`, "m"))?.[1];
  checksums.set(`${of("name")}@${of("version")}`, of("checksum"));
}

const required = new Set();
const follow = (id) => {
  if (required.has(id)) return;
  required.add(id);
  for (const dep of nodes.get(id).deps) {
    if (dep.dep_kinds.some(({ kind }) => kind === null)) follow(dep.pkg);
  }
};
follow(product.id);

const reference = (pack) => `pkg:cargo/${pack.name}@${pack.version}`;
const component = (pack) => {
  const checksum = checksums.get(`${pack.name}@${pack.version}`);
  return {
    type: "library",
    "bom-ref": reference(pack),
    name: pack.name,
    version: pack.version,
    scope: required.has(pack.id) ? "required" : "excluded",
    ...(checksum && { hashes: [{ alg: "SHA-256", content: checksum }] }),
    ...(pack.license && { licenses: [{ expression: pack.license.replaceAll("/", " OR ") }] }),
    purl: reference(pack),
    ...(pack.repository && { externalReferences: [{ type: "vcs", url: pack.repository }] }),
  };
};

const web = JSON.parse(readFileSync("web/package.json", "utf8"));
const htmx = web.dependencies?.["htmx.org"] ?? web.devDependencies?.["htmx.org"];
const script = {
  type: "library",
  "bom-ref": `pkg:npm/htmx.org@${htmx}`,
  name: "htmx.org",
  version: htmx,
  scope: "required",
  licenses: [{ expression: "0BSD" }],
  purl: `pkg:npm/htmx.org@${htmx}`,
};

const others = [...packages.values()].filter((pack) => pack.id !== product.id);
const components = [...others.map(component), script].sort((a, b) => (a["bom-ref"] < b["bom-ref"] ? -1 : 1));
const dependencies = [...nodes.values()].map((node) => ({
  ref: reference(packages.get(node.id)),
  dependsOn: [...new Set(node.deps.map((dep) => reference(packages.get(dep.pkg))))].sort(),
}));
dependencies.find(({ ref }) => ref === reference(product)).dependsOn.push(script["bom-ref"]);

// The same sources give the same document: its serial number is drawn from what it lists.
const digest = createHash("sha256").update(JSON.stringify([components, dependencies])).digest("hex");
const serial = `${digest.slice(0, 8)}-${digest.slice(8, 12)}-4${digest.slice(13, 16)}-a${digest.slice(17, 20)}-${digest.slice(20, 32)}`;
const { scope: _, ...subject } = component(product);
process.stdout.write(
  `${JSON.stringify(
    {
      $schema: "http://cyclonedx.org/schema/bom-1.5.schema.json",
      bomFormat: "CycloneDX",
      specVersion: "1.5",
      serialNumber: `urn:uuid:${serial}`,
      version: 1,
      metadata: { component: { ...subject, type: "application" } },
      components,
      dependencies,
    },
    null,
    1,
  )}\n`,
);

// One verdict everywhere: the page's module makes the same output of the same input as the native build.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { copyFile, mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";

import { cli } from "./demo.mjs";
import { brokenFiles, unpackSidecars } from "./fixtures.mjs";

const DIST = new URL("../../web/dist/", import.meta.url);
const PLANS = new URL("../fixtures/plans.jsonl", import.meta.url);

/** Every disposition, sorted. */
const DISPOSITIONS = [
  "abort",
  "already_published",
  "already_rolled_back",
  "never_started",
  "orphaned_branch",
  "refused",
  "roll_back",
  "roll_forward",
  "stale_armed",
  "superseded",
  "waiting",
];

let sidecar;
let folder;

before(async () => {
  const names = await readdir(DIST);
  const named = (pattern) => new URL(names.find((name) => pattern.test(name)), DIST);
  // Node takes a .js file that no package.json stands beside for CommonJS before version 20.19, and for a module after it.
  folder = await mkdtemp(join(tmpdir(), "parity-"));
  const module = join(folder, "inspector.mjs");
  await copyFile(named(/^inspector-.*\.js$/), module);
  sidecar = await import(pathToFileURL(module));
  await sidecar.default({ module_or_path: await readFile(named(/^inspector-.*\.wasm$/)) });
});

after(() => rm(folder, { recursive: true, force: true }));

test("plans and digests are the native ones, byte for byte", async () => {
  const lines = (await readFile(PLANS, "utf8")).trimEnd().split("\n");
  const dispositions = new Set();
  for (const line of lines) {
    const native = JSON.parse(line);
    const here = JSON.parse(sidecar.plan(JSON.stringify(native.request)));
    assert.equal(here.plan, native.plan, native.name);
    assert.equal(here.digest, native.digest, native.name);
    assert.equal(here.disposition, native.disposition, native.name);
    dispositions.add(here.disposition);
  }
  assert.deepEqual([...dispositions].sort(), DISPOSITIONS);
});

test("a digest is SHA-256 over a tag and the plan's bytes", async () => {
  const [line] = (await readFile(PLANS, "utf8")).split("\n");
  const { plan, digest } = JSON.parse(line);
  const hash = createHash("sha256").update("sidecar-inspector/plan/v1\n").update(plan);
  assert.equal(digest, `sha256:${hash.digest("hex")}`);
});

/** What is told of a file, sorted. */
const FIELDS = ["digest", "file", "operation_id", "refused", "sidecar", "what_if"];

test("files are read alike, broken ones included", async (t) => {
  const { files, remove } = await unpackSidecars();
  t.after(remove);
  const all = [...files, ...(await brokenFiles(files[0].folder))];
  assert.ok(all.length > 200);
  const told = new Set();
  for (const { path, name } of all) {
    const text = await readFile(path, "utf8");
    const {
      files: [here],
    } = JSON.parse(sidecar.inspect(JSON.stringify({ files: [{ file: name, text }] })));
    const {
      files: [there],
    } = await cli("inspect", path);
    for (const field of FIELDS) {
      assert.deepEqual(here[field], there[field], `${name}: ${field}`);
      if (there[field]) told.add(field);
    }
  }
  assert.deepEqual([...told].sort(), FIELDS);
});

test("requests that are not what they must be are refused in words", () => {
  for (const ask of [sidecar.plan, sidecar.inspect, sidecar.verifyAudit]) {
    assert.throws(() => ask("{"), /the request cannot be read/);
  }
});

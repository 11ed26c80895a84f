// Sidecar files to look at: those of real graphs, and broken ones.

import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const FIXTURES = fileURLToPath(new URL("../fixtures/", import.meta.url));
const run = promisify(execFile);

/** Unpacks one graph; its folder. */
export async function unpackGraph(engine, name, into) {
  await mkdir(into, { recursive: true });
  await run("tar", ["-xzf", join(FIXTURES, engine, `${name}.tar.gz`), "-C", into]);
  return join(into, name);
}

/** The sidecars of every graph there is, each in the folder its graph has it in. */
export async function unpackSidecars() {
  const folder = await mkdtemp(join(tmpdir(), "sidecar-inspector-files-"));
  const files = [];
  for (const engine of (await readdir(FIXTURES)).filter((name) => name.startsWith("omnigraph"))) {
    for (const archive of await readdir(join(FIXTURES, engine))) {
      if (!archive.endsWith(".tar.gz")) continue;
      const graph = await unpackGraph(engine, basename(archive, ".tar.gz"), join(folder, engine));
      // A killed writer leaves one, or none; two of them leave two.
      for (const name of await readdir(join(graph, "__recovery")).catch(() => [])) {
        files.push({ engine, graph, name, folder, path: join(graph, "__recovery", name) });
      }
    }
  }
  return { folder, files, remove: () => rm(folder, { recursive: true, force: true }) };
}

const OPERATION = "01M8125ENACWR9X1EZNRMDV5V2";

/** A sidecar of one table, changed as wanted. */
export function sidecar(changes = {}) {
  return {
    schema_version: 1,
    operation_id: OPERATION,
    started_at: "1795332131000000",
    branch: null,
    actor_id: "act-ada",
    writer_kind: "Mutation",
    tables: [
      { table_key: "node:A", table_path: "/srv/g/nodes/1", expected_version: 4, post_commit_pin: 5 },
    ],
    ...changes,
  };
}

/** Files that are no sidecars of this version, each with the code it is refused with. */
export async function brokenFiles(folder) {
  const deep = "[".repeat(5_000) + "]".repeat(5_000);
  const broken = {
    "empty.json": ["not_json", ""],
    "half.json": ["not_json", JSON.stringify(sidecar()).slice(0, 80)],
    "list.json": ["wrong_shape", "[]"],
    "deep.json": ["too_deep", `{"schema_version":1,"tables":${deep}}`],
    "large.json": ["too_large", " ".repeat((1 << 20) + 1)],
    "misnamed.json": ["misnamed", JSON.stringify(sidecar({ operation_id: "01M8125ENACWR9X1EZNRMDV5V4" }))],
    "01M8125ENACWR9X1EZNRMDV5V3.json": [
      "unsupported_version",
      JSON.stringify(sidecar({ schema_version: 10, operation_id: "01M8125ENACWR9X1EZNRMDV5V3" })),
    ],
  };
  const place = join(folder, "broken");
  await mkdir(place, { recursive: true });
  const files = [];
  for (const [name, [code, text]] of Object.entries(broken)) {
    const path = join(place, name);
    await writeFile(path, text);
    files.push({ name, path, code, folder: dirname(path) });
  }
  return files;
}

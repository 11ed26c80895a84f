// The real server over real crashed stores, as `sidecar-inspector demo` makes them.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const WORKSPACE = fileURLToPath(new URL("../../", import.meta.url));
const TARGET = process.env.CARGO_TARGET_DIR ?? join(WORKSPACE, "target");
const BINARY = process.env.E2E_BINARY ?? join(TARGET, "debug/sidecar-inspector");
const WRITER = process.env.E2E_WRITER ?? join(dirname(BINARY), "e2e-writer");

const run = promisify(execFile);
const OUTPUT = { maxBuffer: 64 << 20 };

/** Who approvals in the browser are recorded under. */
export const OPERATOR = "grace";

/** Runs the command line; its JSON, whatever its exit code. */
export async function cli(...args) {
  const { stdout } = await run(BINARY, [...args, "--json"], OUTPUT).catch((failed) => {
    if (!failed.stdout) throw failed;
    return failed;
  });
  return JSON.parse(stdout);
}

/** Changes a store as a program may that knows nothing of recoveries. */
export async function writer(...args) {
  await run(WRITER, args.map(String));
}

/** Sample stores in a folder of their own, and the console over them, at a free port unless one is named. */
export async function startDemo(port = 0) {
  const folder = await mkdtemp(join(tmpdir(), "sidecar-inspector-"));
  return startServer(folder, ["demo", "--dir", folder, "--port", String(port)]);
}

/** The console over one graph that was moved to `name` in `folder`; stopping it removes the folder. */
export async function startOver(folder, name, movedFrom) {
  const root = `${name}=${join(folder, name)}`;
  return startServer(folder, ["serve", "--root", root, "--relocated-from", movedFrom, "--port", "0"]);
}

async function startServer(folder, command) {
  const args = [...command, "--as", OPERATOR, "--json"];
  const server = spawn(BINARY, args, { stdio: ["ignore", "pipe", "pipe"] });
  const said = [];
  server.stderr.on("data", (chunk) => said.push(chunk));
  const { address, login, own_host } = await started(server, said);
  return {
    // The plain address: node fetches the answers that a test changes, and cannot resolve the other one.
    origin: address,
    login,
    /** As people open it: at the host that only this start of the server has. */
    own: { origin: own_host.address, login: own_host.login },
    /** A new login link at the server's own host, as it is printed in the terminal. */
    async newLink() {
      const before = said.length;
      server.kill("SIGQUIT");
      for (;;) {
        const link = /open (\S+)/.exec(Buffer.concat(said.slice(before)).toString());
        if (link) return link[1];
        await once(server.stderr, "data");
      }
    },
    root: (name) => join(folder, name),
    async stop() {
      server.kill();
      if (server.exitCode === null && server.signalCode === null) await once(server, "exit");
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function started(server, said) {
  let text = "";
  for await (const chunk of server.stdout.iterator({ destroyOnReturn: false })) {
    text += chunk;
    try {
      return JSON.parse(text);
    } catch {
      // The rest of the document is still to come.
    }
  }
  assert.fail(`the server did not start: ${Buffer.concat(said)}`);
}

/** The operation of the one pending recovery that fits. */
export async function pending(root, fits) {
  const { recoveries } = await cli("list", root);
  const found = recoveries.filter(fits);
  assert.equal(found.length, 1, `one of ${JSON.stringify(recoveries)}`);
  return found[0];
}

/**
 * Where tables stand on disk, as a sidecar over them would be planned: pin and Lance HEAD by key.
 * `places` has the folder of each table.
 */
export async function standing(root, places) {
  const operation = "01M7ZZZZZZZZZZZZZZZZZZZZZZ";
  const file = join(root, "__recovery", `${operation}.json`);
  const tables = Object.entries(places).map(([table_key, place]) => ({
    table_key,
    table_path: join(root, place),
    expected_version: 1,
    post_commit_pin: 2,
  }));
  const sidecar = {
    schema_version: 1,
    operation_id: operation,
    started_at: "1700000000000000",
    branch: null,
    actor_id: null,
    writer_kind: "Mutation",
    tables,
  };
  await writeFile(file, JSON.stringify(sidecar));
  try {
    const plan = await cli("plan", root, operation);
    return Object.fromEntries(
      plan.tables.map((table) => [table.table_key, [table.manifest_pinned, table.lance_head]]),
    );
  } finally {
    await unlink(file);
  }
}

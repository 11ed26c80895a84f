// Sidecars of version 9 in a real browser: what was found is shown, and what follows from it.

import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { launch } from "./browser.mjs";
import { onGraph } from "./console.mjs";
import { go, open, recover } from "./screen.mjs";

const ENGINE = "omnigraph-0.9.0";

let browser;

before(async () => {
  browser = await launch();
});

after(() => browser?.close());

/** Walks over the page of the one pending file of a graph. */
function journey(name, graph, wanted, walk) {
  test(name, () =>
    onGraph(browser, [ENGINE, graph], async (page, { root }) => {
      const [file] = await readdir(join(root, "__recovery"));
      await page.goto("/");
      await open(page, graph, file.replace(".json", ""), wanted);
      await walk(page, { graph, root, file });
    }),
  );
}

const found = (page) => page.getByTestId("found");

/** What the record of the recovery offers next: "undo", "release" or both. */
async function offered(page, graph, file) {
  await go(page, `/audit/${graph}/${file.replace(".json", "")}`);
  await page.getByTestId("release").waitFor();
  return (await page.getByTestId("undo").count()) === 1 ? ["undo", "release"] : ["release"];
}

journey(
  "a dataset that a schema change made is named before it is removed, and goes only once that is acknowledged",
  "v9-schema-add-type-effects",
  "approve",
  async (page, { root, graph, file }) => {
    const made = join(root, "nodes/000000000000000d-000000000000000f");
    assert.equal((await readdir(made)).length, 2);
    const headline = await page.getByTestId("headline").innerText();
    assert.match(headline, /made a dataset for node:Publisher/);
    const consequence = await page.getByTestId("consequence").innerText();
    assert.match(consequence, /is removed.*cannot undo it/);
    assert.equal(await recover(page, "the engine refuses the change while it is there"), "rolled_back");
    await assert.rejects(readdir(made), /ENOENT/);
    assert.deepEqual(await offered(page, graph, file), ["release"]);
  },
);

journey(
  "a published write whose file was left behind is told from a conflict, and its file is retired",
  "v9-stale-armed-after-publish",
  "approve",
  async (page, { root }) => {
    await found(page).getByText("stale_armed. The write is published").waitFor();
    await found(page).getByText("manifest delta differs").waitFor();
    assert.equal(await recover(page, "the write is published"), "cleaned_up");
    assert.deepEqual(await readdir(join(root, "__recovery")), []);
  },
);

journey(
  "a write that only waits to be published is approved and published",
  "v9-mutation-insert-confirmed",
  "approve",
  async (page, { root, graph, file }) => {
    await found(page).getByText("roll_forward. Every table carries the write").waitFor();
    await found(page).getByText("Approve the plan").waitFor();
    assert.doesNotMatch(await page.getByTestId("consequence").innerText(), /cannot undo/);
    assert.equal(await recover(page, "its writer is gone"), "rolled_forward");
    assert.deepEqual(await readdir(join(root, "__recovery")), []);
    assert.deepEqual(await offered(page, graph, file), ["undo", "release"]);
  },
);

journey(
  "what cannot be decided names the table and the reason",
  "v9-foreign-commit-on-top-confirmed",
  "blocked",
  async (page, { graph, file }) => {
    await found(page).getByText("interleaved: somebody else committed to node:Author").waitFor();
    await go(page, `#/`);
    await open(page, graph, file.replace(".json", ""), "blocked");
    const detail = page.getByTestId("found-in-detail");
    await detail.locator("summary").click();
    await detail.getByText("not of this write").waitFor();
  },
);

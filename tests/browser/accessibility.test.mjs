// Every screen for everybody: checked by axe in light, dark and forced colours, and usable at any length.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";

import { startLoggedIn } from "./console.mjs";
import { pending, writer } from "./demo.mjs";
import { brokenFiles, unpackSidecars } from "./fixtures.mjs";
import { approve, button, execution, go, is, judged, openPending, stage } from "./screen.mjs";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const LOOKS = {
  light: { colorScheme: "light", forcedColors: "none" },
  dark: { colorScheme: "dark", forcedColors: "none" },
  "forced colours": { colorScheme: "dark", forcedColors: "active" },
};
const MANY = 10_000;

let here;
let browser;
let context;
let demo;
let museum;

before(async () => {
  here = await startLoggedIn({ reducedMotion: "reduce", timeout: 20_000 });
  ({ demo, browser, context, museum } = here);
});

after(() => here?.close());

/** What axe finds wrong, in every look; one line each. */
async function violations(page) {
  await page.evaluate(AXE);
  const found = [];
  for (const [look, media] of Object.entries(LOOKS)) {
    await page.emulateMedia(media);
    // Wait until the colours have changed to those of this look: axe would measure colours in between.
    await page.evaluate(() => Promise.all(document.getAnimations().map(({ finished }) => finished)));
    const results = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
    for (const { id, nodes } of results.violations) {
      for (const node of nodes) found.push(`${look}: ${id}: ${node.html} (${node.failureSummary})`);
    }
  }
  return found;
}

/** A screen without a single violation, however it is looked at. */
function screen(name, reach, as = () => context) {
  test(`${name} has nothing that axe objects to`, async () => {
    const page = await as().newPage();
    await reach(page);
    assert.deepEqual(await violations(page), []);
    await page.setViewportSize({ width: 390, height: 844 });
    const overflow = () => document.documentElement.scrollWidth - document.documentElement.clientWidth;
    assert.equal(await page.evaluate(overflow), 0, "a narrow screen is not scrolled sideways");
    await page.close();
  });
}

const recovery = (page, root, fits, wanted) => openPending(page, demo, root, fits, wanted);

screen("the list", async (page) => {
  await go(page, "/pending/shop");
  await page.getByRole("row").nth(6).waitFor();
});

for (const [disposition, wanted] of Object.entries({
  roll_forward: "approve",
  roll_back: "approve",
  already_published: "approve",
  never_started: "approve",
  waiting: "blocked",
})) {
  screen(`a recovery that is ${disposition}`, (page) =>
    recovery(page, "shop", is(disposition), wanted),
  );
}

screen("a refused file", (page) =>
  recovery(page, "shop", (entry) => entry.refused?.code === "not_json", "blocked"),
);

screen("the plan to set a refused file aside", async (page) => {
  await recovery(page, "shop", (entry) => entry.refused?.code === "not_json", "blocked");
  await page.getByRole("link", { name: "Set aside…" }).click();
  await stage(page, "approve");
});

screen("a recovery that a person has to look at", (page) =>
  recovery(page, "museum", is("abort"), "blocked"),
);

screen("a recovery that may still be running", (page) =>
  recovery(page, "museum", (entry) => entry.actor_id === "frank", "blocked"),
);

screen("a conflict", async (page) => {
  await recovery(page, "museum", (entry) => entry.actor_id === "bob", "approve");
  await approve(page);
  await writer("append", museum, "nodes/artist");
  await execution(page).click();
  await page.locator("[data-outcome=conflict]").waitFor();
});

screen("an approved plan, and its result", async (page) => {
  await recovery(page, "shop", is("roll_forward"), "approve");
  await approve(page);
  await page.getByText("Revoke approval…").click();
  assert.deepEqual(await violations(page), []);
  await execution(page).click();
  await stage(page, "ended");
});

for (const name of ["Plan to undo it", "Plan to release its tags"]) {
  screen(`what follows from a recovery: ${name.toLowerCase()}`, async (page) => {
    await go(page, "/audit/shop");
    await page.getByTestId("journal").locator("summary").first().click();
    await page.getByRole("link", { name }).click();
    await judged(page);
  });
}

screen("the records", async (page) => {
  await go(page, "/audit/shop");
  await page.locator("[data-chain=verified]").first().waitFor();
});

screen("the records, each with all of its details open", async (page) => {
  await go(page, "/audit/shop");
  await page.locator("[data-chain=verified]").first().waitFor();
  for (const summary of await page.getByTestId("journal").locator("> summary").all()) await summary.click();
  await page.locator("[data-kind=finished]").first().waitFor();
  await page.evaluate(() => {
    for (const details of document.querySelectorAll("main details")) details.open = true;
  });
});

screen("one record", async (page) => {
  await go(page, "/audit/shop");
  await page.getByTestId("journal").locator("summary").first().click();
  await page.getByRole("link", { name: "This record alone" }).click();
  await page.locator("[data-kind=finished]").waitFor();
});

screen("the check of a root, with the list before an upgrade", async (page) => {
  await go(page, "/check/museum");
  await page.getByTestId("finding").first().waitFor();
  assert.deepEqual(await violations(page), []);
  await page.getByRole("link", { name: "Go through the list" }).click();
  await page.getByTestId("checklist").waitFor();
});

screen("a root that could not be checked", async (page) => {
  await page.route("**/doctor?*", (route) => route.abort());
  await go(page, "/check/museum");
  await page.getByRole("alert").waitFor();
});

screen("a list of which no sidecar is left", async (page) => {
  await page.route("**/recoveries", (route) => route.fulfill({ json: { root: "/srv/graph", recoveries: [] } }));
  await go(page, "/pending/museum");
  await page.getByTestId("finding").first().waitFor();
});

screen("an address that names nothing", async (page) => {
  await go(page, "/pending/nowhere");
  await page.getByRole("heading", { level: 1 }).waitFor();
});

screen("the empty offline screen", async (page) => {
  await go(page, "/offline");
  await page.getByTestId("drop").waitFor();
});

screen("files offline", async (page) => {
  const { folder, files, remove } = await unpackSidecars();
  // The file that is too large takes long to be read, and this screen needs the others only.
  const broken = (await brokenFiles(folder)).filter(({ name }) => name !== "large.json");
  await go(page, "/offline");
  // Few enough files that all rows are drawn; of a long list only the visible rows are.
  const paths = [...files.slice(0, 4), ...broken].map(({ path }) => path);
  await page.getByTestId("pick-files").setInputFiles(paths);
  await page.getByTestId("dropped").waitFor();
  assert.deepEqual(await violations(page), []);
  await page.getByRole("row").filter({ hasText: broken[0].name }).click();
  await page.locator("[data-code=not_json]").waitFor();
  assert.deepEqual(await violations(page), []);
  await page.getByRole("row").filter({ hasText: "undecided" }).first().click();
  await page.getByTestId("what-if").waitFor();
  await remove();
});

screen(
  "the page of somebody who has not logged in",
  async (page) => {
    await go(page, "/");
    await page.getByRole("heading", { name: "Open the login link first." }).waitFor();
  },
  () => ({ newPage: () => browser.newPage({ baseURL: demo.origin }) }),
);

test("ten thousand lines are a list like any other", async () => {
  const like = await pending(museum, (entry) => entry.actor_id === "bob");
  await writer("sidecars", museum, like.file, MANY);
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  await go(page, "/pending/museum");
  const grid = page.getByRole("grid", { name: "Pending recoveries" });
  const total = MANY + 3;
  await page.locator(`[role=grid][aria-rowcount="${total}"]`).waitFor();
  const nodes = () => page.evaluate(() => document.querySelectorAll("*").length);
  const bounded = async (when) => assert.ok((await nodes()) < 1_000, `${await nodes()} elements ${when}`);
  const last = page.locator(`[role=row][aria-rowindex="${total}"]`);
  await bounded("at the start");

  await grid.evaluate((list) => {
    list.scrollTop = list.scrollHeight;
  });
  await last.waitFor();
  await bounded("at the end");
  await grid.evaluate((list) => {
    list.scrollTop = 0;
  });
  await last.waitFor({ state: "detached" });

  await grid.focus();
  await page.keyboard.press("End");
  await last.waitFor();
  assert.ok(await last.evaluate((line) => line.id === document.activeElement.getAttribute("aria-activedescendant")));
  const box = await last.boundingBox();
  assert.ok(box.y + box.height <= 800, "the last line is seen whole");
  await page.keyboard.press("PageUp");
  await page.keyboard.press("Home");
  await page.locator("[role=row][aria-rowindex='1']").waitFor();
  await bounded("after travelling");

  await page.getByRole("searchbox").fill("frank");
  await page.locator("[role=grid][aria-rowcount='1']").waitFor();
  await page.getByRole("searchbox").fill("");
  await page.locator(`[role=grid][aria-rowcount="${total}"]`).waitFor();
  assert.deepEqual(await violations(page), []);
  await page.close();
});

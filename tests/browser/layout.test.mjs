// What has to be in view is in view, whatever the length of the evidence.

import assert from "node:assert/strict";
import { copyFile, mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";

import { onPage, startLoggedIn } from "./console.mjs";
import { pending } from "./demo.mjs";
import { approval, approve, execution, is, open, recover } from "./screen.mjs";

const WIDE = { width: 1280, height: 800 };
const NARROW = { width: 390, height: 844 };

let here;
let shop;
let folder;
let module;

before(async () => {
  here = await startLoggedIn();
  ({ shop } = here);
  const dist = new URL("../../web/dist/", import.meta.url);
  const names = await readdir(dist);
  const named = (pattern) => new URL(names.find((name) => pattern.test(name)), dist);
  folder = await mkdtemp(join(tmpdir(), "layout-"));
  await copyFile(named(/^inspector-.*\.js$/), join(folder, "inspector.mjs"));
  module = await import(pathToFileURL(join(folder, "inspector.mjs")));
  await module.default({ module_or_path: await readFile(named(/^inspector-.*\.wasm$/)) });
});

after(async () => {
  await here?.close();
  await rm(folder, { recursive: true, force: true });
});

function walk(name, steps) {
  test(name, () => onPage(here, steps));
}

/** The whole button lies in the window, and nothing lies over it. */
async function isInView(page, button) {
  return button.evaluate((element) => {
    const { left, right, top, bottom } = element.getBoundingClientRect();
    const inside = left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight;
    const above = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
    return inside && element.contains(above);
  });
}

async function scrolled(page, part) {
  await page.evaluate((part) => scrollTo(0, part * (document.body.scrollHeight - innerHeight)), part);
}

/** Boxes of the page that scroll up and down within it. The list beside it is one of its own. */
function boxesThatScroll(page) {
  return page.evaluate(() => {
    const scrolls = (element) => {
      const { overflowY } = getComputedStyle(element);
      return /auto|scroll/.test(overflowY) && element.scrollHeight > element.clientHeight + 1;
    };
    return [...document.querySelectorAll("main *")].filter(scrolls).map((element) => element.className);
  });
}

walk("the button that approves, and the one that carries out, are in view from the top to the bottom", async (page) => {
  const { operation_id } = await pending(shop, is("roll_forward"));
  for (const size of [WIDE, NARROW]) {
    await page.setViewportSize(size);
    await open(page, "shop", operation_id, "approve");
    for (const part of [0, 0.5, 1]) {
      await scrolled(page, part);
      assert.ok(await isInView(page, approval(page)), `${size.width} px, scrolled by ${part}`);
    }
    assert.deepEqual(await boxesThatScroll(page), []);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(overflow <= 0, `${size.width} px: ${overflow} px too wide`);
  }
  await page.setViewportSize(WIDE);
  await scrolled(page, 0);
  const steps = page.getByTestId("steps").locator("li");
  for (const step of [0, 3]) assert.ok(await isInView(page, steps.nth(step)), `step ${step + 1} is in view`);

  await approve(page);
  await scrolled(page, 0);
  assert.ok(await isInView(page, execution(page)));
  assert.equal(await execution(page).innerText(), "Roll it forward now");
});

walk("what the keyboard comes to is never under the bar", async (page) => {
  const { operation_id } = await pending(shop, is("roll_back"));
  await page.setViewportSize(NARROW);
  await open(page, "shop", operation_id, "approve");
  for (let presses = 0; presses < 40; presses += 1) {
    await page.keyboard.press("Tab");
    const hidden = await page.evaluate(() => {
      const focused = document.activeElement;
      const bar = document.querySelector("[data-testid=deed]");
      if (!focused || focused === document.body || bar.contains(focused) || !focused.closest("main")) return null;
      const { top, bottom } = focused.getBoundingClientRect();
      return top >= bar.getBoundingClientRect().top && bottom > 0 ? focused.outerHTML.slice(0, 80) : null;
    });
    assert.equal(hidden, null);
  }
});

walk("dangerous buttons are toned, and every button says what it does", async (page) => {
  const colour = (button) => button.evaluate((element) => getComputedStyle(element).backgroundColor);
  const seen = new Map();
  for (const [root, fits, words] of [
    ["shop", is("roll_back"), "Approve this roll back"],
    ["shop", ({ actor_id, disposition }) => actor_id === "ben" && disposition === "already_published", "Approve this clean-up"],
    ["shop", ({ disposition, actor_id }) => disposition === "never_started" && actor_id === "ada", "Approve: remove the leftover file"],
  ]) {
    const { operation_id } = await pending(here.demo.root(root), fits);
    await open(page, root, operation_id, "approve");
    assert.equal(await approval(page).innerText(), words);
    seen.set(words, await colour(approval(page)));
  }
  const [back, clean, remove] = seen.values();
  assert.notEqual(back, clean);
  assert.equal(clean, remove);
  const title = page.getByTestId("panel").getByRole("heading", { level: 2 });
  assert.equal(await title.innerText(), "Nothing was written: remove the leftover file");
});

walk("no column of a result is cut, and on a narrow screen the result comes first", async (page) => {
  const { operation_id } = await pending(shop, is("already_published"));
  await page.setViewportSize(WIDE);
  await open(page, "shop", operation_id, "approve");
  await recover(page);
  const table = page.getByTestId("outcomes");
  const cut = await table.evaluate((table) => table.scrollWidth - table.parentElement.clientWidth);
  assert.ok(cut <= 0, `${cut} px`);
  await page.setViewportSize(NARROW);
  const [result, left] = [page.getByTestId("outcome"), page.locator("section.tables").first()];
  assert.ok((await result.boundingBox()).y < (await left.boundingBox()).y);
});

/** A plan over `count` tables of which one has moved, made by the rules themselves; it stands last in the sidecar. */
async function wide(count) {
  const lines = (await readFile(new URL("../fixtures/plans.jsonl", import.meta.url), "utf8")).trimEnd().split("\n");
  const { request } = lines.map((line) => JSON.parse(line)).find(({ name }) => name === "Mutation one committed");
  const { tables, ...written } = JSON.parse(request.sidecar);
  const [moved, still] = request.observation.tables;
  assert.notEqual(moved.head.version, moved.pinned.version);
  const pins = [];
  const observed = [];
  const add = (like, table_key) => {
    const location = `tables/${pins.length}`;
    const pin = tables.find((pin) => pin.table_key === like.table_key);
    pins.push({ ...pin, table_key, table_path: `/srv/graphs/g/${location}` });
    observed.push({ ...like, table_key, location });
  };
  for (let number = 1; number < count; number += 1) add(still, `edge:A${String(number).padStart(2, "0")}`);
  add(moved, "node:Z");
  request.sidecar = JSON.stringify({ ...written, tables: pins });
  request.observation.tables = observed;
  return { request, ...JSON.parse(module.plan(JSON.stringify(request))) };
}

walk("of sixty tables those that change come first, and all of them fit two screens", async (page) => {
  const made = await wide(60);
  const plan = JSON.parse(made.plan);
  assert.equal(plan.tables.length, 60);
  assert.notEqual(plan.tables[0].table_key, "node:Z");
  const { operation_id } = await pending(shop, is("roll_back"));
  await page.route(`**/recoveries/${plan.operation_id}`, async (route) => {
    const response = await route.fetch({ url: route.request().url().replace(plan.operation_id, operation_id) });
    const report = await response.json();
    await route.fulfill({
      response,
      json: {
        ...report,
        operation_id: plan.operation_id,
        file: made.request.file,
        root: made.request.root,
        digest: made.digest,
        disposition: plan.disposition,
        plan: made.plan,
        sidecar: null,
        tables: [],
      },
    });
  });
  await page.setViewportSize(WIDE);
  await open(page, "shop", plan.operation_id, "approve");
  const tables = page.locator("section.tables [data-table]");
  const order = await tables.evaluateAll((all) => all.map((table) => table.dataset.table));
  assert.equal(order.length, 60);
  assert.equal(order[0], "node:Z");
  const { height } = await page.locator("section.tables").boundingBox();
  assert.ok(height <= 2 * WIDE.height, `${height} px`);
  assert.match(await page.getByTestId("compact").innerText(), /59 tables do not change[^]*edge:A01 HEAD 5 = pin 5/);
});

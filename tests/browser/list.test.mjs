// The list: its address, its filter, its keys, its paper.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { drawn } from "./browser.mjs";
import { changeAnswers, onPage, startLoggedIn } from "./console.mjs";
import { cli, pending } from "./demo.mjs";
import { approve, go, is, judged, open, row, rows, stage } from "./screen.mjs";

let here;
let shop;

before(async () => {
  here = await startLoggedIn();
  ({ shop } = here);
});

after(() => here?.close());

function walk(name, steps) {
  test(name, () => onPage(here, steps));
}

const filter = (page) => page.getByRole("searchbox", { name: "Filter" });
const arranged = (page) => decodeURIComponent(new URL(page.url()).hash.split("?")[1] ?? "");

/** Waits until the list has so many lines. */
async function has(page, count) {
  await page.waitForFunction((count) => document.querySelectorAll("[role=grid] [role=row]").length === count, count);
}

walk("filter and order are in the address, and stay through back, reload, another root and a new tab", async (page) => {
  await go(page, "/pending/shop");
  await has(page, 7);
  await filter(page).fill("ada");
  await has(page, 2);
  await page.getByRole("combobox", { name: "Order" }).selectOption("Newest first");
  assert.equal(arranged(page), "find=ada&order=newest");
  const first = await rows(page).first().innerText();
  assert.match(first, /never started/);

  await rows(page).first().click();
  await judged(page);
  assert.equal(arranged(page), "find=ada&order=newest");
  await page.reload();
  await judged(page);
  await has(page, 2);
  assert.equal(await filter(page).inputValue(), "ada");
  await page.goBack();
  await page.getByRole("heading", { level: 1, name: "7 recoveries are pending." }).waitFor();
  await has(page, 2);
  await page.getByTestId("root").selectOption("museum");
  await page.waitForFunction(() => location.hash.startsWith("#/pending/museum?find=ada"));
  await page.getByText("Nothing matches “ada”.").waitFor();

  const other = await here.context.newPage();
  await other.goto(page.url().replace("museum", "shop"));
  await drawn(other);
  await has(other, 2);
  assert.equal(await rows(other).first().innerText(), first);
  await other.close();

  await page.getByRole("button", { name: "Show all 3" }).click();
  await has(page, 3);
  assert.equal(arranged(page), "order=newest");
});

walk("a filter takes words away, asks for an age, and knows what is approved", async (page) => {
  const { operation_id } = await pending(shop, is("already_published"));
  const { digest } = await cli("plan", shop, operation_id);
  await cli("approve", shop, operation_id, "--digest", digest, "--as", "linus");
  await go(page, "/pending/shop");
  await has(page, 7);
  for (const [text, count] of [
    ["refused", 2],
    ["-refused", 5],
    ["approved", 1],
    ["-refused -approved mutation", 3],
    ["age>1h", 3],
    ["age>1h age<2h", 1],
    ["abort", 0],
  ]) {
    await filter(page).fill(text);
    await has(page, count);
  }
  await page.getByText("Nothing matches “abort”.").waitFor();
  assert.equal(await page.title(), "(0 of 7) Pending in shop · Sidecar Inspector");
  await filter(page).fill("");
  await has(page, 7);
  assert.equal(await page.title(), "(7) Pending in shop · Sidecar Inspector");
});

walk("the list is walked with /, j, k, Enter and Escape from anywhere", async (page) => {
  await go(page, "/pending/shop");
  await has(page, 7);
  const active = () => page.evaluate(() => document.querySelector("[role=grid]").getAttribute("aria-activedescendant"));
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await page.keyboard.press("k");
  await page.keyboard.press("j");
  assert.equal(await active(), "line-1");
  await page.keyboard.press("Enter");
  await judged(page);
  await page.keyboard.press("Escape");
  await page.waitForFunction(() => location.hash === "#/pending/shop");

  await page.keyboard.press("/");
  await page.waitForFunction(() => document.activeElement?.matches("[type=search]"));
  await page.keyboard.type("jk/");
  assert.equal(await filter(page).inputValue(), "jk/", "in the filter they are letters");
  await filter(page).fill("");
  await page.keyboard.press("Escape");
  await page.waitForFunction(() => document.activeElement?.matches("[role=grid]"));
});

walk("names are cut before badges are", async (page) => {
  await changeAnswers(page, "**/recoveries", (list) => {
    const long = "a-name-that-goes-on-and-on-for-ever-and-a-day";
    const recoveries = list.recoveries.map((entry) => ({ ...entry, actor_id: long, branch: long, progress: "under_way" }));
    return { ...list, recoveries };
  });
  for (const width of [390, 1280]) {
    await page.setViewportSize({ width, height: 800 });
    await go(page, "/pending/museum");
    await has(page, 3);
    const cut = await rows(page).evaluateAll((lines) => lines.flatMap((line) => {
      const { right } = line.getBoundingClientRect();
      const badges = [...line.querySelectorAll(".badge")];
      const isCut = (badge) => badge.getBoundingClientRect().right > right || badge.scrollWidth > badge.clientWidth;
      return badges.length < 2 ? ["a badge is missing"] : badges.filter(isCut).map((badge) => badge.textContent);
    }));
    assert.deepEqual(cut, [], `${width} px`);
  }
});

walk("a list that is being read does not say that it is empty", async (page) => {
  let answer;
  const held = new Promise((resolve) => {
    answer = resolve;
  });
  await page.route("**/recoveries", async (route) => {
    await held;
    await route.continue();
  });
  await go(page, "/pending/shop");
  await page.getByRole("status").filter({ hasText: "Reading…" }).waitFor();
  assert.doesNotMatch(await page.locator("aside").innerText(), /^0/m);
  answer();
  await has(page, 7);
});

walk("paper has the root, the date, the address, all of the list, and everything unfolded", async (page) => {
  await page.setViewportSize({ width: 1280, height: 400 });
  await go(page, "/pending/shop");
  await rows(page).first().waitFor();
  await page.emulateMedia({ media: "print" });
  const paper = page.getByTestId("on-paper");
  await paper.waitFor();
  const text = await paper.innerText();
  assert.match(text, new RegExp(`Root shop: [^]*${shop}`));
  assert.match(text, /Printed \d{4}-\d\d-\d\d [\d:]+ UTC/);
  assert.ok(text.includes(page.url()));
  await has(page, 7);
  const seen = await rows(page).evaluateAll((lines) => lines.map((line) => line.checkVisibility() && line.getBoundingClientRect().height > 0));
  assert.deepEqual(seen, Array(7).fill(true));
  const list = await page.locator("[role=grid]").evaluate((grid) => grid.scrollHeight - grid.clientHeight);
  assert.ok(list <= 1, "nothing of it is scrolled away");

  await page.emulateMedia({ media: "screen" });
  const { operation_id } = await pending(shop, is("roll_forward"));
  await open(page, "shop", operation_id, "approve");
  const folded = page.locator("details.transactions").first().getByRole("table", { includeHidden: true });
  assert.ok(!(await folded.evaluate((table) => table.checkVisibility())));
  await page.emulateMedia({ media: "print" });
  assert.ok(await folded.evaluate((table) => table.checkVisibility() && table.getBoundingClientRect().height > 20));
  assert.ok(await page.getByTestId("deed").isHidden());
  await page.emulateMedia({ media: "screen" });
});

walk("a recovery is handed on as a link, as the next command, and as Markdown", async (page) => {
  const { operation_id } = await pending(shop, is("roll_back"));
  const plan = await cli("plan", shop, operation_id);
  await open(page, "shop", operation_id, "approve");
  await page.getByText("Link, command, Markdown").click();
  const [address, command, markdown] = await page.getByTestId("share").locator("code").allInnerTexts();
  assert.ok(address.endsWith(`#/pending/shop/${operation_id}`));
  assert.equal(command, `sidecar-inspector approve ${plan.root ?? shop} ${operation_id} --digest ${plan.digest} --as NAME --writers-stopped`);
  assert.ok(markdown.includes(`- digest: \`${plan.digest}\``) && markdown.includes(`- page: ${address}`));
  assert.ok(markdown.split("\n").length > plan.tables.length + plan.steps.length && !markdown.includes("\ufffd"));
  for (const { table_key } of plan.tables) assert.ok(markdown.includes(`| ${table_key} |`), markdown);

  // The command is one: with a name it does what the page would.
  const [, ...args] = command.replace("NAME", "linus").split(" ");
  assert.equal((await cli(...args)).authorized, true);
  await stage(page, "execute");
  assert.match(await page.getByTestId("share").locator("code").nth(1).innerText(), /^sidecar-inspector apply /);
});

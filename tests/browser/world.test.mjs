// An open page follows the world: other tabs, other people, a lost session, a lost server.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { drawn } from "./browser.mjs";
import { onPage, startLoggedIn } from "./console.mjs";
import { OPERATOR, cli, pending, writer } from "./demo.mjs";
import {
  approval,
  approve,
  deed,
  execution,
  go,
  headline,
  is,
  journal,
  link,
  open,
  outcome,
  panel,
  recover,
  row,
  says,
  stage,
} from "./screen.mjs";

let here;
let context;
let browser;
let demo;
let shop;
let museum;

before(async () => {
  here = await startLoggedIn();
  ({ browser, context, demo, shop, museum } = here);
});

after(() => here?.close());

function walk(name, steps, refusals) {
  test(name, () => onPage(here, steps, refusals));
}

const reason = (page) => panel(page).getByRole("textbox", { name: /Reason/ });
const alert = (page, text) => page.getByRole("alert").filter({ hasText: text });

/** How often an operation was approved, by the records of its journal. */
async function approvals(root, operation) {
  const { records } = await journal(root, operation);
  return records.filter(({ record }) => JSON.stringify(record).includes('"approved_by"')).length;
}

walk("a second press approves nothing twice, and neither does a tab that missed the first", async (page) => {
  const { operation_id } = await pending(shop, is("roll_back"));
  const other = await context.newPage();
  // This tab sees nothing of what happens: it gets one answer for ever.
  let seen;
  await other.route(`**/recoveries/${operation_id}`, async (route) => {
    seen ??= await (await route.fetch()).json();
    await route.fulfill({ json: seen });
  });
  await open(other, "shop", operation_id, "approve");
  await open(page, "shop", operation_id, "approve");
  await panel(page).getByRole("checkbox").check();
  await reason(page).fill("the host ran out of memory");
  await approval(page).dblclick();
  await stage(page, "execute");

  await panel(other).getByRole("checkbox").check();
  const answered = other.waitForResponse("**/approvals");
  await approval(other).click();
  assert.equal((await answered).status(), 201);
  assert.equal(await approvals(shop, operation_id), 1);
  await other.close();
});

walk("a tab that only looks on shows the end, and offers nothing any more", async (page) => {
  const { operation_id } = await pending(shop, is("roll_forward"));
  await open(page, "shop", operation_id, "approve");
  const other = await context.newPage();
  await open(other, "shop", operation_id, "approve");

  await approve(other);
  await stage(page, "execute");
  assert.match(await deed(page).innerText(), new RegExp(`Approved by ${OPERATOR}`));
  await execution(other).click();
  await stage(other, "ended");

  await stage(page, "ended");
  await says(page, /was rolled forward\.$/);
  assert.equal(await page.getByRole("main").locator("[data-testid=approve], [data-testid=carry-out]").count(), 0);
  assert.equal(await outcome(page), "rolled_forward");
  await row(page, operation_id).waitFor({ state: "detached" });
  await other.close();
});

walk("after the end the page says what was done, by whom, when, and what comes next", async (page) => {
  const { operations } = await cli("audit", shop);
  const { operation_id } = operations.find((operation) => operation.outcome === "rolled_forward");
  await open(page, "shop", operation_id, "ended");
  await page.locator(".verdict .badge").filter({ hasText: /^rolled forward$/ }).waitFor();
  assert.match(await deed(page).innerText(), new RegExp(`Done \\d{4}-[^]* UTC, in [^]* s, approved by ${OPERATOR}`));

  // The tables stand as they were left, and the plan is folded away.
  const left = page.locator("section.tables").first();
  assert.match(await left.getByRole("heading", { level: 2 }).innerText(), /as they were left/);
  assert.match(await left.innerText(), /Readers see version 4\. Before, they saw version 3\./);
  assert.equal(await left.locator(".rail .action").count(), 0, "nothing is left to be done");
  assert.ok(await page.getByTestId("old-plan").isHidden());
  await page.getByText("The plan as it was approved").click();
  await page.getByTestId("old-plan").getByText("Readers move from version 3 to version 4.").first().waitFor();

  const columns = await page.getByTestId("outcomes").getByRole("columnheader").allInnerTexts();
  assert.deepEqual(columns, ["table", "was at", "now holds", "readers see", "changed"]);
  const next = await page.getByTestId("next").innerText();
  assert.match(next, /^Next: /);
  await page.getByTestId("next").click();
  await page.waitForFunction((before) => !location.hash.includes(before), operation_id);
  await headline(page).waitFor();

  await open(page, "shop", operation_id, "ended");
  await page.getByTestId("undo").click();
  await page.locator(".verdict .badge").filter({ hasText: /^undo$/ }).waitFor();
});

walk("what was set aside and what was released are outcomes of their own, and not green", async (page) => {
  const { operation_id } = await pending(museum, is("abort"));
  await open(page, "museum", operation_id, "blocked");
  assert.equal(await panel(page).getByRole("heading", { level: 2 }).innerText(), "Cannot be decided: damaged");
  assert.match(
    await page.getByTestId("consequence").innerText(),
    /^Readers are sent to version 4 of node:Painting, which is not there\. Restore it from a backup, then look again\./,
  );
  await link(page, "Set aside…").click();
  await stage(page, "approve");
  assert.equal(await approval(page).innerText(), "Approve setting it aside");
  assert.equal(await recover(page, "the table is gone for good"), "cleaned_up");
  const badge = page.getByTestId("outcome").locator(".badge");
  assert.equal(await badge.innerText(), "set aside");
  assert.ok(!(await badge.getAttribute("class")).includes("well"));
  await go(page, "/audit/museum");
  await page.locator(`[data-operation="${operation_id}"] summary .badge`).filter({ hasText: /^set aside$/ }).waitFor();
});

walk("a young write may still be running: in the list, in the headline and on the panel", async (page) => {
  const { operation_id } = await pending(museum, ({ actor_id }) => actor_id === "frank");
  await open(page, "museum", operation_id, "blocked");
  assert.match(await row(page, operation_id).innerText(), /may be running/);
  assert.match(await headline(page).innerText(), /may still be running\. So far one of its two tables stands above/);
  assert.equal(await panel(page).getByRole("heading", { level: 2 }).innerText(), "May still be running");
  assert.equal(await deed(page).count(), 0);
});

walk("a plan that changes under an approver says so, and keeps what was typed", async (page) => {
  const { operation_id } = await pending(museum, ({ actor_id }) => actor_id === "bob");
  await open(page, "museum", operation_id, "approve");
  await panel(page).getByRole("checkbox").first().check();
  await reason(page).fill("half a load");
  await writer("append", museum, "nodes/artist");
  await alert(page, "This is another plan than before").waitFor();
  assert.equal(await reason(page).inputValue(), "half a load");
  assert.equal(await panel(page).getByRole("checkbox", { checked: true }).count(), 0);
  const { digest } = await cli("plan", museum, operation_id);
  assert.ok((await panel(page).innerText()).includes(digest));
});

walk("a server that does not answer is named, and the page goes on by itself", async (page) => {
  const { operation_id } = await pending(museum, ({ actor_id }) => actor_id === "bob");
  await open(page, "museum", operation_id, "approve");
  await reason(page).fill("seen with bob");
  await page.route("**/api/**", (route) => route.abort());
  await alert(page, /The server does not answer[^]*keeps what was typed/).first().waitFor();
  assert.equal(await headline(page).count(), 1, "what was read stays");
  await page.unroute("**/api/**");
  await alert(page, "The server does not answer").first().waitFor({ state: "detached" });
  assert.equal(await reason(page).inputValue(), "seen with bob");
}, /ERR_FAILED/);

walk("a session that ends is named, keeps what was typed, and comes back with a login in another tab", async (page) => {
  const { operation_id } = await pending(museum, ({ actor_id }) => actor_id === "bob");
  await open(page, "museum", operation_id, "approve");
  for (const box of await panel(page).getByRole("checkbox").all()) await box.check();
  await reason(page).fill("seen with bob");
  await context.clearCookies();
  await approval(page).click();
  await alert(panel(page), /Your session has ended[^]*another tab[^]*keeps what was typed/).waitFor();
  assert.equal(await reason(page).inputValue(), "seen with bob");

  const other = await context.newPage();
  await other.goto(await plainLink());
  await other.getByTestId("session").waitFor();
  await other.close();
  await alert(page, "Your session has ended").first().waitFor({ state: "detached" });
  assert.equal(await panel(page).getByRole("checkbox", { checked: false }).count(), 0);
  await approval(page).click();
  await stage(page, "execute");
  assert.match(await page.getByTestId("approvals").innerText(), /seen with bob/);
}, /status of 401/);

/** A new login link at the address that the pages of the context have. */
async function plainLink() {
  const link = new URL(await demo.newLink());
  return `${demo.origin}/${link.hash}`;
}

test("a page that was opened before the login goes on at its own address", async () => {
  const stranger = await browser.newContext({ baseURL: demo.origin });
  const { operation_id } = await pending(shop, is("roll_back"));
  const page = await stranger.newPage();
  await page.goto(`/#/pending/shop/${operation_id}`);
  await drawn(page);
  await page.getByRole("heading", { name: "Open the login link first." }).waitFor();
  const other = await stranger.newPage();
  await other.goto(await plainLink());
  await other.getByTestId("session").waitFor();
  await stage(page, "execute");
  assert.ok(page.url().endsWith(operation_id));
  await stranger.close();
});

// Everything besides a recovery: set aside, revoke, undo, release; in a real browser against the real server.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { cp, mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { onPage, startLoggedIn } from "./console.mjs";
import { OPERATOR, cli, pending, standing } from "./demo.mjs";
import {
  approve,
  button,
  execution,
  go,
  headline,
  is,
  journal,
  judged,
  link,
  open,
  outcome,
  panel,
  press,
  recover,
  row,
  says,
  showsStepsOf,
  stage,
} from "./screen.mjs";

let here;
let context;
let demo;
let shop;
let museum;

before(async () => {
  here = await startLoggedIn();
  ({ demo, context, shop, museum } = here);
});

after(() => here?.close());

function journey(name, walk, refusals) {
  test(name, () => onPage(here, walk, refusals));
}

/** The page shows the plan of the command line, and it can be approved. */
async function reviews(page, plan) {
  await page.getByRole("heading", { level: 1, name: plan.headline }).waitFor();
  await stage(page, "approve");
  await showsStepsOf(page, plan);
}

/** Copies some folders of a root, to be brought back later. */
async function backUp(root, folders) {
  const place = await mkdtemp(join(tmpdir(), "backup-"));
  const all = folders.map((folder) => [join(root, folder), join(place, folder)]);
  for (const [from, to] of all) await cp(from, to, { recursive: true });
  return {
    async bringBack() {
      for (const [to, from] of all) {
        await rm(to, { recursive: true });
        await cp(from, to, { recursive: true });
      }
      await rm(place, { recursive: true });
    },
  };
}

/** From the result of a recovery to a plan that follows from it. */
async function fromTheRecord(page, operation, name) {
  await page.getByRole("link", { name: "Audit" }).click();
  const card = page.locator(`[data-operation="${operation}"][data-chain=verified]`);
  await card.locator("summary").first().click();
  await card.getByRole("link", { name }).click();
  await judged(page);
}

const stored = (root, file) => join(root, "__recovery", file);

/** The names of a table's tags on disk. */
async function tags(root, place) {
  const names = await readdir(join(root, place, "_refs/tags")).catch(() => []);
  return names.sort();
}

journey("a refused file is set aside with the keyboard, and its bytes are kept", async (page) => {
  const { file } = await pending(shop, ({ refused }) => refused?.code === "not_json");
  const bytes = await readFile(stored(shop, file), "utf8");
  const plan = await cli("dismiss", shop, file);
  await open(page, "shop", file, "blocked");
  assert.equal(await page.getByRole("main").locator("button.primary").count(), 0, "no recovery is offered");

  await press(page, "[data-testid=panel] a.button");
  await page.waitForFunction((file) => location.hash === `#/pending/shop/${file}/dismissal`, file);
  await reviews(page, plan);
  await page.waitForFunction(() => document.activeElement?.matches("h1"));
  await page.getByText(bytes, { exact: true }).waitFor();

  await press(page, "[type=submit]");
  const reason = panel(page).getByRole("textbox", { name: "Reason, kept in the record" });
  assert.ok(await reason.evaluate((box) => box === document.activeElement), "the button leads to what is missing");
  await page.keyboard.type("imported again by hand");
  await press(page, "[type=submit]");
  await stage(page, "execute");
  await press(page, "[data-testid=carry-out]", "Space");
  await stage(page, "ended");
  await says(page, `${file} is set aside.`);
  assert.match(await page.getByTestId("consequence").innerText(), /bytes of the file are kept in the journal/);
  await panel(page).getByText("Set aside: the bytes of the file are kept in the journal. No table was touched.").waitFor();
  await row(page, file).waitFor({ state: "detached" });

  assert.ok(!existsSync(stored(shop, file)));
  const record = await journal(shop, plan.operation_id);
  assert.equal(record.outcome, "cleaned_up");
  await press(page, "[data-testid=panel] a.button");
  await page.locator("[data-testid=journal][data-chain=verified]").waitFor();
  const kept = page.locator("[data-kind=finished]");
  await kept.getByText("The sidecar it keeps").click();
  await kept.getByText(bytes, { exact: true }).waitFor();
  assert.match(await page.locator("[data-kind=approved]").innerText(), new RegExp(`${OPERATOR}[^]*imported again by hand`));
});

journey("an aborted write is set aside under its own operation, and no table is touched", async (page) => {
  const { operation_id, file } = await pending(museum, is("abort"));
  const plan = await cli("dismiss", museum, operation_id);
  await open(page, "museum", operation_id, "blocked");
  await link(page, "Set aside…").click();
  await reviews(page, plan);
  await link(page, "Back to the sidecar").click();
  await stage(page, "blocked");
  await page.locator("[data-code=head_below_pin]").waitFor();
  await link(page, "Set aside…").click();
  await stage(page, "approve");
  assert.equal(await recover(page, "restored from a copy"), "cleaned_up");
  assert.equal((await journal(museum, operation_id)).outcome, "cleaned_up");
  assert.ok(!existsSync(stored(museum, file)));

  // Both addresses show later how it ended.
  for (const later of ["", "/dismissal"]) {
    await page.goto("about:blank");
    await open(page, "museum", `${operation_id}${later}`, "ended");
    await page.locator("[data-outcome=cleaned_up]").waitFor();
  }
}, /status of 404/);

journey("what can be recovered, now or later, is not offered to be set aside", async (page) => {
  const entries = [
    ["shop", is("roll_forward"), "approve"],
    ["shop", is("waiting"), "blocked"],
    ["museum", ({ actor_id }) => actor_id === "frank", "blocked"],
  ];
  for (const [root, fits, wanted] of entries) {
    const { operation_id } = await pending(demo.root(root), fits);
    await open(page, root, operation_id, wanted);
    assert.equal(await link(page, "Set aside…").count(), 0);
    await open(page, root, `${operation_id}/dismissal`, "blocked");
    const why = fits === entries[1][1] ? /neither refused nor aborted, but waits/ : /neither refused nor aborted: recover it instead/;
    assert.match(await panel(page).innerText(), why);
    assert.equal(await page.getByRole("main").locator("button.primary").count(), 0);
  }
});

journey("a revoked approval is on record, and what it approved is not carried out", async (page) => {
  const { operation_id, file } = await pending(shop, is("roll_back"));
  const { digest } = await cli("plan", shop, operation_id);
  await open(page, "shop", operation_id, "approve");
  assert.equal(await page.getByText("Revoke approval…").count(), 0, "there is nothing to revoke yet");
  await approve(page);
  await page.getByText(`${OPERATOR} approved`).waitFor();

  // Somebody else approves it too, and has it on screen meanwhile.
  await cli("approve", shop, operation_id, "--digest", digest, "--as", "linus", "--writers-stopped");
  const other = await context.newPage();
  await open(other, "shop", operation_id, "execute");
  await other.getByText("linus approved").waitFor();

  assert.equal(await button(page, "Revoke approval").count(), 0, "one press alone revokes nothing");
  await press(page, "[data-testid=panel] details:has(.revocation) > summary");
  await panel(page).getByText(/those of others too, and your name goes on record/).waitFor();
  await press(page, ".revocation button");
  await stage(page, "approve");
  await panel(page).getByText("The approval is revoked", { exact: true }).waitFor();
  assert.equal(await page.getByRole("status").filter({ hasText: "The approval is revoked." }).count(), 1);
  assert.equal(await execution(page).count(), 0);
  await page.reload();
  await stage(page, "approve");
  assert.equal(await page.getByTestId("approvals").count(), 0);

  // The page of the other one follows by itself, and offers nothing that is no longer approved.
  await stage(other, "approve");
  assert.equal(await execution(other).count(), 0);
  await other.close();
  assert.equal((await cli("apply", shop, operation_id, "--digest", digest)).outcome, "refused");
  const { records } = await journal(shop, operation_id);
  assert.match(JSON.stringify(records.at(-1)), new RegExp(`revoked[^]*${OPERATOR}`));
  assert.ok(existsSync(stored(shop, file)), "the operation stays open");

  await go(page, `/audit/shop/${operation_id}`);
  assert.match(await page.locator("[data-kind=revoked]").innerText(), new RegExp(`By ${OPERATOR}`));
});

journey("a roll forward is undone, once nothing else stands in the way", async (page) => {
  const places = { "node:Customer": "nodes/customer", "edge:Placed": "edges/placed" };
  const { operation_id } = await pending(shop, is("roll_forward"));
  await open(page, "shop", operation_id, "approve");
  assert.equal(await recover(page), "rolled_forward");
  assert.deepEqual(await standing(shop, places), { "node:Customer": [4, 4], "edge:Placed": [4, 4] });

  await link(page, "See the record").click();
  await link(page, "Plan to undo it").click();
  await stage(page, "blocked");
  assert.match(await panel(page).locator("[data-code=waiting_for]").innerText(), /shares a table/);
  assert.equal(await page.getByRole("main").locator("button.primary").count(), 0);
  await link(page, "Open that one").click();
  await stage(page, "approve");
  assert.equal(await recover(page), "cleaned_up");

  const backup = await backUp(shop, [...Object.values(places), "__manifest"]);
  await fromTheRecord(page, operation_id, "Plan to undo it");
  const plan = await cli("undo", shop, operation_id);
  await reviews(page, plan);
  for (const { table_key, effect } of plan.tables) {
    const card = page.locator(`[data-table="${table_key}"]`);
    await card.scrollIntoViewIfNeeded();
    assert.ok((await card.innerText()).includes(effect));
  }
  assert.equal(await recover(page, "published too early"), "rolled_back");
  await says(page, `The recovery of operation ${operation_id} is taken back.`);

  // The page does not tell an operation that was undone as published.
  await go(page, `/pending/shop/${operation_id}`);
  await stage(page, "ended");
  await says(page, /was rolled forward, and taken back since\.$/);
  assert.match(await page.getByTestId("consequence").innerText(), new RegExp(`Operation ${plan.operation_id} took it back at`));
  await panel(page).getByText("Result at that time").waitFor();
  await page.getByTestId("undone-by").getByRole("link").click();
  await says(page, `The recovery of operation ${operation_id} is taken back.`);
  assert.deepEqual(await standing(shop, places), { "node:Customer": [5, 5], "edge:Placed": [5, 5] });
  assert.equal((await journal(shop, plan.operation_id)).outcome, "rolled_back");

  // A backup from before the undo is restored. The page says so, and the recovery is undone once more.
  await backup.bringBack();
  assert.deepEqual(await standing(shop, places), { "node:Customer": [4, 4], "edge:Placed": [4, 4] });
  await go(page, "/pending/shop");
  await open(page, "shop", plan.operation_id, "ended");
  assert.match(await page.getByTestId("recovery").getByRole("alert").innerText(), /A backup was restored/);
  assert.match(await headline(page).innerText(), /is no longer in effect/);
  await link(page, "Open the new plan").click();
  await stage(page, "approve");
  const anew = await cli("undo", shop, operation_id);
  assert.notEqual(anew.operation_id, plan.operation_id);
  await reviews(page, anew);
  assert.equal(await recover(page, "the backup brought it back"), "rolled_back");
  assert.deepEqual(await standing(shop, places), { "node:Customer": [5, 5], "edge:Placed": [5, 5] });
  assert.equal(await page.getByTestId("recovery").getByRole("alert").count(), 0);
});

journey("an undone roll back leaves a sidecar, and the page leads there", async (page) => {
  const places = { "node:Product": "nodes/product", "edge:Stocks": "edges/stocks" };
  const { operation_id } = await pending(shop, is("roll_back"));
  await open(page, "shop", operation_id, "approve");
  assert.equal(await recover(page), "rolled_back");
  assert.deepEqual(await standing(shop, places), { "node:Product": [5, 5], "edge:Stocks": [3, 3] });

  await fromTheRecord(page, operation_id, "Plan to undo it");
  const plan = await cli("undo", shop, operation_id);
  await reviews(page, plan);
  assert.equal(await recover(page), "rolled_back");
  assert.deepEqual(await standing(shop, places), { "node:Product": [5, 6], "edge:Stocks": [3, 3] }, "what was found is back, unpublished");

  const left = await pending(shop, is("roll_back"));
  await row(page, left.operation_id).waitFor();
  await link(page, "See the record").click();
  assert.equal(await link(page, "Plan to undo it").count(), 0);
  await page.goBack();
  await link(page, "Open the sidecar it left").click();
  await page.waitForFunction((wanted) => location.hash.endsWith(wanted), left.operation_id);
  await stage(page, "approve");
});

journey("released tags are gone, and with them the way back", async (page) => {
  const { operation_id } = await pending(museum, ({ actor_id }) => actor_id === "bob");
  await open(page, "museum", operation_id, "approve");
  assert.equal(await recover(page), "rolled_back");
  const before = await standing(museum, { "node:Artist": "nodes/artist" });
  assert.notDeepEqual(await tags(museum, "nodes/artist"), []);

  await link(page, "See the record").click();
  await page.locator("[data-kind=finished]").waitFor();
  await press(page, "[data-testid=release]");
  const plan = await cli("release", museum, operation_id);
  await reviews(page, plan);
  assert.match(await page.getByTestId("consequence").innerText(), /cannot be taken back afterwards/);
  assert.equal(await recover(page), "cleaned_up");
  await says(page, /^The tags of .* are dropped\.$/);
  assert.deepEqual(await tags(museum, "nodes/artist"), []);
  assert.deepEqual(await standing(museum, { "node:Artist": "nodes/artist" }), before, "no version moved");
  assert.equal((await journal(museum, plan.operation_id)).outcome, "cleaned_up");

  await fromTheRecord(page, operation_id, "Plan to undo it");
  await stage(page, "blocked");
  assert.match(await page.getByTestId("consequence").innerText(), /not possible: the tags of operation .* are dropped/);
  assert.equal(await page.getByRole("main").locator("button.primary").count(), 0);
});

// What an operator does with crashed stores, in a real browser against the real server.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { drawn, watch } from "./browser.mjs";
import { changeAnswers, onPage, startLoggedIn } from "./console.mjs";
import { OPERATOR, cli, pending, standing, writer } from "./demo.mjs";
import {
  approval,
  approve,
  button,
  cameSoFar,
  execution,
  is,
  journal,
  judged,
  outcome,
  panel,
  press,
  row,
  rows,
  showsStepsOf,
  stage,
  tabTo,
} from "./screen.mjs";

let here;
let browser;
let demo;
let shop;
let museum;

before(async () => {
  here = await startLoggedIn();
  ({ demo, browser, shop, museum } = here);
});

after(() => here?.close());

/** A walk that begins at the console's first screen. */
function journey(name, walk, refusals) {
  test(name, () =>
    onPage(
      here,
      async (page) => {
        await page.goto("/");
        await drawn(page);
        await walk(page);
      },
      refusals,
    ),
  );
}

/** Opens what is pending in a root. */
async function pendingIn(page, root) {
  await page.getByTestId("root").selectOption(root);
  await page.waitForFunction((root) => location.hash.split("?")[0] === `#/pending/${root}`, root);
  await rows(page).first().waitFor();
}

/** Opens a line of the list, and waits for the plan. */
async function open(page, text) {
  await row(page, text).click();
  await judged(page);
}

/** Everything on screen is what the command line says of the same plan. */
async function showsPlan(page, plan) {
  assert.equal(await page.getByTestId("headline").innerText(), plan.headline);
  const shown = page.getByTestId("recovery");
  assert.equal(await shown.getAttribute("data-disposition"), plan.disposition);
  assert.ok(plan.tables.length > 0);
  for (const table of plan.tables) {
    const card = shown.locator(`[data-table="${table.table_key}"]`);
    // A card out of sight is not drawn.
    await card.scrollIntoViewIfNeeded();
    const text = await card.innerText();
    for (const said of [table.table_key, table.classification, table.rule, table.effect]) {
      assert.ok(text.includes(said), `${table.table_key}: ${said}`);
    }
    assert.equal(await card.getByRole("img").count(), 1, "a rail that is named for who cannot see it");
  }
  await showsStepsOf(page, plan);
}

/** Presses a button, and says which stages the panel went through until it ended. */
async function carryOut(page) {
  await page.evaluate(() => {
    window.stages = [];
    const note = () => {
      const stage = document.querySelector("[data-testid=panel]")?.dataset.stage;
      if (stage && window.stages.at(-1) !== stage) window.stages.push(stage);
    };
    const options = { subtree: true, childList: true, attributes: true };
    new MutationObserver(note).observe(document.body, options);
  });
  await execution(page).click();
  await stage(page, "ended");
  return page.evaluate(() => window.stages);
}

/**
 * Answers the page with an execution that has come so far, for as long as the test needs: the real
 * one is over too soon to be looked at.
 */
async function holdAfter(page, done) {
  let goOn;
  const wanted = new Promise((resolve) => {
    goOn = resolve;
  });
  let told = false;
  await page.route("**/execution", async (route) => {
    if (route.request().method() !== "GET") return route.continue();
    if (told) {
      await wanted;
      return route.continue();
    }
    told = true;
    const response = await route.fetch();
    const execution = await response.json();
    return route.fulfill({ response, json: cameSoFar(execution, done) });
  });
  return goOn;
}

journey("everything pending is listed, each with its verdict", async (page) => {
  const { recoveries } = await cli("list", shop);
  assert.equal(recoveries.length, 7);
  await rows(page).nth(6).waitFor();
  assert.equal(await rows(page).count(), 7);
  for (const { disposition, operation_id, file } of recoveries) {
    const line = await row(page, operation_id ?? file).first().innerText();
    assert.ok(line.includes(disposition.replace("_", " ")), `${disposition}: ${line}`);
  }

  await page.getByRole("searchbox", { name: "Filter" }).fill("ADA roll");
  await rows(page).nth(1).waitFor({ state: "detached" });
  assert.match(await rows(page).innerText(), /Mutation by ada[^]*roll forward/);
  await page.getByRole("searchbox", { name: "Filter" }).fill("");
  await pendingIn(page, "museum");
  await row(page, "eve").waitFor();
  assert.equal(await rows(page).count(), 3);
});

journey("refused files are shown with their reason, and nothing is offered for them", async (page) => {
  const torn = await pending(shop, ({ refused }) => refused?.code === "not_json");
  for (const [name, code] of [[torn.file, "not_json"], ["dora", "unsupported_version"]]) {
    await open(page, name);
    await stage(page, "blocked");
    const reason = panel(page).locator(`[data-code=${code}]`);
    assert.ok((await reason.innerText()).length > 20);
    assert.equal(await page.getByTestId("recovery").getAttribute("data-disposition"), "refused");
    assert.equal(await page.getByRole("main").locator("button.primary").count(), 0);
  }
  assert.match(await page.getByTestId("headline").innerText(), /schema_version 10/);
});

journey("what cannot be carried out says why, and what comes first", async (page) => {
  const older = await pending(shop, is("roll_forward"));
  await open(page, "chris");
  await stage(page, "blocked");
  assert.match(await panel(page).locator("[data-code=waiting_for]").innerText(), new RegExp(older.operation_id));
  await panel(page).getByRole("link", { name: "Open the older one" }).click();
  await stage(page, "approve");
  assert.ok(page.url().endsWith(older.operation_id));

  await pendingIn(page, "museum");
  await open(page, "eve");
  await stage(page, "blocked");
  assert.equal(await page.getByTestId("recovery").getAttribute("data-disposition"), "abort");
  assert.match(await panel(page).locator("[data-code=head_below_pin]").innerText(), /HEAD 3 is below the pin 4/);

  await open(page, "frank");
  await stage(page, "blocked");
  assert.match(await panel(page).locator("[data-code=too_young]").innerText(), /may still be running[^]*15 min/);
  assert.equal(await page.getByRole("main").locator("button.primary").count(), 0);
});

journey("a write that was committed everywhere is rolled forward", async (page) => {
  const entry = await pending(shop, is("roll_forward"));
  const plan = await cli("plan", shop, entry.operation_id);
  await open(page, entry.operation_id);
  await stage(page, "approve");
  await showsPlan(page, plan);

  await approve(page, "the host ran out of memory");
  assert.match(await page.getByTestId("approvals").innerText(), new RegExp(`${OPERATOR}[^]*out of memory`));
  const goOn = await holdAfter(page, 3);
  await execution(page).click();
  await stage(page, "running");
  await panel(page).getByText(`3 of ${plan.steps.length} steps done`).waitFor();
  assert.equal(await panel(page).locator("[data-state=done]").count(), 3);
  goOn();
  await stage(page, "ended");
  assert.equal(await panel(page).locator("[data-state=done]").count(), plan.steps.length);
  assert.equal(await outcome(page), "rolled_forward");
  await row(page, entry.operation_id).waitFor({ state: "detached" });

  const { recoveries } = await cli("list", shop);
  assert.ok(!recoveries.some(({ operation_id }) => operation_id === entry.operation_id));
  assert.ok(!existsSync(join(shop, "__recovery", entry.file)));
  const record = await journal(shop, entry.operation_id);
  assert.equal(record.outcome, "rolled_forward");
  assert.match(JSON.stringify(record.records), /out of memory/);
  const stands = await standing(shop, { "node:Customer": "nodes/customer", "edge:Placed": "edges/placed" });
  assert.deepEqual(stands, { "node:Customer": [4, 4], "edge:Placed": [4, 4] });
  // The write that waited for it is judged anew.
  await open(page, "chris");
  await judged(page, "never_started");
});

journey("a write that stopped half-way is rolled back, once somebody says that writers are stopped", async (page) => {
  const entry = await pending(shop, is("roll_back"));
  const plan = await cli("plan", shop, entry.operation_id);
  assert.deepEqual(plan.requires, ["writers_stopped"]);
  await open(page, entry.operation_id);
  await stage(page, "approve");
  await showsPlan(page, plan);

  const asked = [];
  page.on("request", (request) => {
    if (request.method() === "POST") asked.push(request.url());
  });
  const statement = panel(page).getByRole("checkbox");
  await approval(page).click();
  assert.ok(await statement.evaluate((box) => box === document.activeElement), "the button leads to what is missing");
  assert.match(await statement.evaluate((box) => box.validationMessage), /./);
  assert.deepEqual(asked, []);
  assert.match(await statement.evaluate((box) => box.labels[0].innerText), /stopped/);

  await statement.check();
  await approval(page).click();
  await stage(page, "execute");
  const stages = await carryOut(page);
  assert.ok(stages.includes("running"));
  assert.equal(await outcome(page), "rolled_back");

  const record = await journal(shop, entry.operation_id);
  assert.equal(record.outcome, "rolled_back");
  const stands = await standing(shop, { "node:Product": "nodes/product", "edge:Stocks": "edges/stocks" });
  assert.deepEqual(stands, { "node:Product": [5, 5], "edge:Stocks": [3, 3] });
  assert.ok(!existsSync(join(shop, "__recovery", entry.file)));
});

journey("a commit between approval and execution stops everything, and a new plan is offered", async (page) => {
  const entry = await pending(museum, ({ actor_id }) => actor_id === "bob");
  const { digest } = await cli("plan", museum, entry.operation_id);
  await pendingIn(page, "museum");
  await open(page, entry.operation_id);
  await stage(page, "approve");
  await approve(page);

  await writer("append", museum, "nodes/artist");
  await carryOut(page);
  assert.equal(await outcome(page), "conflict");
  assert.match(await page.getByTestId("outcome").locator(".sentence").innerText(), /plan sha256:[0-9a-f]{12}… was approved/);
  const moved = page.getByTestId("differences").getByRole("row").filter({ hasText: "Lance HEAD" });
  assert.match(await moved.innerText(), /node:Artist Lance HEAD\s+4\s+→ 5/);
  const effects = await page.getByTestId("outcome").locator(".facts").innerText();
  assert.match(effects, /catalog\s+unchanged[^]*sidecar\s+kept/);
  const stands = await standing(museum, { "node:Artist": "nodes/artist", "edge:Painted": "edges/painted" });
  assert.deepEqual(stands, { "node:Artist": [3, 5], "edge:Painted": [3, 3] }, "nobody's commit is buried");
  assert.ok(existsSync(join(museum, "__recovery", entry.file)), "the operation stays open");

  await button(page, "Make a new plan").click();
  await stage(page, "approve");
  const anew = await cli("plan", museum, entry.operation_id);
  assert.notEqual(anew.digest, digest);
  await showsPlan(page, anew);
  // The commit of the other one is not taken along unremarked.
  const card = page.locator('[data-table="node:Artist"]');
  assert.equal(await card.locator(".rail .stop.stranger").count(), 1);
  assert.match(await card.getByRole("note").innerText(), /does not look like this write's: version 5[^]*committed \d{4}-[^]* ago\./);
  assert.ok(anew.requires.includes("unexpected_commits"));
});

journey("a write that never began is cleaned up with the keyboard alone", async (page) => {
  const entry = await pending(shop, ({ tables_moved, actor_id }) => tables_moved === 0 && actor_id === "ada");
  assert.equal(entry.disposition, "never_started");
  const focused = (reached) => page.waitForFunction(reached);
  await rows(page).first().waitFor();

  await tabTo(page, "[type=search]");
  await page.keyboard.type("review never");
  await rows(page).nth(1).waitFor({ state: "detached" });
  await tabTo(page, "[role=grid]");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await stage(page, "approve");
  await focused(() => document.activeElement?.matches("h1"));
  await press(page, "[type=checkbox]", "Space");
  await press(page, "[type=submit]");
  await stage(page, "execute");
  await press(page, "[data-testid=carry-out]", "Space");
  await stage(page, "ended");
  assert.equal(await outcome(page), "cleaned_up");
  assert.equal((await journal(shop, entry.operation_id)).outcome, "cleaned_up");
  await press(page, "[data-testid=panel] a");
  await page.locator("[data-testid=journal][data-chain=verified]").waitFor();
});

journey("the record of everything is verified in the browser", async (page) => {
  await page.getByRole("link", { name: "Audit" }).click();
  await page.locator("[data-testid=journal][data-chain=verified]").nth(2).waitFor();
  const { operations } = await cli("audit", shop, "--verify");
  assert.equal(await page.getByTestId("journal").count(), operations.length);
  assert.match(await page.getByTestId("chains").innerText(), /3 journals verified/);

  const { operation_id } = operations.find(({ outcome }) => outcome === "rolled_back");
  const card = page.locator(`[data-operation="${operation_id}"]`);
  await card.locator("summary").first().click();
  for (const kind of ["approved", "claimed", "steps_started", "steps_finished", "finished"]) {
    await card.locator(`[data-kind=${kind}]`).first().waitFor();
  }
  assert.match(await card.locator("[data-kind=approved]").innerText(), new RegExp(OPERATOR));
});

journey("a record that was tampered with is found out in the browser", async (page) => {
  // The server hands out the stored bytes. Here a program in between changes the name of the approver.
  await page.route("**/audit", async (route) => {
    const response = await route.fetch();
    const text = (await response.text()).replaceAll(OPERATOR, "mallory");
    await route.fulfill({ response, body: text });
  });
  await page.getByRole("link", { name: "Audit" }).click();
  await page.locator("[data-testid=journal][data-chain=broken]").first().waitFor();
  assert.equal(await page.locator("[data-chain=verified]").count(), 0);
  assert.match(await page.getByRole("main").innerText(), /cannot be trusted/);
});

journey("a plan that is not what its digest stands for cannot be approved", async (page) => {
  await changeAnswers(page, "**/recoveries/*", (report) => {
    const plan = report.plan.replace(/"lance_head":\d+/, '"lance_head":9');
    return { ...report, plan };
  });
  await pendingIn(page, "museum");
  await open(page, "bob");
  await stage(page, "distrusted");
  assert.equal(await page.getByRole("main").locator("form, button.primary").count(), 0);
  assert.equal(await page.getByTestId("digest-check").getAttribute("data-check"), "differs");
});

journey("what is said beside a plan cannot talk anybody into it", async (page) => {
  const entry = await pending(museum, ({ actor_id }) => actor_id === "bob");
  const plan = await cli("plan", museum, entry.operation_id);
  await changeAnswers(page, "**/recoveries/*", (report) => {
    const tables = report.tables.map((table) => ({ ...table, lance_head: 1, effect: "Nothing." }));
    const changes = { tables, headline: "All is well.", consequence: "Nothing.", requires: [] };
    return { ...report, ...changes };
  });
  await pendingIn(page, "museum");
  await open(page, entry.operation_id);
  // The page shows only the content of the bytes it verified.
  await stage(page, "approve");
  await showsPlan(page, plan);
});

journey("an approval of a plan that is no longer current is refused in words", async (page) => {
  await pendingIn(page, "museum");
  await open(page, "bob");
  await stage(page, "approve");
  const before = (await cli("plan", museum, page.url().split("/").at(-1))).digest;
  await writer("append", museum, "nodes/artist");
  await panel(page).getByRole("checkbox").first().check();
  for (const box of await panel(page).getByRole("checkbox").all()) await box.check();
  await panel(page).getByRole("textbox").fill("seen with bob");
  await approval(page).click();
  const notice = panel(page).getByRole("alert");
  await notice.waitFor();
  assert.match(await notice.innerText(), /not current[^]*Nothing was changed[^]*approve it if it is right/);
  await button(page, "Make a new plan").click();
  await page.waitForFunction((digest) => !document.querySelector("[data-testid=panel]").innerText.includes(digest), before);
  await stage(page, "approve");
}, /status of 4(09|12)/);

journey("an address that names no screen, or no root, says so and leads back", async (page) => {
  const addresses = [
    ["#/nowhere", /no such screen/],
    ["#/pending/nowhere", /no root called nowhere/],
    ["#/audit/nowhere", /no root called nowhere/],
  ];
  for (const [hash, why] of addresses) {
    await page.goto(`/${hash}`);
    await page.getByText(why).waitFor();
    await page.getByRole("link", { name: "Go to what is pending" }).click();
    await rows(page).first().waitFor();
  }
});

test("a browser that has not logged in is told how to", async () => {
  const stranger = await browser.newContext();
  const page = await stranger.newPage();
  const complaints = watch(page, demo.origin);
  await page.goto(demo.origin);
  await drawn(page);
  await page.getByRole("heading", { name: "Open the login link first." }).waitFor();
  assert.match(await page.getByRole("main").innerText(), /printed it when it started/);
  // Browsers log every answer of 400 and above.
  assert.deepEqual(complaints.filter((text) => !/status of 40[13]/.test(text)), []);

  await page.goto(demo.login);
  await page.getByText(/used before/).waitFor();
  assert.deepEqual(await stranger.cookies(), [], "a used link logs nobody in");
  await stranger.close();
});

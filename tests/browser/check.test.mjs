// What is not in order in a root, on its own screen and beside the words that no sidecar is left.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch } from "./browser.mjs";
import { onGraph } from "./console.mjs";
import { cli } from "./demo.mjs";
import { go, headline, press, recover, stage } from "./screen.mjs";

const DRIFT = ["omnigraph-0.9.0", "v9-uncovered-drift-compaction"];
// Nothing is uncovered in the graph of this engine, whatever its name says: that write was finished.
const IN_ORDER = ["omnigraph-0.8.0", "uncovered-delete"];
const PENDING = ["omnigraph-0.8.0", "forward-branch-mutation"];

const ALL_IS_WELL = /all is well|everything is (fine|in order)|healthy/i;

let browser;

before(async () => {
  browser = await launch();
});

after(() => browser?.close());

/** Walks over the console of one graph. */
function journey(name, of, walk, refusals) {
  const walked = (page, { graph, root, movedFrom }) => {
    const report = () => cli("doctor", root, "--upgrade", "--relocated-from", movedFrom);
    return walk(page, { graph, report });
  };
  test(name, () => onGraph(browser, of, walked, refusals));
}

const findings = (page) => page.getByTestId("finding");
const checklist = (page) => page.getByTestId("checklist").locator("li");
const main = (page) => page.getByRole("main");
const again = (page) => main(page).getByRole("button", { name: "Look again" });

/** How often the page asked for a check so far. */
function counted(page) {
  const asked = [];
  page.on("request", (request) => {
    if (request.url().includes("/doctor")) asked.push(request.url());
  });
  return asked;
}

/** Answers every check as the server does when storage is too slow. */
async function timesOut(page) {
  const problem = {
    type: "urn:sidecar-inspector:problem:timed_out",
    title: "Timed out",
    status: 504,
    detail: "storage did not answer in time",
    instance: "/x",
    code: "timed_out",
  };
  const answer = { status: 504, json: problem, contentType: "application/problem+json" };
  await page.route("**/doctor?*", (route) => route.fulfill(answer));
}

journey("commits that no sidecar covers stand in the way, each with who made it", DRIFT, async (page, { graph, report }) => {
  await go(page, `/check/${graph}`);
  await findings(page).waitFor();
  const { findings: [finding], headline: said, explanation } = await report();
  assert.equal(await headline(page).innerText(), said);
  assert.match(said, /^One thing stands in the way/);
  const text = await findings(page).innerText();
  for (const wanted of [finding.title, finding.subject, finding.commits.sentence, finding.resolve]) {
    assert.ok(text.includes(wanted), `${wanted}: ${text}`);
  }
  const lines = findings(page).getByTestId("lance-transactions").locator("tbody tr");
  assert.equal(await lines.count(), finding.commits.transactions.length);
  for (const [index, { version, transaction }] of finding.commits.transactions.entries()) {
    const line = await lines.nth(index).innerText();
    for (const wanted of [`${version}`, transaction.operation, transaction.uuid]) assert.ok(line.includes(wanted), line);
  }
  const all = await main(page).innerText();
  assert.ok(all.includes(explanation), all);
  assert.match(all, /Looked at \d{4}-\d\d-\d\d [\d:]+ UTC: the catalog of every branch[^]*Not looked at: whether the data files/);
  assert.doesNotMatch(all, ALL_IS_WELL);
});

journey("the list before an upgrade is gone through when it is asked for, and keeps its address", DRIFT, async (page, { graph, report }) => {
  const asked = counted(page);
  await go(page, `/check/${graph}`);
  await findings(page).waitFor();
  assert.equal(await checklist(page).count(), 0);
  await press(page, 'a[href$="/upgrade"]');
  await checklist(page).first().waitFor();
  assert.ok(page.url().endsWith(`#/check/${graph}/upgrade`));
  // The link is gone, and the keyboard did not fall back to the top.
  assert.equal(await page.evaluate(() => document.activeElement.id), "upgrade-heading");
  const { upgrade } = await report();
  const answers = upgrade.map(({ status }) => status);
  assert.deepEqual(new Set(answers), new Set(["yes", "no"]));
  assert.deepEqual(await checklist(page).evaluateAll((lines) => lines.map((line) => line.dataset.status)), answers);
  for (const [index, line] of upgrade.entries()) {
    const text = await checklist(page).nth(index).innerText();
    for (const wanted of [line.statement, line.detail, line.resolve].filter(Boolean)) assert.ok(text.includes(wanted), text);
  }
  const yes = answers.filter((answer) => answer === "yes").length;
  await page.getByText(`${yes} of ${upgrade.length} lines are yes.`).waitFor();
  assert.deepEqual(asked.map((url) => url.split("?")[1]), ["upgrade=false", "upgrade=true"]);
  await page.reload();
  await checklist(page).first().waitFor();
});

journey("a root with no finding says what was looked at, and not that all is well", IN_ORDER, async (page, { graph }) => {
  await go(page, `/check/${graph}/upgrade`);
  await checklist(page).first().waitFor();
  assert.equal(await headline(page).innerText(), "Nothing that was looked at is out of order.");
  assert.equal(await findings(page).count(), 0);
  assert.doesNotMatch(await main(page).innerText(), ALL_IS_WELL);
  const before = await main(page).innerText();
  await page.clock.install({ time: Date.now() + 5_000 });
  await again(page).click();
  const looked = (text) => /Looked at ([\d-]+ [\d:]+)/.exec(text)[1];
  await page.waitForFunction((old) => !document.querySelector("main").innerText.includes(`Looked at ${old}`), looked(before));
});

journey("a check that fails says why, keeps what was found before, and can be asked for again", DRIFT, async (page, { graph }) => {
  await go(page, `/check/${graph}`);
  await findings(page).waitFor();
  await timesOut(page);
  await again(page).click();
  assert.match(await page.getByRole("alert").innerText(), /Timed out[^]*did not answer in time/);
  assert.equal(await findings(page).count(), 1);

  await page.reload();
  await page.getByRole("heading", { name: "The root could not be checked." }).waitFor();
  assert.equal(await findings(page).count(), 0);
  assert.doesNotMatch(await main(page).innerText(), /Nothing|in order/);

  await page.unroute("**/doctor?*");
  await again(page).click();
  await findings(page).waitFor();
  assert.equal(await page.getByRole("alert").count(), 0);
}, /504/);

journey("where no sidecar is left, the list shows what else was found, and looks once", DRIFT, async (page, { graph }) => {
  const asked = counted(page);
  await page.clock.install();
  await go(page, `/pending/${graph}`);
  await page.getByRole("heading", { level: 1, name: "No sidecar is left." }).waitFor();
  await findings(page).waitFor();
  assert.match(await main(page).innerText(), /That alone does not say that the root is in order[^]*One thing stands in the way[^]*Readers see version 5/);
  assert.doesNotMatch(await main(page).innerText(), ALL_IS_WELL);
  for (let polls = 0; polls < 3; polls += 1) {
    const polled = page.waitForResponse("**/recoveries");
    await page.clock.runFor(400_000);
    await polled;
  }
  assert.equal(asked.length, 1, "polls of the list call for no check");
  const checked = page.waitForResponse("**/doctor?*");
  await again(page).click();
  await checked;
  assert.equal(asked.length, 2);

  await page.setViewportSize({ width: 390, height: 844 });
  assert.ok(await findings(page).isVisible(), "a narrow screen shows it too");
  await main(page).getByRole("link", { name: "Check this root" }).click();
  await page.getByRole("heading", { name: "Before an upgrade of the engine" }).waitFor();
});

journey("where no sidecar is left and the root cannot be checked, that is said", IN_ORDER, async (page, { graph }) => {
  let answer;
  const held = new Promise((resolve) => {
    answer = resolve;
  });
  await page.route("**/doctor?*", async (route) => {
    await held;
    await route.abort();
  });
  await go(page, `/pending/${graph}`);
  const check = page.getByTestId("check");
  await check.getByText("Looking at the root…").waitFor();
  assert.doesNotMatch(await main(page).innerText(), /Nothing that was looked at/);
  answer();
  await check.getByText("The root could not be checked.").waitFor();
  assert.match(await check.getByRole("alert").innerText(), /The server does not answer/);
  await page.unroute("**/doctor?*");
  await again(page).click();
  await check.getByText("Nothing that was looked at is out of order.").waitFor();
}, /ERR_FAILED/);

journey("from a pending sidecar to a root in order, by the links of the check", PENDING, async (page, { graph }) => {
  await go(page, `/pending/${graph}`);
  await main(page).getByRole("link", { name: "Check this root" }).click();
  await findings(page).getByRole("link", { name: /^Open its plan/ }).click();
  await stage(page, "approve");
  assert.equal(await recover(page), "rolled_forward");

  await go(page, `/pending/${graph}`);
  await page.getByRole("heading", { level: 1, name: "No sidecar is left." }).waitFor();
  await page.getByTestId("check").getByText("Nothing stands in the way, and one thing is to be known.").waitFor();
  await findings(page).getByRole("link", { name: /^Plan to release its tags/ }).click();
  await stage(page, "approve");
  assert.equal(await recover(page), "cleaned_up");

  await page.getByRole("link", { name: "Check", exact: true }).click();
  await page.getByRole("heading", { name: "Nothing that was looked at is out of order." }).waitFor();
});

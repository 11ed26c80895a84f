// What a person sees and does on the screens of the console, on pages of a context that `startLoggedIn` made.

import assert from "node:assert/strict";

import { drawn } from "./browser.mjs";
import { cli, pending } from "./demo.mjs";

export const rows = (page) => page.getByRole("grid", { name: "Pending recoveries" }).getByRole("row");
export const row = (page, text) => rows(page).filter({ hasText: text });
export const panel = (page) => page.getByTestId("panel");
export const button = (page, name) => page.getByRole("main").getByRole("button", { name, exact: true });
/** The bar that stays in view, and the buttons in it whose words depend on the plan. */
export const deed = (page) => page.getByTestId("deed");
export const approval = (page) => page.getByTestId("approve");
export const execution = (page) => page.getByTestId("carry-out");
export const link = (page, name) => page.getByRole("main").getByRole("link", { name });
export const headline = (page) => page.getByTestId("headline");

/** Waits until the headline is this, or fits it. */
export const says = (page, wanted) => headline(page).filter({ hasText: wanted }).waitFor();

/** Whether a pending recovery has this disposition. */
export const is = (wanted) => ({ disposition }) => disposition === wanted;

/** Opens a screen by its address. */
export async function go(page, hash) {
  await page.goto(`/#${hash}`);
  await drawn(page);
}

/** Waits until the panel is in this stage. */
export async function stage(page, wanted) {
  await page.locator(`[data-testid=panel][data-stage=${wanted}]`).waitFor();
}

/** Opens what is pending under an operation or a file, in the stage it is in. */
export async function open(page, root, name, wanted) {
  await go(page, `/pending/${root}/${name}`);
  await stage(page, wanted);
}

/** Opens the one pending recovery that fits; its operation. */
export async function openPending(page, demo, root, fits, wanted) {
  const { operation_id, file, refused } = await pending(demo.root(root), fits);
  await open(page, root, refused ? file : operation_id, wanted);
  return operation_id;
}

/** Waits until a recovery is shown with its verdict. */
export async function judged(page, disposition) {
  const verdict = disposition ? `data-disposition=${disposition}` : "data-disposition";
  await page.locator(`[data-testid=recovery][${verdict}]`).waitFor();
}

/** The page shows the plan's steps and its digest, and verified it. */
export async function showsStepsOf(page, plan) {
  assert.equal(await page.getByTestId("consequence").innerText(), plan.consequence);
  assert.deepEqual(
    await page.getByTestId("steps").locator(".what").allInnerTexts(),
    plan.steps.map((step) => step.sentence),
  );
  await page.locator("[data-testid=digest-check][data-check=agrees]").waitFor();
  assert.ok((await panel(page).innerText()).includes(plan.digest), "the whole digest is in view");
}

/** States what is asked for, and approves. */
export async function approve(page, reason) {
  for (const statement of await panel(page).getByRole("checkbox").all()) await statement.check();
  if (reason) await panel(page).getByRole("textbox", { name: /Reason/ }).fill(reason);
  await approval(page).click();
  await stage(page, "execute");
}

export async function outcome(page) {
  return page.getByTestId("outcome").getAttribute("data-outcome");
}

/** Approves and carries out; how it ended. */
export async function recover(page, reason) {
  await approve(page, reason);
  await execution(page).click();
  await stage(page, "ended");
  return outcome(page);
}

/** The execution as it would be told after so many steps. */
export function cameSoFar(execution, done) {
  const steps = execution.steps.map((step, index) => {
    const state = index < done ? "done" : index === done ? "started" : "waiting";
    return { ...step, state };
  });
  return { ...execution, steps, running: true, report: null };
}

export async function tabTo(page, selector) {
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press("Tab");
    if (await page.evaluate((wanted) => document.activeElement?.matches(wanted), selector)) return;
  }
  assert.fail(`Tab never comes to ${selector}`);
}

/** Presses a key on what Tab comes to. */
export async function press(page, selector, key = "Enter") {
  await tabTo(page, selector);
  await page.keyboard.press(key);
}

/** The one journal of an operation, verified on the command line. */
export async function journal(root, operation) {
  const { operations } = await cli("audit", root, operation, "--verify");
  assert.equal(operations.length, 1);
  assert.equal(operations[0].verified, true);
  return operations[0];
}

// Pictures of every screen: `node screenshots.mjs FOLDER`, for a person to look through. With
// `--readme FILE` only the picture of the README is taken.

import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { startLoggedIn } from "./console.mjs";
import { cli, pending, writer } from "./demo.mjs";
import { brokenFiles, unpackSidecars } from "./fixtures.mjs";
import * as screen from "./screen.mjs";
import { DIST, host } from "./static-host.mjs";

const WIDE = { width: 1440, height: 900 };
const NARROW = { width: 390, height: 844 };

const [flagOrFolder, readme] = process.argv.slice(2);
const here = await startLoggedIn({ viewport: WIDE, reducedMotion: "reduce", timeout: 30_000 });
const { demo, context } = here;
const page = await context.newPage();
await page.goto("/");

const go = async (hash) => {
  await screen.go(page, hash);
  await page.locator("h1").waitFor();
};
const stage = (wanted) => screen.stage(page, wanted);
const press = (name) => page.getByRole("button", { name }).click();

const recovery = (root, fits, wanted) => screen.openPending(page, demo, root, fits, wanted);
const { is } = screen;

/** One screen wide and narrow, light and dark, and in forced colours. */
async function shoot(name, { full = false } = {}) {
  const picture = (look) => ({ path: join(flagOrFolder, `${name}-${look}.png`), fullPage: full });
  await page.screenshot(picture("light"));
  await page.emulateMedia({ colorScheme: "dark" });
  await page.screenshot(picture("dark"));
  await page.emulateMedia({ colorScheme: "dark", forcedColors: "active" });
  await page.screenshot(picture("forced"));
  await page.emulateMedia({ colorScheme: "light", forcedColors: "none" });
  await page.setViewportSize(NARROW);
  await page.screenshot({ ...picture("narrow"), fullPage: true });
  await page.setViewportSize(WIDE);
}

async function takeReadme(path) {
  await mkdir(dirname(path), { recursive: true });
  await recovery("shop", is("roll_back"), "approve");
  await page.evaluate(() => document.activeElement?.blur());
  await page.screenshot({ path });
}

/** A refused file that is set aside; its approval is revoked in between. */
async function takeDismissal() {
  await recovery("shop", (entry) => entry.refused?.code === "not_json", "blocked");
  await page.getByRole("link", { name: "Set aside…" }).click();
  await stage("approve");
  await shoot("dismissal");
  await page.getByTestId("panel").getByRole("textbox").fill("imported again by hand");
  await screen.approval(page).click();
  await stage("execute");
  await page.getByText("Revoke approval…").click();
  await shoot("revocation");
  await press("Revoke approval");
  await stage("approve");
  await shoot("revoked");
  await screen.recover(page);
  await shoot("dismissed");
}

/** What follows from a recovery that has ended. */
async function takeFollowUps(operation) {
  for (const name of ["release", "undo"]) {
    await go(`/audit/shop/${operation}`);
    await page.getByTestId(name).click();
    await stage("approve");
    await shoot(name, { full: true });
  }
  await screen.recover(page);
  await shoot("undone", { full: true });
}

/** An undo that is no longer in effect, because a backup from before it was restored. */
async function takeOutdatedUndo() {
  const shop = demo.root("shop");
  const operation = await recovery("shop", is("roll_forward"), "approve");
  await screen.recover(page);
  // The undo waits for the older sidecar that shares a table.
  const { blockers } = await cli("undo", shop, operation);
  await go(`/pending/shop/${blockers[0].detail.split(" ")[0]}`);
  await stage("approve");
  await screen.recover(page);
  const backup = await mkdtemp(join(tmpdir(), "backup-"));
  const folders = ["nodes/customer", "edges/placed", "__manifest"];
  for (const name of folders) await cp(join(shop, name), join(backup, name), { recursive: true });
  const undo = await cli("undo", shop, operation);
  await go(`/pending/shop/${undo.operation_id}`);
  await stage("approve");
  await screen.recover(page);
  for (const name of folders) {
    await rm(join(shop, name), { recursive: true });
    await cp(join(backup, name), join(shop, name), { recursive: true });
  }
  await rm(backup, { recursive: true });
  await page.reload();
  await page.getByTestId("planned-anew").waitFor();
  await shoot("undo-outdated", { full: true });
}

async function takeAll(folder) {
  await mkdir(folder, { recursive: true });
  await go("/pending/shop");
  await page.getByRole("row").first().waitFor();
  await shoot("pending");
  await go("/check/shop/upgrade");
  await page.getByTestId("checklist").waitFor();
  await shoot("check", { full: true });
  await go("/pending/shop");
  await page.getByTestId("session").locator("summary").first().click();
  await page.getByRole("button", { name: "Make a login link" }).click();
  await page.getByTestId("login-link").waitFor();
  await shoot("session");
  await page.reload();
  for (const disposition of ["roll_back", "roll_forward", "never_started", "already_published"]) {
    await recovery("shop", is(disposition), "approve");
    await shoot(`recovery-${disposition}`, { full: true });
  }
  await recovery("shop", is("waiting"), "blocked");
  await shoot("recovery-waiting");
  await recovery("museum", is("abort"), "blocked");
  await shoot("recovery-abort");
  await recovery("museum", (entry) => entry.actor_id === "frank", "blocked");
  await shoot("recovery-too-young");
  for (const code of ["not_json", "unsupported_version"]) {
    await recovery("shop", (entry) => entry.refused?.code === code, "blocked");
    await shoot(`refused-${code}`);
  }
  await takeDismissal();

  await recovery("museum", (entry) => entry.actor_id === "bob", "approve");
  await screen.approval(page).click();
  await page.screenshot({ path: join(folder, "statement-missing.png") });
  await screen.approve(page);
  await shoot("approved");
  await writer("append", demo.root("museum"), "nodes/artist");
  await screen.execution(page).click();
  await stage("ended");
  await shoot("conflict");
  await press("Make a new plan");
  await stage("approve");
  await shoot("after-conflict", { full: true });

  const operation = await recovery("shop", is("roll_back"), "approve");
  await screen.approve(page);
  await page.route("**/execution", async (route) => {
    if (route.request().method() !== "GET") return route.continue();
    const response = await route.fetch();
    const execution = await response.json();
    return route.fulfill({ response, json: screen.cameSoFar(execution, 3) });
  });
  await screen.execution(page).click();
  await page.getByText(/^3 of \d+ steps done$/).waitFor();
  await shoot("running");
  await page.unroute("**/execution");
  await stage("ended");
  await shoot("result", { full: true });
  await go(`/pending/shop/${operation}`);
  await page.reload();
  await page.getByTestId("recovery").waitFor();
  await shoot("finished-later");

  await go("/audit/shop");
  await page.locator("[data-chain=verified]").first().waitFor();
  await shoot("audit");
  const { operations } = await cli("audit", demo.root("shop"));
  await go(`/audit/shop/${operations[0].operation_id}`);
  await page.locator("[data-kind=finished]").waitFor();
  await shoot("record", { full: true });
  await takeFollowUps(operation);
  await takeOutdatedUndo();
  await go("/audit/museum");
  await page.locator("[data-testid=journal]").first().waitFor();
  await shoot("audit-conflict");
  await go("/pending/nowhere");
  await shoot("no-such-root");
  await go("/nowhere");
  await shoot("not-found");

  const { folder: files, files: good, remove } = await unpackSidecars();
  // The file that is too large takes long to be read, and this picture needs the others only.
  const broken = (await brokenFiles(files)).filter(({ name }) => name !== "large.json");
  await go("/offline");
  await shoot("offline-empty");
  await page.getByTestId("pick-files").setInputFiles([...good, ...broken].map(({ path }) => path));
  await page.getByTestId("dropped").waitFor();
  await shoot("offline-list");
  await page.getByRole("row").filter({ hasText: "undecided" }).first().click();
  await page.getByTestId("what-if").waitFor();
  await shoot("offline-file", { full: true });
  // Of a long list only the visible rows are drawn.
  await page.getByRole("searchbox").fill("half.json");
  await page.getByRole("row").filter({ hasText: "half.json" }).click();
  await page.locator("[data-code=not_json]").waitFor();
  await shoot("offline-broken");
  await remove();

  await page.route("**/recoveries", (route) => route.fulfill({ json: { root: "/srv/graph", recoveries: [] } }));
  await go("/pending/museum");
  await page.reload();
  await page.getByTestId("finding").first().waitFor();
  await shoot("none-left", { full: true });
  await page.unroute("**/recoveries");
  await page.route("**/doctor?*", (route) => route.abort());
  await go("/check/museum");
  await page.getByRole("alert").waitFor();
  await shoot("check-failed");
  await page.unroute("**/doctor?*");

  const { file } = await pending(demo.root("museum"), (entry) => entry.actor_id === "bob");
  await writer("sidecars", demo.root("museum"), file, 10_000);
  await go("/pending/museum");
  page.setDefaultTimeout(60_000);
  await page.locator("[role=grid][aria-rowcount='10003']").waitFor();
  await page.getByRole("grid").press("End");
  await shoot("many");

  const site = await host(DIST, "/");
  await page.goto(site.url);
  await page.getByTestId("drop").waitFor();
  await shoot("static-host");
  await site.close();
  await context.clearCookies();
  await go("/");
  await page.reload();
  await page.getByText("Open the login link first.").waitFor();
  await shoot("logged-out");
  await demo.stop();
  await go("/pending/shop");
  await press("Ask again");
  await page.getByRole("alert").waitFor();
  await shoot("server-gone");
}

try {
  if (flagOrFolder === "--readme" && readme) await takeReadme(readme);
  else if (flagOrFolder && flagOrFolder !== "--readme") await takeAll(flagOrFolder);
  else throw new Error("node screenshots.mjs FOLDER | node screenshots.mjs --readme FILE");
} finally {
  await here.close();
}

// What most tests of the page begin with: a console over sample stores, and a browser that is logged in to it.

import assert from "node:assert/strict";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { drawn, launch, watch } from "./browser.mjs";
import { startDemo, startOver } from "./demo.mjs";
import { unpackGraph } from "./fixtures.mjs";

/** Sample stores with a console over them, and a browser; `close` ends both. */
export async function startConsole() {
  const [demo, browser] = await Promise.all([startDemo(), launch()]);
  const close = async () => {
    await browser.close();
    await demo.stop();
  };
  return { demo, browser, close };
}

/** A browser context of its own, with a page on which `link` was opened. */
export async function opened(browser, link, { timeout = 10_000, ...options } = {}) {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(timeout);
  const page = await context.newPage();
  await page.goto(link);
  await drawn(page);
  return { context, page };
}

/**
 * As `startConsole`, with a context that is logged in, and the folders of two roots. Pages of the context open addresses
 * below the console's own.
 */
export async function startLoggedIn(options = {}) {
  const { demo, browser, close } = await startConsole();
  const wide = { viewport: { width: 1280, height: 800 }, baseURL: demo.origin };
  const { context, page } = await opened(browser, demo.login, { ...wide, ...options });
  assert.equal(page.url(), `${demo.origin}/`, "the token does not stay in the address");
  await page.close();
  return { demo, browser, context, close, shop: demo.root("shop"), museum: demo.root("museum") };
}

/**
 * Walks on a page of its own, on which nothing may go wrong behind the scenes. Browsers log
 * every answer of 400 and above as an error; `refusals` are those the walk is about.
 */
export async function onPage({ context, demo }, walk, refusals = /^$/) {
  const page = await context.newPage();
  const complaints = watch(page, demo.origin);
  await walk(page);
  assert.deepEqual(complaints.filter((text) => !refusals.test(text)), []);
  await page.close();
}

/** As `onPage`, over a graph that an engine left behind; the walk is told where it is, and where it was written. */
export async function onGraph(browser, [engine, graph], walk, refusals) {
  const folder = await mkdtemp(join(tmpdir(), "sidecar-inspector-"));
  const root = await unpackGraph(engine, graph, folder);
  const movedFrom = `/srv/graphs/${graph}`;
  const demo = await startOver(folder, graph, movedFrom);
  try {
    const { context, page } = await opened(browser, demo.login, { baseURL: demo.origin });
    await page.close();
    await onPage({ context, demo }, (page) => walk(page, { graph, root, movedFrom }), refusals);
    await context.close();
  } finally {
    await demo.stop();
  }
}

/** Has the page get other answers than the server gives: `change` makes them of the server's JSON. */
export async function changeAnswers(page, address, change) {
  await page.route(address, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: change(await response.json()) });
  });
}

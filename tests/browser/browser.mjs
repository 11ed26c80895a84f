// A real browser for tests, and the rules that every page in it must keep.

import assert from "node:assert/strict";
import { chromium } from "playwright-core";

/** Starts the browser that `find-chromium.sh` found. */
export function launch() {
  assert.ok(process.env.CHROMIUM, "CHROMIUM must name a browser; `make test-browser` sets it");
  return chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/**
 * Collects what must not happen on any page: script errors, console errors (which is how a
 * browser reports a breach of the content security policy) and requests to other origins.
 */
export function watch(page, origin) {
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(origin) && !/^(data|blob):/.test(url)) complaints.push(`request: ${url}`);
  });
  return complaints;
}

/** Waits until the module has drawn the page. */
export async function drawn(page) {
  await page.waitForFunction(() => !document.getElementById("starting"));
}

// The page as it was built, wherever it is put: a static host, no host at all, a file.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";

import { drawn, launch, watch } from "./browser.mjs";
import { DIST, host } from "./static-host.mjs";

let browser;

before(async () => {
  browser = await launch();
});
after(() => browser.close());

test("the folder works under any path of a static host", async () => {
  const site = await host(DIST, "/some/where/else/");
  const page = await browser.newPage();
  const complaints = watch(page, `${site.url}`);
  // The page asks whether there is a server behind it; on a static host the answer is 404.
  const missing = [];
  page.on("response", (response) => {
    if (response.status() === 404) missing.push(new URL(response.url()).pathname);
  });
  await page.goto(site.url);
  await drawn(page);
  assert.deepEqual(complaints.filter((text) => !/404/.test(text)), []);
  assert.deepEqual(missing.filter((path) => !path.includes("/api/")), []);
  await page.close();
  await site.close();
});

test("the page opens again when its host is away", async () => {
  const site = await host(DIST, "/console/");
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(site.url);
  await drawn(page);
  await page.evaluate(async () => {
    const { active } = await navigator.serviceWorker.ready;
    if (active.state === "activated") return;
    await new Promise((resolve) => {
      active.addEventListener("statechange", resolve, { once: true });
    });
  });
  await site.close();

  await page.reload();
  await drawn(page);
  const kept = await page.evaluate(async () => {
    const names = await caches.keys();
    const requests = await Promise.all(names.map(async (name) => (await caches.open(name)).keys()));
    return requests.flat().map((request) => new URL(request.url).pathname);
  });
  assert.ok(kept.length > 1);
  assert.ok(!kept.some((path) => path.includes("/api/")), "nothing of the API is ever kept");
  await context.close();
});

test("the single file opens from disk", async () => {
  const file = new URL("../../web/dist/sidecar-inspector.html", import.meta.url).href;
  const page = await browser.newPage();
  const complaints = watch(page, file);
  await page.goto(file);
  await drawn(page);
  assert.deepEqual(complaints, []);
  await page.close();
});

test("the first file of the page refers to files beside it alone", async () => {
  const index = await readFile(new URL("../../web/dist/index.html", import.meta.url), "utf8");
  assert.doesNotMatch(index, /(?:src|href)="(?:\/|[a-z]+:)/);
});

// Logging in and out, and attempts of other pages and programs on this machine to get in.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, test } from "node:test";

import { watch } from "./browser.mjs";
import { changeAnswers, opened as openedIn, startConsole } from "./console.mjs";
import { OPERATOR, pending, startDemo } from "./demo.mjs";

let here;
let browser;
let demo;

before(async () => {
  here = await startConsole();
  ({ demo, browser } = here);
});

after(() => here?.close());

const session = (page) => page.getByTestId("session");
const loggedOut = (page) => page.getByRole("heading", { name: "Open the login link first." });

/** A browser of its own, in which the link was opened. */
const opened = (link) => openedIn(browser, link);

/** A new link at the plain address. */
async function plainLink() {
  const link = new URL(await demo.newLink());
  link.host = new URL(demo.origin).host;
  return link.href;
}

/** Another program on this machine: it serves a page, and records the requests it gets. */
async function otherProgram(html) {
  const heard = [];
  const server = createServer((request, response) => {
    heard.push(`${request.url} ${JSON.stringify(request.headers)}`);
    response.setHeader("content-type", request.url === "/sw.js" ? "text/javascript" : "text/html");
    response.end(request.url === "/sw.js" ? "addEventListener('fetch', () => {});" : html);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  };
  return { heard, port: server.address().port, close };
}

test("a link logs in at a host of its own and leaves no trace in the address", async () => {
  const { context, page } = await opened(demo.own.login);
  const complaints = watch(page, demo.own.origin);
  assert.match(demo.own.origin, /^http:\/\/[0-9a-f]{24}\.localhost:\d+$/);
  assert.equal(page.url(), `${demo.own.origin}/`);
  assert.match(await session(page).locator("summary").innerText(), new RegExp(`Logged in as\\s+${OPERATOR}`));
  await page.goBack().catch(() => {});
  assert.doesNotMatch(page.url(), /token/);

  // Every tab of this browser is logged in, over a reload too.
  const tab = await context.newPage();
  await tab.goto(demo.own.origin);
  await session(tab).waitFor();
  await tab.reload();
  await session(tab).waitFor();
  const workers = await tab.evaluate(async () => (await navigator.serviceWorker.getRegistrations()).length);
  assert.equal(workers, 0, "the console leaves no service worker behind");
  assert.deepEqual(complaints, []);
  await context.close();
});

test("the plain address works as well, and a link is printed whenever it is asked for", async () => {
  const { context, page } = await opened(await plainLink());
  await session(page).waitFor();
  assert.equal(page.url(), `${demo.origin}/`);
  await context.close();
});

test("a page that is logged in makes a link for one more browser, and logs out alone", async () => {
  const first = await opened(await demo.newLink());
  await session(first.page).locator("summary").first().click();
  await first.page.getByRole("button", { name: "Make a login link" }).click();
  const link = await first.page.getByTestId("login-link").locator("code").first().innerText();
  const second = await opened(link);
  await session(second.page).waitFor();

  await first.page.getByRole("button", { name: "Log out" }).click();
  await loggedOut(first.page).waitFor();
  assert.deepEqual(await first.context.cookies(), []);
  assert.equal(await first.page.evaluate(() => localStorage.length), 0);
  await second.page.reload();
  await session(second.page).waitFor();

  // A new link, put into the address of the page that is open.
  await first.page.goto(await demo.newLink());
  await session(first.page).waitFor();
  await first.context.close();
  await second.context.close();
});

test("a page of another origin that tries tokens locks nobody out, and uses up no link", async () => {
  const link = await demo.newLink();
  const tries = `
    const origins = ${JSON.stringify([demo.own.origin, demo.origin])};
    for (const origin of origins) for (let i = 0; i < 30; i += 1) {
      new Image().src = origin + "/login?token=" + i;
      for (const type of ["text/plain", "application/json"]) {
        const body = JSON.stringify({ token: String(i) });
        const headers = { "content-type": type };
        fetch(origin + "/api/v1/sessions", { method: "POST", body, headers, credentials: "include" }).catch(() => {});
        fetch(origin + "/api/v1/sessions", { method: "POST", body, headers, mode: "no-cors", credentials: "include" }).catch(() => {});
      }
    }`;
  const other = await otherProgram(`<!doctype html><script>${tries}</script>`);
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`http://127.0.0.1:${other.port}/`);
  await page.waitForLoadState("networkidle");

  const answer = await fetch(`${demo.origin}/api/v1/sessions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token: "wrong" }),
  });
  assert.equal(answer.status, 403, "none of those tries counted");
  const { context: mine, page: console_ } = await opened(link);
  await session(console_).waitFor();
  await other.close();
  await mine.close();
  await context.close();
});

test("what a program on another port is sent is worth nothing", async () => {
  const { context, page } = await opened(await plainLink());
  await session(page).waitFor();
  const other = await otherProgram("<!doctype html><p>hello</p>");
  const spy = await context.newPage();
  await spy.goto(`http://127.0.0.1:${other.port}/`);
  const heard = other.heard.join("\n");
  const cookie = /"cookie":"([^"]*)"/.exec(heard)?.[1];
  assert.ok(cookie, "a browser sends cookies to every port, or this proves nothing");
  const answer = await fetch(`${demo.origin}/api/v1/roots`, { headers: { cookie } });
  assert.equal(answer.status, 401);
  // It sets cookies, too: under the name it saw, for a path of its own.
  const [name] = cookie.split("=");
  await spy.evaluate((text) => { document.cookie = text; }, `${name}=planted; path=/api`);
  await page.reload();
  await session(page).waitFor();
  await other.close();
  await context.close();

  const own = await opened(await demo.newLink());
  const second = await otherProgram("<!doctype html><p>hello</p>");
  const elsewhere = await own.context.newPage();
  await elsewhere.goto(`http://127.0.0.1:${second.port}/`);
  await elsewhere.goto(`http://localhost:${second.port}/`);
  assert.doesNotMatch(second.heard.join("\n"), /"cookie"/, "the host of its own shares no cookie");
  await second.close();
  await own.context.close();
});

test("a service worker that an earlier program left is sent away", async (t) => {
  const earlier = await otherProgram("<!doctype html><p>hello</p>");
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`http://127.0.0.1:${earlier.port}/`);
  const left = () => page.evaluate(async () => (await navigator.serviceWorker.getRegistrations()).length);
  await page.evaluate(async () => {
    await navigator.serviceWorker.register("./sw.js");
    await navigator.serviceWorker.ready;
  });
  assert.equal(await left(), 1);
  await earlier.close();

  const later = await startDemo(earlier.port);
  t.after(() => later.stop());
  // Otherwise the browser only moves to the token within the page that it has.
  await page.goto("about:blank");
  await page.goto(later.login);
  await session(page).waitFor();
  await page.waitForFunction(async () => (await navigator.serviceWorker.getRegistrations()).length === 0);
  await context.close();
});

test("a session that has ended says how to get a new one", async () => {
  const { context, page } = await opened(await demo.newLink());
  await session(page).waitFor();
  await context.clearCookies();
  await page.getByRole("button", { name: "Refresh" }).click();
  const notice = page.getByRole("alert");
  await notice.waitFor();
  assert.match(await notice.innerText(), /Your session has ended[^]*twelve hours[^]*Ctrl-\\[^]*keeps what was typed/);
  assert.equal(await page.getByText("All is well").count(), 0);
  await page.getByRole("heading", { name: "The store cannot be read." }).waitFor();
  await context.close();
});

test("a store that cannot be looked at any more is not said to be well", async () => {
  const { context, page } = await opened(await demo.newLink());
  let gone = false;
  await page.route("**/recoveries", async (route) => {
    if (!gone) return route.fulfill({ json: { root: "/srv/graph", recoveries: [] } });
    const problem = {
      type: "urn:sidecar-inspector:problem:root_unavailable",
      title: "Storage failed",
      status: 503,
      detail: "the root cannot be looked at; the server's log says why",
      instance: "/x",
      code: "root_unavailable",
    };
    return route.fulfill({ status: 503, json: problem, contentType: "application/problem+json" });
  });
  await page.reload();
  await page.getByRole("heading", { name: "No sidecar is left." }).waitFor();
  gone = true;
  await page.getByRole("button", { name: "Refresh" }).click();
  await page.getByRole("heading", { name: "The store cannot be read." }).waitFor();
  assert.doesNotMatch(await page.getByRole("main").innerText(), /All is well|No sidecar is left/);
  assert.match(await page.getByRole("alert").innerText(), /Storage failed/);
  await context.close();
});

test("no name out of a file turns a line or hides in it", async () => {
  const { context, page } = await opened(await plainLink());
  const hostile = "\u202etxt.exe\u202c\u2066x\u2069\u200f\u200b\u061c\u0007";
  const entry = await pending(demo.root("museum"), ({ actor_id }) => actor_id === "bob");
  await changeAnswers(page, "**/recoveries", (list) => {
    const recoveries = list.recoveries.map((recovery) => ({
      ...recovery,
      actor_id: hostile,
      branch: hostile,
      writer_kind: hostile,
    }));
    const refused = { code: "unreadable", detail: `${hostile} cannot be read` };
    recoveries.push({ ...recoveries[0], operation_id: null, file: `${hostile}.json`, disposition: "refused", refused });
    return { ...list, root: hostile, recoveries };
  });
  await changeAnswers(page, `**/recoveries/${entry.operation_id}`, (report) => {
    const changes = { actor_id: hostile, branch: hostile, writer_kind: hostile, file: hostile, root: hostile };
    return { ...report, ...changes };
  });
  await page.goto(`${demo.origin}/#/pending/museum/${entry.operation_id}`);
  await page.locator("[data-testid=recovery][data-disposition]").waitFor();
  const drawnText = await page.evaluate(() => {
    const said = [document.title, document.body.innerText];
    for (const element of document.querySelectorAll("[title],[aria-label]")) {
      said.push(element.title, element.getAttribute("aria-label") ?? "");
    }
    return said.join("\n");
  });
  assert.match(drawnText, /\ufffdtxt\.exe/);
  assert.doesNotMatch(drawnText, /[\u202a-\u202e\u2066-\u2069\u200b-\u200f\u061c\u0007]/);
  await context.close();
});

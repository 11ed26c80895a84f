// The page without a server: files are read in the browser, and nothing leaves it.

import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { drawn, launch, watch } from "./browser.mjs";
import { brokenFiles, sidecar, unpackSidecars } from "./fixtures.mjs";
import { DIST, host } from "./static-host.mjs";

const SINGLE = new URL("../../web/dist/sidecar-inspector.html", import.meta.url).href;

/** The verdict of a strict write for each position of pin and HEAD: PROTOCOL.md, sections 3 and 4.1. */
const WHAT_IF = [
  ["pin 5, HEAD 5", "NoMovement", "never started"],
  ["pin 5, HEAD 6", "RolledPastExpected", "roll forward"],
  ["pin 5, HEAD 8", "UnexpectedMultistep", "roll back"],
  ["pin 5, HEAD 4", "InvariantViolation", "cannot be decided"],
  ["pin 6, HEAD 6", "NoMovement", "already published"],
  ["pin 6, HEAD 7", "UnexpectedAtP1", "roll back"],
  ["pin 6, HEAD 9", "UnexpectedMultistep", "roll back"],
  ["pin 6, HEAD 5", "InvariantViolation", "cannot be decided"],
  ["pin 7, HEAD 7", "NoMovement", "already published"],
  ["pin 7, HEAD 8", "UnexpectedAtP1", "roll back"],
  ["pin 7, HEAD 10", "UnexpectedMultistep", "roll back"],
  ["pin 7, HEAD 6", "InvariantViolation", "cannot be decided"],
  ["pin 4, HEAD 4", "NoMovement", "cannot be decided"],
  ["pin 4, HEAD 5", "UnexpectedAtP1", "cannot be decided"],
  ["pin 4, HEAD 7", "UnexpectedMultistep", "cannot be decided"],
  ["pin 4, HEAD 3", "InvariantViolation", "cannot be decided"],
];

let browser;
let site;
let unpacked;
let broken;

before(async () => {
  [browser, site, unpacked] = await Promise.all([launch(), host(DIST, "/tools/"), unpackSidecars()]);
  broken = await brokenFiles(unpacked.folder);
});

after(async () => {
  await browser?.close();
  await site?.close();
  await unpacked?.remove();
});

const rows = (page) => page.getByRole("grid", { name: "Dropped files" }).getByRole("row");
const shown = (page) => page.getByTestId("offline-file");
const of = (engine, name) => unpacked.files.find((file) => file.engine === engine && file.graph.endsWith(`/${name}`));

/** Both ways the page can be opened without a server. */
const PLACES = {
  "a static host": () => ({ url: site.url, allowed: /404/ }),
  "a file on disk": () => ({ url: SINGLE, allowed: /^$/ }),
};

/** A visit that makes no request once the page is loaded. */
function visit(name, look) {
  for (const [place, where] of Object.entries(PLACES)) {
    test(`${name}, from ${place}`, async () => {
      const { url, allowed } = where();
      const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
      context.setDefaultTimeout(10_000);
      const page = await context.newPage();
      const complaints = watch(page, url);
      await page.goto(url, { waitUntil: "networkidle" });
      await drawn(page);
      await page.getByTestId("drop").waitFor();

      const asked = [];
      context.on("request", (request) => asked.push(request.url()));
      page.on("websocket", (socket) => asked.push(socket.url()));
      await look(page);
      assert.deepEqual(asked, []);
      assert.deepEqual(complaints.filter((text) => !allowed.test(text)), []);
      await context.close();
    });
  }
}

async function open(page, text) {
  await rows(page).filter({ hasText: text }).click();
  await shown(page).filter({ hasText: text }).waitFor();
}

/** Drops files and folders of this machine, as a person does with the mouse. */
async function drop(page, paths) {
  const { x, y, width, height } = await page.getByTestId("drop").boundingBox();
  const session = await page.context().newCDPSession(page);
  const data = { items: [], files: paths, dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver", "drop"]) {
    const at = { x: x + width / 2, y: y + height / 2 };
    await session.send("Input.dispatchDragEvent", { type, ...at, data });
  }
}

visit("every picked file is shown, broken ones with their reason", async (page) => {
  const good = unpacked.files.filter(({ engine }) => engine === "omnigraph-0.7.0");
  await page.getByTestId("pick-files").setInputFiles([...good, ...broken].map(({ path }) => path));
  await page.getByTestId("dropped").waitFor();
  assert.equal(await page.getByRole("grid").getAttribute("aria-rowcount"), `${good.length + broken.length}`);
  await page.getByRole("searchbox").fill("refused");
  await page.getByText(`${broken.length} of ${good.length + broken.length}`).waitFor();
  for (const { name, code } of broken) {
    await open(page, name);
    const reason = shown(page).locator(`[data-code=${code}]`);
    await reason.waitFor();
    assert.ok((await reason.innerText()).length > 20, name);
    assert.equal(await page.getByTestId("what-if").count(), 0);
  }
});

visit("a lone sidecar says that it cannot be decided, and what it would come to", async (page) => {
  const { path, name } = of("omnigraph-0.7.0", "forward-mutation");
  await page.getByTestId("pick-files").setInputFiles(path);
  await open(page, name.replace(".json", ""));
  assert.match(await shown(page).innerText(), /cannot be decided/);
  const pins = await page.getByTestId("pins").getByRole("row").allInnerTexts();
  assert.match(pins[1], /edge:Wrote\s+5\s+6/);
  assert.match(pins[2], /node:Author\s+4\s+5/);
  const found = await page.getByTestId("what-if").locator("tbody tr").evaluateAll((lines) =>
    lines.map((line) => [...line.querySelectorAll("td")].slice(1).map((cell) => cell.innerText)),
  );
  assert.deepEqual(found, WHAT_IF);
});

visit("a lone sidecar of version 9 says how far its writer came, which transactions it planned, and what it would come to", async (page) => {
  const { path, name } = of("omnigraph-0.9.0", "v9-load-append-effects");
  await page.getByTestId("pick-files").setInputFiles(path);
  await open(page, name.replace(".json", ""));
  const said = await page.getByTestId("said").innerText();
  assert.match(said, /phase/);
  assert.match(said, /never wrote down that it was done/);
  assert.match(said, /node:Author/);
  const lines = await page.getByTestId("what-if").locator("tbody tr").allInnerTexts();
  const verdicts = Object.fromEntries(lines.map((line) => line.split("\t").map((cell) => cell.trim())));
  assert.deepEqual(verdicts, {
    "no table carries a commit of it": "never started",
    "every table carries its commits, and the graph is as it was planned for": "roll back",
    "every table carries its commits, and the branch has another head by now": "roll back",
    "somebody else committed on top of it": "cannot be decided",
    "every table was returned to what readers see": "roll back",
    "its graph commit is in the catalog": "stale armed",
  });
});

visit("a dropped folder is read, and of a whole store only its sidecars", async (page) => {
  const { graph, name } = of("omnigraph-0.7.0", "back-mid-phase");
  await drop(page, [graph]);
  await rows(page).first().waitFor();
  assert.equal(await rows(page).count(), 1);
  assert.match(await page.getByTestId("dropped").innerText(), /1 file read; \d+ files left out/);
  await open(page, name.replace(".json", ""));
  assert.match(await shown(page).innerText(), /back-mid-phase\/__recovery/);
});

visit("files that wait for each other say so, and those of two stores do not", async (page) => {
  const younger = "01M8125F73NYM2HVT3BT73QN0Y";
  const folder = join(unpacked.folder, "pair");
  await mkdir(folder, { recursive: true });
  const write = (name, content) => writeFile(join(folder, `${name}.json`), JSON.stringify(content));
  await write(sidecar().operation_id, sidecar());
  await write(younger, sidecar({ operation_id: younger }));
  await drop(page, [folder]);
  await open(page, younger);
  const waits = /waits for an older file[^]*01M8125ENACWR9X1EZNRMDV5V2/;
  assert.match(await shown(page).innerText(), waits);
  assert.match(await rows(page).filter({ hasText: younger }).innerText(), /waiting/);

  await page.getByRole("button", { name: "Clear" }).click();
  await page.getByTestId("drop").waitFor();
  const stores = ["back-mid-phase", "forward-mutation"].map((name) => of("omnigraph-0.7.0", name).graph);
  await drop(page, stores);
  await page.getByText("from 2 folders").waitFor();
  const undecided = rows(page).filter({ hasText: "undecided" });
  // The line about the folders is there before the rows are drawn.
  await undecided.nth(1).waitFor();
  assert.deepEqual(await undecided.count(), 2);
});

visit("whatever a file says is text", async (page) => {
  const hostile = "<img src=x onerror=window.taken=1><script>window.taken=1</script>";
  const content = sidecar({
    actor_id: hostile,
    tables: [{ ...sidecar().tables[0], table_key: hostile, table_path: `javascript:${hostile}` }],
  });
  await page.getByTestId("pick-files").setInputFiles({
    name: `${content.operation_id}.json`,
    mimeType: "application/json",
    buffer: Buffer.from(JSON.stringify(content)),
  });
  await open(page, content.operation_id);
  assert.ok((await page.getByRole("heading", { level: 1 }).innerText()).includes(hostile));
  assert.ok((await page.getByTestId("pins").innerText()).includes(hostile));
  assert.ok((await page.title()).includes(hostile));
  await shown(page).getByText("The file as it is").click();
  assert.ok((await shown(page).locator("pre").innerText()).includes(hostile));
  assert.equal(await page.locator("img, #app script, [onerror], a[href^=javascript]").count(), 0);
  assert.equal(await page.evaluate(() => window.taken), undefined);
});

visit("what is no sidecar is not taken, and a folder can be picked with the keyboard", async (page) => {
  await page.getByTestId("pick-files").setInputFiles({ name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("x") });
  assert.match(await page.getByRole("alert").innerText(), /names do not end in \.json/);
  const chosen = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: "Choose a folder" }).focus();
  await page.keyboard.press("Enter");
  await (await chosen).setFiles(join(unpacked.folder, "broken"));
  // The line above the list is there before the rows are drawn.
  await rows(page).nth(broken.length - 1).waitFor();
  assert.equal(await rows(page).count(), broken.length);
  await page.getByRole("button", { name: "Clear" }).click();
  await rows(page).first().waitFor({ state: "detached" });
});

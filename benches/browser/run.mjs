/**
 * `node benches/browser/run.mjs [--only setMany,cold] [--rounds N]`: IndexedDB in Chromium, against
 * idb-keyval and Dexie. The table is printed; a run of everything also writes it to BROWSER.md.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { COMPARED, compared, table } from "../table.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const { values: words } = parseArgs({
  options: { only: { type: "string" }, rounds: { type: "string", default: "15" } },
});
const ROWS = [
  { id: "setsAtOnce", work: "1,000 sets at once", floor: { idb: 80, dexie: 140 } },
  { id: "setMany", work: "setMany of 10,000 x 200 B", floor: { idb: 18, dexie: 19 } },
  { id: "getMany", work: "getMany of 10,000", floor: { idb: 100, dexie: 100 } },
  { id: "getsAtOnce", work: "1,000 gets at once", floor: { idb: 100, dexie: 100 }, repeat: 20 },
  {
    id: "cold",
    work: "open 10,000 records to the first get (the others read all: `entries()`, `toArray()`)",
    floor: { idb: 5, dexie: 4 },
  },
  { id: "setsInTurn", work: "1,000 sets, each awaited", floor: { idb: 1 } },
  { id: "keys", work: "100 keys of 10,000 by pattern or prefix", floor: { dexie: 5 }, repeat: 20 },
];
const only = words.only?.split(",");
const rows = ROWS.filter((row) => only === undefined || only.includes(row.id));
const rounds = Number(words.rounds);

const ROOTS = { package: here("../../target/npm/package"), peers: here("../node_modules"), browser: here(".") };
const TYPES = { ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm" };
const server = createServer((request, response) => {
  const [, root, ...path] = normalize(new URL(request.url, "http://x").pathname).split("/");
  if (root === "") {
    response.writeHead(200, { "content-type": "text/html" });
    response.end('<!doctype html><script type="module" src="/browser/page.mjs"></script>');
    return;
  }
  const file = join(ROOTS[root] ?? "", ...path);
  if (ROOTS[root] === undefined || !TYPES[extname(file)] || !existsSync(file)) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { "content-type": TYPES[extname(file)] }).end(readFileSync(file));
});
await new Promise((resolve) => {
  server.listen(0, "127.0.0.1", resolve);
});

// The tests' own copy of the browser's driver.
const { chromium } = createRequire(here("../../pkg-js/test/package.json"))("playwright-core");
const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
});
const began = Date.now();
const lines = [];
try {
  for (const row of rows) {
    // A page and databases of its own for each row.
    const context = await browser.newContext();
    const page = await context.newPage();
    page.on("pageerror", (error) => console.error(String(error)));
    await page.goto(`http://127.0.0.1:${server.address().port}/`);
    await page.waitForFunction("globalThis.ready === true");
    const times = await page.evaluate(
      ([id, count, repeat]) => globalThis.measure(id, count, repeat),
      [row.id, rounds, row.repeat ?? 1],
    );
    const nanoseconds = Object.entries(times).map(([name, list]) => [name, list.map((ms) => ms * 1e6)]);
    lines.push(...compared(row, new Map(nanoseconds)));
    process.stderr.write(`${row.id}\n`);
    await context.close();
  }
} finally {
  await browser.close();
  server.close();
}
const peer = (name) => JSON.parse(readFileSync(here(`../node_modules/${name}/package.json`), "utf8")).version;
const text = `# IndexedDB in Chromium

\`make bench\`: ${rounds} rounds, in turns, one page and fresh databases for each row; medians, and the median of
the ratios within a round. Durability is relaxed, as it is by default in all three. idb-keyval ${peer("idb-keyval")}, Dexie
${peer("dexie")}, Chromium ${browser.version()}; ${Math.round((Date.now() - began) / 1000)} s.

${table(COMPARED, lines)}
`;
console.log(text);
if (only === undefined) writeFileSync(here("../BROWSER.md"), text);

// Runs the tests of the npm package on the packed package, installed elsewhere, in every runtime.
//   make pack && (cd pkg-js/test && npm ci) && node pkg-js/test/run.mjs [runtime…]
import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const root = here("../..");
const out = join(root, "target/npm/installed");
const dist = join(out, "node_modules/dataknobs-kv/dist");
const bin = (name) => here(`node_modules/.bin/${name}`);
const LIMIT = 120_000;

const exec = promisify(execFile);
const command = async (file, args, options = {}) => {
  try {
    return await exec(file, args, {
      cwd: out,
      timeout: LIMIT,
      killSignal: "SIGKILL",
      maxBuffer: 1 << 26,
      ...options,
    });
  } catch (error) {
    throw new Error(
      `${file} ${args.join(" ")}: ${error.killed ? "no end; " : ""}${error.message}\n${error.stdout ?? ""}${error.stderr ?? ""}`.slice(
        0,
        4000,
      ),
    );
  }
};

/** Installs the tarball into a project of its own, beside a copy of the tests. */
async function install() {
  const { version } = JSON.parse(readFileSync(here("../package.json"), "utf8"));
  const tarball = join(root, `target/npm/dataknobs-kv-${version}.tgz`);
  if (!existsSync(tarball)) throw new Error(`${tarball} is not there: run "make pack"`);
  rmSync(out, { recursive: true, force: true });
  mkdirSync(join(out, "test/entries"), { recursive: true });
  writeFileSync(
    join(out, "package.json"),
    JSON.stringify({ name: "installed", private: true, type: "module" }),
  );
  await command("npm", [
    "install",
    "--no-audit",
    "--no-fund",
    "--offline",
    "--loglevel=error",
    relative(out, tarball),
  ]);
  for (const name of ["suite.mjs", "behaviour.mjs", "cases.mjs", "backend.mjs", "entries"])
    cpSync(here(name), join(out, "test", name), { recursive: true });
  const folder = join(root, "tests/behaviour");
  const files = readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .sort();
  const table = Object.fromEntries(
    files.map((name) => [name, JSON.parse(readFileSync(join(folder, name), "utf8"))]),
  );
  // As text: in an object literal `__proto__` would be something else.
  writeFileSync(
    join(out, "test/table.mjs"),
    `export default JSON.parse(${JSON.stringify(JSON.stringify(table))});\n`,
  );
}

const TYPES = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
  ".json": "application/json",
};

/** A static server over the project, on a free port of the loopback. */
async function serve() {
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url, "http://x").pathname));
    const file = join(out, path);
    if (!file.startsWith(out) || !TYPES[extname(file)] || !existsSync(file)) {
      response.writeHead(404).end();
      return;
    }
    response
      .writeHead(200, {
        "content-type": TYPES[extname(file)],
        "cache-control": "no-store",
        "service-worker-allowed": "/",
      })
      .end(readFileSync(file));
  });
  await new Promise((resolve, reject) => {
    server.once("error", reject).listen(0, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  };
}

const within = (promise, what) => {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: no end after ${LIMIT / 1000} s`)), LIMIT);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};

/** A process that runs the suite and prints its report. */
async function processed(file, args, options) {
  const { stdout, stderr } = await command(file, [...args, join(out, "test/entries/main.mjs")], options);
  const line = stdout.split("\n").find((one) => one.startsWith("RESULT "));
  if (line === undefined) throw new Error(`no report: ${stdout.slice(-2000)} ${stderr.slice(-2000)}`);
  const report = JSON.parse(line.slice(7));
  if (stderr.trim() !== "") report.failures.push(`wrote to stderr: ${stderr.trim().slice(0, 500)}`);
  return report;
}

/** Waits for the page to have its report; what went wrong before is said. */
async function pageReport(page, url, wait) {
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warn" || message.type() === "warning")
      errors.push(message.text());
  });
  await page.goto(url);
  await wait(page).catch((error) => {
    throw new Error(`${error.message} ${errors.join("; ")}`);
  });
  const report = await page.evaluate("globalThis.report");
  report.failures.push(...errors.map((error) => `the console: ${error}`));
  return report;
}

/** In an empty page: a module worker that runs the suite. */
const WORKER = `new Promise((resolve, reject) => {
  const worker = new Worker("/test/entries/worker.mjs", { type: "module" });
  worker.onmessage = ({ data }) => { worker.terminate(); resolve(data); };
  worker.onerror = (event) => reject(new Error("the worker failed: " + (event.message || "it did not load")));
})`;

const SERVICE_WORKER = `(async () => {
  const failures = [];
  const registration = await navigator.serviceWorker.register("/test/entries/service-worker.mjs", { type: "module", scope: "/test/" });
  await navigator.serviceWorker.ready;
  const ask = () => new Promise((resolve) => {
    navigator.serviceWorker.addEventListener("message", ({ data }) => resolve(data), { once: true });
    registration.active.postMessage("ask");
  });
  const told = [JSON.stringify(await ask()), JSON.stringify(await ask())];
  const wanted = ['{"result":[1,1,1]}', '{"result":[1,1,2]}'];
  await registration.unregister();
  told.forEach((one, at) => { if (one !== wanted[at]) failures.push("it told " + one + ", not " + wanted[at]); });
  return { parts: { smoke: { passed: 2 - failures.length, failed: failures.length, milliseconds: 0 } }, failures };
})()`;

let chromium;
async function inChromium(run) {
  if (chromium === undefined) {
    const { chromium: launcher } = await import("playwright-core");
    chromium = await launcher.launch({
      executablePath: "/usr/bin/chromium",
      args: [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    });
  }
  const context = await chromium.newContext();
  try {
    return await within(run(await context.newPage()), "Chromium");
  } finally {
    await context.close();
  }
}

let firefox;
async function inFirefox(run) {
  if (firefox === undefined) {
    const { default: puppeteer } = await import("puppeteer-core");
    firefox = await puppeteer.launch({
      browser: "firefox",
      executablePath: "/usr/bin/firefox-esr",
      headless: true,
      protocolTimeout: LIMIT,
    });
  }
  const page = await firefox.newPage();
  try {
    return await within(run(page), "Firefox");
  } finally {
    await page.close();
  }
}

const forPlaywright = (page) =>
  page.waitForFunction("globalThis.report !== undefined", undefined, { timeout: LIMIT });
const forPuppeteer = (page) => page.waitForFunction("globalThis.report !== undefined", { timeout: LIMIT });

async function viteReport(url) {
  const { build } = await import("vite");
  const app = join(out, "vite");
  mkdirSync(app, { recursive: true });
  writeFileSync(
    join(app, "index.html"),
    `<!doctype html>\n<meta charset="utf-8">\n<link rel="icon" href="data:,">\n<script type="module" src="/main.mjs"></script>\n`,
  );
  writeFileSync(join(app, "main.mjs"), `import "../test/entries/main.mjs";\n`);
  await build({ root: app, base: "./", logLevel: "error", configFile: false, build: { emptyOutDir: true } });
  return inChromium((page) => pageReport(page, `${url}/vite/dist/index.html`, forPlaywright));
}

async function workerd() {
  const { Log, LogLevel, Miniflare } = await import("miniflare");
  const listed = (folder, type, end) =>
    readdirSync(folder, { recursive: true })
      .filter((name) => name.endsWith(end))
      .map((name) => ({ type, path: join(folder, name) }));
  const entry = join(out, "test/entries/workerd.mjs");
  const tests = ["suite.mjs", "behaviour.mjs", "cases.mjs", "backend.mjs", "table.mjs"].map((name) => ({
    type: "ESModule",
    path: join(out, "test", name),
  }));
  const miniflare = new Miniflare({
    cf: false,
    log: new Log(LogLevel.ERROR),
    compatibilityDate: "2026-04-01",
    modulesRoot: out,
    modules: [
      { type: "ESModule", path: entry },
      ...tests,
      ...listed(dist, "ESModule", ".js").filter(({ path }) => !/(node|browser)\.js$/.test(path)),
      ...listed(dist, "CompiledWasm", ".wasm"),
    ],
  });
  try {
    const ask = async (path) => {
      const response = await miniflare.dispatchFetch(`http://localhost${path}`);
      const text = await response.text();
      if (!response.ok) throw new Error(`${path}: ${response.status} ${text.slice(0, 1000)}`);
      return JSON.parse(text);
    };
    const report = await within(ask("/suite"), "workerd");
    // A store that requests share: none may wait on what another one began.
    const shared = { passed: 0, failed: 0, milliseconds: 0 };
    const check = (found, wanted, what) => {
      if (JSON.stringify(found) === JSON.stringify(wanted)) shared.passed += 1;
      else {
        shared.failed += 1;
        report.failures.push(
          `a shared store: ${what} gave ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`,
        );
      }
    };
    const many = (path, count) =>
      within(Promise.all(Array.from({ length: count }, () => ask(path))), `a shared store: ${path}`);
    check(await ask("/increment"), 1, "the first request");
    check(
      (await many("/increment", 20)).sort((a, b) => a - b),
      Array.from({ length: 20 }, (_, at) => at + 2),
      "20 requests at once",
    );
    await many("/update", 10);
    check(await ask("/get"), 31, "10 updates at once that wait");
    check(await ask("/early"), [1, "unsupported"], "a store opened at module scope");
    check(await ask("/close"), "closed", "closing in another request");
    report.parts.shared = shared;
    return report;
  } finally {
    await miniflare.dispose();
  }
}

/** What each runtime's resolution finds, and the types. */
async function resolution() {
  const failures = [];
  let passed = 0;
  const check = (found, wanted, what) => {
    if (found === wanted) passed += 1;
    else failures.push(`${what}: ${found}, not ${wanted}`);
  };
  const manifest = JSON.parse(readFileSync(join(dist, "../package.json"), "utf8"));
  check(
    Object.keys(manifest.exports["."]).join(),
    "types,workerd,deno,bun,node,browser,default",
    "the order of the conditions",
  );
  for (const field of ["dependencies", "scripts", "devDependencies", "peerDependencies"])
    check(JSON.stringify(manifest[field]), undefined, `the manifest's ${field}`);
  for (const [conditions, file] of [
    [[], "node.js"],
    [["workerd"], "workerd.js"],
    [["workerd", "browser"], "workerd.js"],
    [["browser"], "node.js"],
    [["bun"], "node.js"],
    [["deno"], "node.js"],
  ]) {
    const args = [
      ...conditions.map((name) => `--conditions=${name}`),
      "--input-type=module",
      "-e",
      'console.log(import.meta.resolve("dataknobs-kv"))',
    ];
    const { stdout } = await command(process.execPath, args);
    check(stdout.trim(), `file://${join(dist, file)}`, `node with the conditions [${conditions}] finds`);
  }
  const { stdout } = await command(process.execPath, [
    "--input-type=module",
    "-e",
    'console.log(import.meta.resolve("dataknobs-kv/conformance"))',
  ]);
  check(stdout.trim(), `file://${join(dist, "conformance.js")}`, "dataknobs-kv/conformance is");
  const deep = await command(process.execPath, [
    "--input-type=module",
    "-e",
    'await import("dataknobs-kv/dist/store.js")',
  ]).then(
    () => "found",
    (error) => (error.message.includes("ERR_PACKAGE_PATH_NOT_EXPORTED") ? "not exported" : error.message),
  );
  check(deep, "not exported", "a file inside");
  // From CommonJS: by import().
  writeFileSync(
    join(out, "common.cjs"),
    'import("dataknobs-kv").then(async ({ KVStore }) => { const store = await KVStore.open(); await store.set("a", 1); console.log(await store.get("a")); });\n',
  );
  check(
    (await command(process.execPath, [join(out, "common.cjs")])).stdout.trim(),
    "1",
    "import() from CommonJS gives",
  );
  return { parts: { checks: { passed, failed: failures.length, milliseconds: 0 } }, failures };
}

async function types() {
  const failures = [];
  let passed = 0;
  const folder = join(out, "types");
  mkdirSync(folder, { recursive: true });
  const strict = {
    strict: true,
    noEmit: true,
    skipLibCheck: false,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    types: [],
    target: "ES2022",
  };
  const setups = [
    [
      "nodenext",
      "types.test-d.ts",
      { module: "NodeNext", moduleResolution: "NodeNext", lib: ["ES2022", "DOM"] },
    ],
    ["bundler", "types.test-d.ts", { module: "ESNext", moduleResolution: "Bundler", lib: ["ES2022", "DOM"] }],
    [
      "worker",
      "types.test-d.ts",
      { module: "ESNext", moduleResolution: "Bundler", lib: ["ES2022", "WebWorker"] },
    ],
    [
      "using",
      "types.using-d.ts",
      { module: "NodeNext", moduleResolution: "NodeNext", lib: ["ES2022", "DOM", "ESNext.Disposable"] },
    ],
  ];
  for (const [name, file, options] of setups) {
    cpSync(here(file), join(folder, file));
    writeFileSync(
      join(folder, `tsconfig.${name}.json`),
      JSON.stringify({ compilerOptions: { ...strict, ...options }, files: [file] }),
    );
    const project = ["-p", join(folder, `tsconfig.${name}.json`)];
    const fault = await command(bin("tsc"), project).then(
      () => undefined,
      (error) => error.message,
    );
    if (fault === undefined) passed += 1;
    else failures.push(`types: ${name}: ${fault}`);
    const { stdout } = await command(bin("tsc"), [...project, "--listFilesOnly"]);
    // The types of the wasm glue are full of `any`: no public type may lead there.
    const leaks = stdout.split("\n").filter((line) => line.includes("dataknobs-kv/dist/wasm"));
    if (leaks.length === 0) passed += 1;
    else failures.push(`types: ${name}: the public types lead to ${leaks.join(", ")}`);
  }
  return { parts: { compilations: { passed, failed: failures.length, milliseconds: 0 } }, failures };
}

const cache = join(root, "target/npm/cache");
const quiet = {
  ...process.env,
  DENO_NO_UPDATE_CHECK: "1",
  DENO_DIR: join(cache, "deno"),
  BUN_INSTALL_CACHE_DIR: join(cache, "bun"),
  NO_COLOR: "1",
  DO_NOT_TRACK: "1",
};
const RUNTIMES = {
  resolution,
  types,
  node: () => processed(process.execPath, []),
  deno: () =>
    processed(
      bin("deno"),
      ["run", "--quiet", "--allow-all", "--no-lock", "--cached-only", "--node-modules-dir=manual"],
      { env: quiet },
    ),
  bun: () => processed(bin("bun"), ["run"], { env: quiet }),
  workerd,
  "chromium-window": (url) =>
    inChromium((page) => pageReport(page, `${url}/test/entries/page.html`, forPlaywright)),
  "chromium-worker": (url) =>
    inChromium(async (page) => {
      await page.goto(`${url}/test/entries/empty.html`);
      return page.evaluate(WORKER);
    }),
  "chromium-service-worker": (url) =>
    inChromium(async (page) => {
      await page.goto(`${url}/test/entries/empty.html`);
      return page.evaluate(SERVICE_WORKER);
    }),
  "chromium-vite": viteReport,
  "firefox-window": (url) =>
    inFirefox((page) => pageReport(page, `${url}/test/entries/page.html`, forPuppeteer)),
  "firefox-worker": (url) =>
    inFirefox(async (page) => {
      await page.goto(`${url}/test/entries/empty.html`);
      return page.evaluate(WORKER);
    }),
};

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in RUNTIMES));
if (unknown.length > 0) {
  console.error(`there is no runtime ${unknown.join(", ")}; there is: ${Object.keys(RUNTIMES).join(", ")}`);
  process.exit(2);
}

let passed = 0;
let failed = 0;
try {
  await install();
} catch (error) {
  console.log(`the package could not be installed: ${error.message}\n0 passed, 1 failed`);
  process.exit(1);
}
const server = await serve();
try {
  const names = asked.length > 0 ? asked : Object.keys(RUNTIMES);
  const inBrowser = (name) => /^(chromium|firefox)/.test(name);
  // Two at a time: much of it is waiting.
  await Promise.all(
    [names.filter((name) => !inBrowser(name)), names.filter(inBrowser)].map(async (lane) => {
      for (const name of lane) await one(name);
    }),
  );
} finally {
  await chromium?.close().catch(() => {});
  await firefox?.close().catch(() => {});
  await server.close();
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);

async function one(name) {
  const start = Date.now();
  let report;
  try {
    report = await RUNTIMES[name](server.url);
  } catch (error) {
    report = { parts: {}, failures: [`it could not run: ${error.message}`] };
  }
  const parts = Object.entries(report.parts);
  const good = parts.reduce((sum, [, part]) => sum + part.passed, 0);
  passed += good;
  failed += report.failures.length;
  const figures = parts.map(([part, found]) => `${part} ${found.passed}`).join(", ");
  console.log(
    `${name.padEnd(24)} ${String(good).padStart(5)} passed, ${report.failures.length} failed  ${((Date.now() - start) / 1000).toFixed(1).padStart(5)} s  ${figures}`,
  );
  for (const failure of report.failures) console.log(`  ${failure}`);
}

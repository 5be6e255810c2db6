// Chromium and Firefox: in a window, in workers, and built by Vite.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CHROMIUM, LIMIT, QUIETLY, out, within } from "./place.mjs";

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
  let registration;
  const register = async (entry) => {
    registration = await navigator.serviceWorker.register("/test/entries/" + entry, { type: "module", scope: "/test/" });
    const worker = registration.installing ?? registration.waiting ?? registration.active;
    if (worker.state !== "activated")
      await new Promise((resolve) => {
        worker.onstatechange = () => { if (worker.state === "activated") resolve(); };
      });
  };
  const ask = (what) => new Promise((resolve) => {
    navigator.serviceWorker.addEventListener("message", ({ data }) => resolve(data), { once: true });
    registration.active.postMessage(what);
  });
  await register("service-worker-late.mjs");
  const late = JSON.stringify((await ask()).result);
  if (late !== '["opened","KVError,unsupported,true","KVError,unsupported,true"]') failures.push("with the entry of windows: " + late);
  await registration.unregister();
  await register("service-worker.mjs");
  const told = [JSON.stringify(await ask("smoke")), JSON.stringify(await ask("smoke"))];
  const wanted = ['{"result":[[1,1,1],[1,1,1],[1,1,1]]}', '{"result":[[1,1,2],[1,1,2],[1,1,2]]}'];
  const { result, error } = await ask("table");
  await registration.unregister();
  told.forEach((one, at) => { if (one !== wanted[at]) failures.push("it told " + one + ", not " + wanted[at]); });
  const smoke = { passed: 3 - failures.length, failed: failures.length, milliseconds: 0 };
  failures.push(...(result?.failures ?? [error]));
  return { parts: { smoke, "behaviour on indexeddb": { passed: result?.passed ?? 0, failed: 0, milliseconds: 0 } }, failures };
})()`;

let chromium;
/** Runs something in a browser context of its own. */
export async function inContext(run) {
  if (chromium === undefined) {
    const { chromium: launcher } = await import("playwright-core");
    chromium = await launcher.launch({
      executablePath: CHROMIUM,
      // Garbage is collected when a test asks for it.
      args: [...QUIETLY, "--js-flags=--expose-gc"],
    });
  }
  const context = await chromium.newContext();
  try {
    return await within(run(context), "Chromium");
  } finally {
    await context.close();
  }
}

const inChromium = (run) => inContext(async (context) => run(await context.newPage()));

let firefox;
/** Runs something in a page of its own, which may open more. */
export async function inFirefox(run) {
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
    return await within(
      run(page, () => firefox.newPage()),
      "Firefox",
    );
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

const inWorker = async (page, url) => {
  await page.goto(`${url}/test/entries/empty.html`);
  return page.evaluate(WORKER);
};
export const browsers = {
  "chromium-window": (url) =>
    inChromium((page) => pageReport(page, `${url}/test/entries/page.html`, forPlaywright)),
  "chromium-worker": (url) => inChromium((page) => inWorker(page, url)),
  "chromium-service-worker": (url) =>
    inChromium(async (page) => {
      await page.goto(`${url}/test/entries/empty.html`);
      return page.evaluate(SERVICE_WORKER);
    }),
  "chromium-vite": viteReport,
  "firefox-window": (url) =>
    inFirefox((page) => pageReport(page, `${url}/test/entries/page.html`, forPuppeteer)),
  "firefox-worker": (url) => inFirefox((page) => inWorker(page, url)),
};

/** Ends those that were begun. */
export async function end() {
  await chromium?.close().catch(() => {});
  await firefox?.close().catch(() => {});
}

// Cloudflare's workerd through miniflare: the suite in one request, a store that requests share.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { dist, out, within } from "./place.mjs";

export async function workerd() {
  const { Log, LogLevel, Miniflare } = await import("miniflare");
  const listed = (folder, type, end) =>
    readdirSync(folder, { recursive: true })
      .filter((name) => name.endsWith(end))
      .map((name) => ({ type, path: join(folder, name) }));
  const entry = join(out, "test/entries/workerd.mjs");
  const tests = listed(join(out, "test"), "ESModule", ".mjs").filter(({ path }) => !path.includes("entries"));
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

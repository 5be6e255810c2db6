// Everything that runs in every runtime.
import { backends } from "./backend.mjs";
import { behaviour, database } from "./behaviour.mjs";
import { run } from "./cases/index.mjs";

/** Node, Deno and Bun: a folder of this run's own. Workerd and browsers have none. */
async function folder() {
  if (
    globalThis.process?.versions?.node === undefined ||
    globalThis.navigator?.userAgent === "Cloudflare-Workers"
  )
    return undefined;
  const at = (name) => import(/* @vite-ignore */ `node:${name}`);
  const [{ mkdtempSync }, { tmpdir }, { join }] = await Promise.all(["fs", "os", "path"].map(at));
  return mkdtempSync(join(tmpdir(), "dataknobs-kv-"));
}

/** `modules`: what `dataknobs-kv` exports; `table`: the files of tests/behaviour and their contents. */
export async function suite(modules, conformance, table) {
  const parts = {};
  const indexeddb = () => ({ backend: "indexeddb", config: { database: database() } });
  const inBrowser = globalThis.indexedDB !== undefined;
  const files = inBrowser ? "tests" : await folder();
  const file = () => ({ backend: "file", config: { path: `${files}/${database()}.json` } });
  const zipped = () => ({ backend: "file", config: { ...file().config, compression: "gzip" } });
  const kept = [];
  if (inBrowser)
    kept.push(
      ["behaviour on indexeddb", () => behaviour(modules, table, indexeddb)],
      ["behaviour on indexeddb, reopened", () => behaviour(modules, table, indexeddb, true)],
      ["cases on indexeddb", () => run(modules, indexeddb)],
    );
  const inWindow = globalThis.document !== undefined;
  if (files !== undefined)
    kept.push(["behaviour on file", () => behaviour(modules, table, file, false, inWindow)]);
  // In windows each write of such a file takes ten times as long.
  if (files !== undefined && !inWindow)
    kept.push(["behaviour on file, reopened", () => behaviour(modules, table, zipped, true)]);
  if (files !== undefined && !inBrowser) kept.push(["cases on file", () => run(modules, file)]);
  if (inBrowser)
    kept.push(
      ["torn calls", () => run(modules, undefined, true)],
      ["torn calls on indexeddb", () => run(modules, indexeddb, true)],
    );
  const failures = [];
  for (const [name, part] of [
    ["behaviour", () => behaviour(modules, table)],
    ["cases", () => run(modules)],
    ["conformance", () => backends(modules, conformance)],
    ...kept,
  ]) {
    const start = Date.now();
    const found = await part();
    parts[name] = { passed: found.passed, failed: found.failed, milliseconds: Date.now() - start };
    failures.push(...found.failures);
  }
  return { parts, failures };
}

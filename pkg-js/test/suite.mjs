// Everything that runs in every runtime.
import { backends } from "./backend.mjs";
import { behaviour, database } from "./behaviour.mjs";
import { run } from "./cases/index.mjs";

/** `modules`: what `dataknobs-kv` exports; `table`: the files of tests/behaviour and their contents. */
export async function suite(modules, conformance, table) {
  const parts = {};
  const indexeddb = () => ({ backend: "indexeddb", config: { database: database() } });
  const file = () => ({ backend: "file", config: { path: `tests/${database()}.json` } });
  const kept =
    globalThis.indexedDB === undefined
      ? []
      : [
          ["behaviour on indexeddb", () => behaviour(modules, table, indexeddb)],
          ["behaviour on indexeddb, reopened", () => behaviour(modules, table, indexeddb, true)],
          ["cases on indexeddb", () => run(modules, indexeddb)],
          ["behaviour on file", () => behaviour(modules, table, file)],
          // In windows each write of such a file takes ten times as long.
          ...(globalThis.document === undefined
            ? [["behaviour on file, reopened", () => behaviour(modules, table, file, true)]]
            : []),
        ];
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

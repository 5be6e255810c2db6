// Everything that runs in every runtime.
import { backends } from "./backend.mjs";
import { behaviour } from "./behaviour.mjs";
import { run } from "./cases/index.mjs";

/** `modules`: what `dataknobs-kv` exports; `table`: the files of tests/behaviour and their contents. */
export async function suite(modules, conformance, table) {
  const parts = {};
  const failures = [];
  for (const [name, part] of [
    ["behaviour", () => behaviour(modules, table)],
    ["cases", () => run(modules)],
    ["conformance", () => backends(modules, conformance)],
  ]) {
    const start = Date.now();
    const found = await part();
    parts[name] = { passed: found.passed, failed: found.failed, milliseconds: Date.now() - start };
    failures.push(...found.failures);
  }
  return { parts, failures };
}

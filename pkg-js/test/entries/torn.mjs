// Calls that are torn off, in a process of their own.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as kv from "dataknobs-kv";
import { run } from "../cases/index.mjs";

const folder = mkdtempSync(join(tmpdir(), "dataknobs-kv-torn-"));
let count = 0;
const file = () => ({ backend: "file", config: { path: join(folder, `${count++}.json`) } });
const parts = {};
const failures = [];
for (const [name, defaults] of [
  ["torn calls", undefined],
  ["torn calls on file", file],
]) {
  const found = await run(kv, defaults, true);
  parts[name] = { passed: found.passed, failed: found.failed, milliseconds: 0 };
  failures.push(...found.failures);
}
rmSync(folder, { recursive: true });
console.log(`RESULT ${JSON.stringify({ parts, failures })}`);

// Node, Deno, Bun, a page with an import map, Vite: the package by its name.
import * as kv from "dataknobs-kv";
import { conformance } from "dataknobs-kv/conformance";
import { suite } from "../suite.mjs";
import table from "../table.mjs";

const report = await suite(kv, conformance, table);

if (typeof document === "undefined") {
  // Left open, with its timer: it must not keep the process alive.
  const open = await kv.KVStore.open({ cleanupInterval: 3600 });
  await open.set("a", 1);
  console.log(`RESULT ${JSON.stringify(report)}`);
} else {
  globalThis.report = report;
}

// What a browser loads for a store on memory or IndexedDB: every file gzipped, and their sum against the budget and
// the ceiling; exit 1 above the ceiling.
//   node pkg-js/test/size.mjs [folder of the package]
import { readFileSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const BUDGET = 76_800;
/** The budget is not met yet. Until it is, nothing may make the package larger than this. */
const CEILING = 180_000;
const root = resolve(process.argv[2] ?? fileURLToPath(new URL("../../target/npm/package", import.meta.url)));
const files = new Set();

/** Collects what a file imports statically, and the wasm module that it fetches. */
function load(file) {
  if (files.has(file)) return;
  files.add(file);
  if (!file.endsWith(".js")) return;
  const text = readFileSync(file, "utf8");
  const named = [
    ...text.matchAll(/(?<![\w$.])(?:import|export)\b[^;'"()]*?\bfrom\s*["']([^"']+)["']/g),
    ...text.matchAll(/(?<![\w$.])import\s*["']([^"']+)["']/g),
    ...text.matchAll(/new URL\(\s*["']([^"']+\.wasm)["']\s*,\s*import\.meta\.url\s*\)/g),
  ].map((match) => match[1]);
  for (const name of named) {
    if (!name.startsWith(".") && !name.endsWith(".wasm"))
      throw new Error(`${file} imports ${name}, which a browser cannot find`);
    const target = resolve(dirname(file), name);
    try {
      load(target);
    } catch (error) {
      // The glue names a file that its own default would fetch; the entry point names the real one.
      if (error.code !== "ENOENT" || !target.endsWith(".wasm")) throw error;
      files.delete(target);
    }
  }
}

load(resolve(root, "dist/browser.js"));
const sizes = [...files]
  .map((file) => {
    const bytes = readFileSync(file);
    return { file: relative(root, file), plain: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length };
  })
  .sort((a, b) => b.gzip - a.gzip);
const total = (field) => sizes.reduce((sum, one) => sum + one[field], 0);
const over = total("gzip") > BUDGET;
const line = (name, plain, gzip) =>
  console.log(`${name.padEnd(36)} ${String(plain).padStart(9)} ${String(gzip).padStart(9)}`);

line("file", "bytes", "gzip -9");
for (const { file, plain, gzip } of sizes) line(file, plain, gzip);
line(over ? "sum: over the budget" : "sum", total("plain"), total("gzip"));
line("budget", "", BUDGET);
line("ceiling", "", CEILING);
process.exitCode = total("gzip") > CEILING ? 1 : 0;

// What a browser loads for a store, by its backend: every file gzipped, and their sums against the budgets and the
// ceilings; exit 1 above a ceiling. A page with stores of several backends loads the scripts once and a module of each
// line, but none that has less than one that is there. What a service worker loads has the scripts of all backends.
//   node pkg-js/test/size.mjs [folder of the package]
import { readFileSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

/** The budgets are not met yet. Until they are, nothing may make the package larger than the ceilings. */
const LOADS = [
  { backend: "memory", module: "dataknobs_kv", budget: 61_440, ceiling: 105_400 },
  {
    backend: "memory, indexeddb",
    module: "dataknobs_kv_indexeddb",
    scripts: ["indexeddb"],
    budget: 76_800,
    ceiling: 123_600,
  },
  {
    backend: "memory, indexeddb, file",
    module: "dataknobs_kv_file",
    scripts: ["indexeddb", "opfs"],
    budget: 76_800,
    ceiling: 146_300,
  },
  { backend: "one's own", module: "dataknobs_kv_whole", ceiling: 172_800 },
];
const root = resolve(process.argv[2] ?? fileURLToPath(new URL("../../target/npm/package", import.meta.url)));

/** Collects what a file imports statically, and the wasm modules that it may fetch. */
function load(file, files = new Set()) {
  if (files.has(file)) return files;
  files.add(file);
  if (!file.endsWith(".js")) return files;
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
    load(target, files);
  }
  return files;
}

const entry = resolve(root, "dist/browser.js");
const always = load(entry);
/** What is fetched with the first store on a backend, by the name of its script. */
const fetched = new Map();
for (const [, file, name] of readFileSync(entry, "utf8").matchAll(/import\(["'](\.\/(\w+)-\w+\.js)["']\)/g))
  fetched.set(name, load(resolve(dirname(entry), file)));
const sizes = [...new Set([always, ...fetched.values()].flatMap((files) => [...files]))]
  .map((file) => {
    const bytes = readFileSync(file);
    return { file: relative(root, file), plain: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length };
  })
  .sort((a, b) => b.gzip - a.gzip);
const line = (name, ...numbers) =>
  console.log([name.padEnd(36), ...numbers.map((number) => String(number).padStart(9))].join(" "));

line("file", "bytes", "gzip -9");
for (const { file, plain, gzip } of sizes) line(file, plain, gzip);
line("\nbackend", "gzip -9", "budget", "ceiling");
for (const { backend, module, scripts = [], budget = "", ceiling } of LOADS) {
  const files = new Set(
    [...always].filter((file) => file.endsWith(".js") || file.endsWith(`/${module}_bg.wasm`)),
  );
  for (const script of scripts) for (const file of fetched.get(script)) files.add(file);
  const loaded = sizes.filter(({ file }) => files.has(resolve(root, file)));
  const sum = loaded.reduce((all, { gzip }) => all + gzip, 0);
  line(backend, sum, budget, ceiling);
  if (sum > ceiling) process.exitCode = 1;
}

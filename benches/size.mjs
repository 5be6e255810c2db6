/** What a browser loads for the memory backend: the scripts that the entry imports, and the smallest wasm module. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";

export const contenders = ["kv"];
export const single = true;
export const unit = "KB";
export const rows = [{ id: "size", work: "gzip of what a browser loads for memory", most: 60 }];

/** The files that an entry reaches by `import … from`, `export … from` and `new URL(…, import.meta.url)`. */
export function reached(entry) {
  const found = new Set();
  const visit = (path) => {
    if (found.has(path)) return;
    found.add(path);
    if (path.endsWith(".wasm")) return;
    const text = readFileSync(path, "utf8");
    const names = [
      ...text.matchAll(/\b(?:from|import)\s*["'](\.[^"']+)["']/g),
      ...text.matchAll(/new URL\(\s*["']([^"']+)["']\s*,\s*import\.meta\.url/g),
    ].map((match) => join(dirname(path), match[1]));
    for (const name of names) if (existsSync(name)) visit(name);
  };
  visit(entry);
  return [...found];
}

export async function measure(_, { packagePath }) {
  const all = reached(join(packagePath, "dist/browser.js"));
  const files = all.filter((file) => !file.endsWith(".wasm") || file.endsWith("/dataknobs_kv_bg.wasm"));
  const packed = files.map((file) => gzipSync(readFileSync(file), { level: 9 }).length);
  const wasm = packed.filter((_, at) => files[at].endsWith(".wasm")).reduce((a, b) => a + b, 0);
  const sum = packed.reduce((a, b) => a + b, 0);
  const kb = (bytes) => bytes / 1_000;
  return {
    results: { size: kb(sum) },
    notes: [`${files.length} files: wasm ${kb(wasm).toFixed(1)}, JavaScript ${kb(sum - wasm).toFixed(1)} KB`],
  };
}

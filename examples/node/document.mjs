// Loads a JSON document into a store, one key a value, and answers patterns on it:
// `node document.mjs FILE.json [PATTERN...]`.
import { readFile } from "node:fs/promises";
import { KVStore } from "dataknobs-kv";

/** Every value of a document under its path: names and indexes joined by dots. However deep, it needs no stack. */
function* flatten(document) {
  const left = [["", document]];
  while (left.length > 0) {
    const [path, value] = left.pop();
    const inner = value !== null && typeof value === "object" ? Object.entries(value).reverse() : [];
    if (inner.length === 0) yield [path || "document", value];
    for (const [name, one] of inner) left.push([`${path && `${path}.`}${segment(name)}`, one]);
  }
}

/** A name as one segment of a key: no dot, no control character, not empty. */
const segment = (name) => name.replace(/[.\p{Cc}]/gu, "_") || "_";

/** Writes a batch. What the store refuses (a path that is no key) it halves, until what remains is only that. */
async function load(batch) {
  try {
    await store.setMany(batch);
    return [];
  } catch (error) {
    if (error.code !== "invalid-key" && error.code !== "invalid-argument") throw error;
    if (batch.length === 1) return [error];
    const half = batch.length >> 1;
    return [...(await load(batch.slice(0, half))), ...(await load(batch.slice(half)))];
  }
}

const [file, ...given] = process.argv.slice(2);
if (file === undefined) {
  console.error("usage: node document.mjs FILE.json [PATTERN...]");
  process.exit(2);
}
let document;
try {
  document = JSON.parse((await readFile(file, "utf8")).replace(/^\uFEFF/, ""));
} catch (error) {
  console.error(`${file}: ${error.message}`);
  process.exit(1);
}
const store = await KVStore.open({ namespace: "document" });
const values = [...flatten(document)];
const began = performance.now();
const refused = await load(values);
const loaded = performance.now() - began;
console.log(`${file}: ${await store.countPattern("**")} keys of ${values.length} values in ${loaded.toFixed(1)} ms`);
if (refused.length > 0)
  console.error(`${refused.length} left out, as their paths are no keys or their values cannot be stored; the first: ${refused[0].message}`);
const keys = new Set();
const twice = values.map(([key]) => key).filter((key) => keys.has(key) || !keys.add(key));
if (twice.length > 0)
  console.error(`${twice.length} written over the value of another path that becomes the same key; the first: ${twice[0]}`);

for (const pattern of given.length > 0 ? given : ["*", "**.version", "**.{license,name}", "packages.*types*.**"]) {
  const start = performance.now();
  const found = await store.getPattern(pattern);
  const took = performance.now() - start;
  console.log(`\n${pattern}: ${found.size} keys in ${took.toFixed(2)} ms`);
  for (const [key, value] of [...found].slice(0, 4)) console.log(`  ${key} = ${JSON.stringify(value)}`);
}
await store.close();

// Loads a JSON document into a store, one key a value, and answers patterns on it:
// `node document.mjs FILE.json [PATTERN...]`.
import { readFile } from "node:fs/promises";
import { KVStore } from "dataknobs-kv";

/** Every value of a document under its path: names and indexes joined by dots. */
function* flatten(value, path = []) {
  if (value !== null && typeof value === "object" && Object.keys(value).length > 0) {
    for (const [name, inner] of Object.entries(value)) yield* flatten(inner, [...path, segment(name)]);
  } else {
    yield [path.join(".") || "document", value];
  }
}

/** A name as one segment of a key: no dot, no control character, not empty. */
const segment = (name) => name.replace(/[.\p{Cc}]/gu, "_") || "_";

const [file, ...given] = process.argv.slice(2);
if (file === undefined) {
  console.error("usage: node document.mjs FILE.json [PATTERN...]");
  process.exit(2);
}
let document;
try {
  document = JSON.parse(await readFile(file, "utf8"));
} catch (error) {
  console.error(`${file}: ${error.message}`);
  process.exit(1);
}
const store = await KVStore.open({ namespace: "document" });
const values = [...flatten(document)];
// A name may be longer than a key may be.
const entries = values.filter(([key]) => Buffer.byteLength(key) <= 512);
if (entries.length < values.length)
  console.error(`${file}: ${values.length - entries.length} values are left out: their paths are no keys, over 512 bytes`);
const began = performance.now();
await store.setMany(entries);
const loaded = performance.now() - began;
console.log(`${file}: ${await store.countPattern("**")} keys of ${values.length} values in ${loaded.toFixed(1)} ms`);

for (const pattern of given.length > 0 ? given : ["*", "**.version", "**.{license,name}", "packages.*types*.**"]) {
  const start = performance.now();
  const found = await store.getPattern(pattern);
  const took = performance.now() - start;
  console.log(`\n${pattern}: ${found.size} keys in ${took.toFixed(2)} ms`);
  for (const [key, value] of [...found].slice(0, 4)) console.log(`  ${key} = ${JSON.stringify(value)}`);
}
await store.close();

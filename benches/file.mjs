/** A file: 10,000 values of 200 bytes, asked for at once, each acknowledged; and what is in it when it is opened. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileStore } from "./contenders.mjs";
import { allKeys, flat } from "./data.mjs";

const COUNT = 10_000;
const value = (at) => flat(`${String(at).padStart(8, "0")}${"v".repeat(192)}`);

/** A folder that is gone with the process. */
function folder() {
  const path = mkdtempSync(join(tmpdir(), "dataknobs-kv-bench-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export const sets = {
  contenders: ["kv", "unstorageFs"],
  rows: [
    { id: "file sets", work: "file: 10,000 sets of 200 B at once, a key", floor: { unstorageFs: 20 } },
    { id: "file folds", work: "the same, with the time in which it folds its journal" },
  ],
  async prepare(name, options) {
    const { path, remove } = folder();
    const { store, key, set, get, close } = await fileStore(name, path, options);
    const keys = allKeys().slice(0, COUNT).map(key);
    const values = keys.map((_, at) => value(at));
    let round = 0;
    /** Until each is acknowledged. */
    const run = async () => {
      const first = round++;
      await Promise.all(keys.map((one, at) => store[set](one, values[(at + first) % COUNT])));
    };
    const folded = async () => {
      await run();
      await new Promise((resolve) => setImmediate(resolve));
    };
    await run();
    if ((await store[get](keys[7])) !== values[7]) throw new Error(`${name}: it gave another value`);
    return {
      rows: {
        "file sets": [{ run, operations: COUNT }],
        "file folds": [{ run: folded, operations: COUNT }],
      },
      async close() {
        await close();
        remove();
      },
    };
  },
};

export const opened = {
  contenders: ["kv", "json"],
  rows: [
    {
      id: "file open",
      work: "file: opened and closed, 100,000 entries of 200 B",
      floor: { json: 0.5 },
    },
  ],
  async prepare(name, options) {
    const { path, remove } = folder();
    const keys = allKeys();
    const filled = await fileStore("kv", path, options);
    await filled.store.setMany(keys.map((key, at) => [key, value(at)]));
    await filled.close();
    const file = join(path, "store.json");
    const ways = {
      async kv() {
        const { store, close } = await fileStore("kv", path, options);
        if ((await store.get(keys[7])) !== value(7)) throw new Error("it gave another value");
        await close();
      },
      json() {
        JSON.parse(readFileSync(file, "utf8"));
      },
    };
    return { rows: { "file open": [{ run: ways[name], operations: 1 }] }, close: remove };
  },
};

/** Memory beyond the texts of the keys and the values, at a million keys. */
import { openOurs } from "./contenders.mjs";
import { flat } from "./data.mjs";

const COUNT = 1_000_000;
/** One key of so many ends in `error`. */
const ERRORS = 1_000;
export const contenders = ["kv"];
export const single = true;
export const unit = "bytes";

export const rows = [
  { id: "memory", work: "memory beyond key text and value, 1M keys, a key", most: 140 },
  { id: "memory indexed", work: 'the same after the first `keys("**.error")`', most: 140 },
  { id: "memory listed", work: 'the same after `keys("**")`, which keeps the texts of all keys' },
];

const FIELDS = ["name", "email", "age", "city"];
const keyOf = (at) => `users.${at >> 2}.${at % ERRORS === 0 ? "error" : FIELDS[at & 3]}`;

/** Every wasm memory of this process: they are not in `heapUsed`. */
const memories = [];
function watchMemories() {
  const instantiate = WebAssembly.instantiate;
  WebAssembly.instantiate = async (...words) => {
    const made = await instantiate(...words);
    for (const one of Object.values((made.instance ?? made).exports))
      if (one instanceof WebAssembly.Memory) memories.push(one);
    return made;
  };
}

function used() {
  for (let pass = 0; pass < 4; pass++) globalThis.gc();
  const { heapUsed, rss } = process.memoryUsage();
  const wasm = memories.reduce((sum, one) => sum + one.buffer.byteLength, 0);
  return { heap: heapUsed, wasm, rss };
}

/** What each row measures: bytes a key, of which so many in wasm and so many on the JavaScript heap. */
export async function measure(_, { packagePath }) {
  watchMemories();
  const store = await openOurs(packagePath);
  // The values are there before the count begins, so that what they take is not in it.
  const values = Array.from({ length: COUNT }, (_, at) => flat(`value ${at}`));
  await store.keys("a.*");
  if (memories.length === 0) throw new Error("the module was made in a way that this does not see");
  const before = used();
  let text = 0;
  for (let at = 0; at < COUNT; at++) {
    const key = keyOf(at);
    text += key.length;
    await store.set(key, values[at]);
  }
  const notes = [];
  const results = {};
  const count = (row) => {
    const { heap, wasm, rss } = used();
    const each = (now, then, less = 0) => (now - then - less) / COUNT;
    results[row] = each(heap + wasm, before.heap + before.wasm, text);
    notes.push(
      `${row}: wasm ${each(wasm, before.wasm).toFixed(1)} (key text of ${(text / COUNT).toFixed(1)} included), ` +
        `JavaScript heap ${each(heap, before.heap).toFixed(1)}, resident ${each(rss, before.rss).toFixed(1)} bytes a key`,
    );
  };
  count("memory");
  const errors = await store.keys("**.error");
  if (errors.length !== COUNT / ERRORS) throw new Error(`**.error found ${errors.length}`);
  errors.length = 0;
  count("memory indexed");
  (await store.keys("**")).length = 0;
  count("memory listed");
  if ((await store.get(keyOf(5))) !== values[5]) throw new Error("a value was lost");
  return { results, notes };
}

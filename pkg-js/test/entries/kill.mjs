// Writes until the browser is killed, in a page and a worker of it; says of each write that it was
// acknowledged, and when it begins again, what is there. What a write is follows from its number alone.
import { KVStore } from "../../node_modules/dataknobs-kv/dist/browser.js";
import { number, sealed } from "./sealed.mjs";

const inPage = typeof document !== "undefined";
const WRITERS = inPage ? [0, 1] : [2, 3];
/** So many writes may have been acknowledged without the word of it having come through. */
const UNHEARD = 100;
const server = new URL(location.href).searchParams.get("server");
const tell = (what) => fetch(server, { method: "POST", body: JSON.stringify(what) });

const large = (at) => 8 + ((at * 7919) % 40_000);
const KINDS = [
  (who, at) => ({ put: [`large.${who}.${(at * 7) % 40}`], length: large(at) }),
  (who) => ({ put: [0, 1, 2, 3].map((one) => `many.${who}.${one}`), length: 300 }),
  (who, at) => (at % 10 > 4 ? { gone: `one.${who}` } : { put: [`one.${who}`], length: 40 }),
  (who) => ({ counted: `n.${who}` }),
  (who) => ({ atomic: [`x.${who}`, `y.${who}`], length: 2000 }),
];
const write = (who, at) => KINDS[at % KINDS.length](who, at);

async function make(store, who, at) {
  const { put, gone, counted, atomic, length } = write(who, at);
  if (put?.length === 1) await store.set(put[0], sealed(at, length));
  else if (put !== undefined) await store.setMany(put.map((key) => [key, sealed(at, length)]));
  else if (gone !== undefined) await store.delete(gone);
  else if (counted !== undefined) await store.increment(counted);
  else await atomic.reduce((all, key) => all.set(key, sealed(at, length)), store.atomic()).commit();
}

/** Adds a write to what is to be there. */
function expect(model, who, at) {
  const { put, gone, counted, atomic } = write(who, at);
  for (const key of put ?? atomic ?? []) model.set(key, at);
  if (gone !== undefined) model.delete(gone);
  if (counted !== undefined) model.set(counted, (model.get(counted) ?? 0) + 1);
}

const difference = (found, model) =>
  found.size === model.size
    ? [...model].find(([key, at]) => found.get(key) !== at)?.[0]
    : `the number of keys, ${found.size} and ${model.size},`;

/** After which write of this writer is the store? Not before the last that is known. */
async function reached(store, who, known) {
  const found = new Map();
  for (const [key, value] of await store.getPattern(`*.${who}.**`)) found.set(key, value);
  for (const key of [`n.${who}`, `one.${who}`, `x.${who}`, `y.${who}`])
    if (await store.exists(key)) found.set(key, await store.get(key));
  for (const [key, value] of found) {
    const told = typeof value === "number" ? value : number(value);
    if (told === undefined) throw new Error(`${key} is damaged`);
    found.set(key, told);
  }
  const model = new Map();
  for (let at = 1; at <= known; at++) expect(model, who, at);
  const fault = difference(found, model);
  for (let at = known; at <= known + UNHEARD; at++) {
    if (difference(found, model) === undefined) return at;
    expect(model, who, at + 1);
  }
  throw new Error(`after write ${known} of writer ${who}, ${fault} is not as it was acknowledged`);
}

async function main() {
  const config = { database: "killed", durability: "strict" };
  const store = await KVStore.open({ backend: "indexeddb", config });
  const known = await (await fetch(server)).json();
  const at = {};
  for (const who of WRITERS) at[who] = await reached(store, who, known[who] ?? 0);
  await tell({ opened: at });
  await Promise.all(
    WRITERS.map(async (who) => {
      for (let next = at[who] + 1; ; next++) {
        await make(store, who, next);
        tell({ who, at: next }).catch(() => {});
      }
    }),
  );
}

if (inPage) new Worker(location.href.replace("kill.html", "kill.mjs"), { type: "module" });
main().catch((error) => tell({ error: String(error?.stack ?? error) }));

// What one tab of several does: a page imports it, a worker runs it.
import { KVStore } from "../../node_modules/dataknobs-kv/dist/browser.js";
export { number, sealed } from "../cases/sealed.mjs";

/** Opens a store over a database. */
export const open = (database, config = {}) =>
  KVStore.open({ backend: "indexeddb", config: { database, ...config } });

/** Everything at once, `rounds` times: what may be lost would be missing in the sums. */
export async function hammer({ database, mark, rounds }) {
  const store = await open(database);
  const swap = async () => {
    for (;;) {
      const old = await store.get("swapped");
      if (await store.compareAndSwap("swapped", old, (old ?? 0) + 1)) return;
    }
  };
  const move = async () => {
    for (;;) {
      const [from, to] = [await store.getEntry("from"), await store.getEntry("to")];
      const { ok } = await store
        .atomic()
        .check("from", from?.version ?? null)
        .check("to", to?.version ?? null)
        .set("from", (from?.value ?? 0) - 1)
        .set("to", (to?.value ?? 0) + 1)
        .commit();
      if (ok) return;
    }
  };
  for (let round = 0; round < rounds; round++) {
    const rows = Array.from({ length: 6 }, (_, at) => [`rows.${mark}.${round}.${at}`, `${at}`.repeat(3000)]);
    await Promise.all([
      store.increment("n"),
      swap(),
      move(),
      store.setMany(rows),
      store.update("updated", (old = 0) => old + 1),
    ]);
    await store.deleteMany(rows.slice(0, 2).map(([key]) => key));
  }
  await store.close();
  return rounds;
}

/** What is to be said of the sums once `total` rounds are done; nothing where they are right. */
export async function sums({ database, total }) {
  const store = await open(database, { consistency: "strong" });
  const found = await store.getMany(["n", "swapped", "from", "to", "updated"]);
  const rows = await store.getPattern("rows.**");
  await store.close();
  const faults = [];
  const wanted = [total, total, -total, total, total];
  if (found.join() !== wanted.join()) faults.push(`the sums are ${found.join()}, not ${wanted.join()}`);
  if (rows.size !== total * 4) faults.push(`there are ${rows.size} rows, not ${total * 4}`);
  for (const [key, value] of rows)
    if (value !== key.at(-1).repeat(3000)) faults.push(`${key} is ${value.slice(0, 20)}`);
  return faults;
}

if (typeof document === "undefined")
  globalThis.onmessage = ({ data }) => {
    hammer(data).then(
      (rounds) => postMessage({ rounds }),
      (error) => postMessage({ error: String(error) }),
    );
  };

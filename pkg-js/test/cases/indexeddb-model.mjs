// Stores in IndexedDB against a Map: two tabs in turn and at once, merging, folding, closing and opening.
import { show } from "../behaviour.mjs";
import { same } from "./check.mjs";
import { deaf, dice, kept, long, manifestOf, tab } from "./tabs.mjs";

const KEYS = 120;

/** One change of the store and of the model, whose results are to be the same. */
const CHANGES = [
  async (store, model, key, roll) => {
    const value = long(roll(1e9), 20 + roll(roll(4) === 0 ? 200_000 : 9000));
    model.set(key, value);
    return [await store.set(key, value), true];
  },
  async (store, model, key) => [await store.delete(key), model.delete(key)],
  async (store, model, key, roll) => {
    const value = { at: roll(1e9), list: [1, null] };
    const absent = !model.has(key);
    if (absent) model.set(key, value);
    return [await store.set(key, value, { ifAbsent: true }), absent];
  },
  async (store, model, key, roll) => {
    const old = roll(3) === 0 ? roll(5) : model.get(key);
    const holds = same(old, model.get(key));
    if (holds) model.set(key, 7);
    return [await store.compareAndSwap(key, old, 7), holds];
  },
  async (store, model, _, roll) => {
    const from = roll(KEYS);
    const rows = Array.from({ length: 1 + roll(20) }, (__, at) => [`k.${from + at}`, long(at, roll(24_000))]);
    for (const [key, value] of rows) model.set(key, value);
    return [(await store.setMany(rows)).length, rows.length];
  },
  async (store, model, _, roll) => {
    const keys = Array.from({ length: roll(20) }, (__, at) => `k.${roll(KEYS) + at}`);
    const found = new Set(keys.filter((key) => model.has(key)));
    for (const key of found) model.delete(key);
    return [await store.deleteMany(keys), found.size];
  },
  async (store, model, key, roll) => {
    const next = `k.${roll(KEYS)}`;
    const value = model.get(key);
    if (value !== undefined) {
      model.delete(key);
      model.set(next, value);
    }
    return [await store.rename(key, next), value !== undefined];
  },
  async (store, model) => {
    model.set("n", (model.get("n") ?? 0) + 1);
    return [await store.increment("n"), model.get("n")];
  },
];

/** Where the store holds anything else than the model. */
async function difference(store, model) {
  const found = await store.getPattern("**");
  for (const [key, value] of model)
    if (!same(found.get(key), value)) return `${key} is ${show(found.get(key))}, not ${show(value)}`;
  const more = [...found.keys()].find((key) => !model.has(key));
  return more === undefined ? undefined : `${more} is there`;
}

for (const seed of [1, 2, 3]) {
  kept(`two tabs are what a Map is, also after opening again (${seed})`, async (t, database) => {
    const roll = dice(seed);
    const model = new Map();
    const open = [tab, deaf, tab];
    const stores = await Promise.all(open.map((how) => how(t, database)));
    let manifests = 0;
    for (let round = 0; round < 700; round++) {
      const at = roll(stores.length);
      if (roll(60) === 0) {
        await stores[at].close();
        stores[at] = await open[at](t, database);
      }
      const store = stores[at];
      // Another tab, at the same time, where the model cannot tell who is first but need not.
      const beside = roll(3) === 0 ? stores[(at + 1) % 3].increment("beside") : undefined;
      if (beside !== undefined) model.set("beside", (model.get("beside") ?? 0) + 1);
      const change = CHANGES[roll(CHANGES.length)];
      const [found, wanted] = await change(store, model, `k.${roll(KEYS)}`, roll);
      await beside;
      if (!same(found, wanted)) t.equal(found, wanted, `round ${round}, ${change}`);
      if (round % 100 === 99) {
        for (const one of stores) {
          await one.increment("looks");
          model.set("looks", (model.get("looks") ?? 0) + 1);
          t.equal(await difference(one, model), undefined, `the difference after round ${round}`);
        }
        const fresh = await tab(t, database);
        t.equal(await difference(fresh, model), undefined, `the difference when opened after round ${round}`);
        await fresh.close();
        manifests = Math.max(manifests, (await manifestOf(database)).epoch);
      }
    }
    t.ok(manifests > 1, `it was folded in ${manifests} steps`);
  });
}

kept("tabs that fold while others write lose nothing", async (t, database) => {
  const stores = [await tab(t, database), await tab(t, database), await tab(t, database)];
  const models = stores.map(() => new Map());
  // Each tab has keys of its own, between those of the others: their pages are the same.
  await Promise.all(
    stores.map(async (store, at) => {
      const roll = dice(at + 10);
      for (let round = 0; round < 60; round++) {
        const rows = Array.from({ length: 6 }, () => [
          `k.${roll(80)}.${at}`,
          long(`${at} ${round}`, 16_000 + roll(30_000)),
        ]);
        for (const [key, value] of rows) models[at].set(key, value);
        await store.setMany(rows);
        const gone = `k.${roll(80)}.${at}`;
        models[at].delete(gone);
        await store.delete(gone);
      }
    }),
  );
  const model = new Map(models.flatMap((one) => [...one]));
  for (const store of stores) await store.close();
  const again = await tab(t, database);
  t.equal(await difference(again, model), undefined, "the difference");
  const manifest = await manifestOf(database);
  t.ok(manifest.pages.length > 10, `there are ${manifest.pages.length} pages`);
});

// Writes that follow from their number alone, so that what is to be there after a kill follows from the last
// one that was acknowledged.
import { number, sealed } from "../cases/sealed.mjs";

/** So many writes may have been acknowledged without the word of it having come through. */
const UNHEARD = 1000;

const large = (at) => 8 + ((at * 7919) % 40_000);
const KINDS = [
  (who, at) => ({ put: [`large.${who}.${(at * 7) % 40}`], length: large(at) }),
  (who) => ({ put: [0, 1, 2, 3].map((one) => `many.${who}.${one}`), length: 300 }),
  (who, at) => (at % 10 > 4 ? { gone: `one.${who}` } : { put: [`one.${who}`], length: 40 }),
  (who) => ({ counted: `n.${who}` }),
  (who) => ({ atomic: [`x.${who}`, `y.${who}`], length: 2000 }),
];
const write = (who, at) => KINDS[at % KINDS.length](who, at);

/** Makes a write of a writer. */
export async function make(store, who, at) {
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
export async function reached(store, who, known) {
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
  const last = Math.max(...found.values());
  throw new Error(
    `after write ${known} of writer ${who}, ${fault} is not as it was acknowledged; the last that is there is ${last}`,
  );
}

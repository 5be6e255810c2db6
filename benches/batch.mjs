/** 1,000 short strings in one call, scattered over 100,000 keys. */
import { load, openContender } from "./contenders.mjs";
import { allKeys, hotKeys, shortText } from "./data.mjs";

export const contenders = ["kv", "keyv", "unstorage"];

export const rows = [
  {
    id: "setMany",
    work: "`setMany` of 1,000, a key",
    floor: { keyv: 10, unstorage: 6 },
    aim: { keyv: 14, unstorage: 9 },
  },
  {
    id: "getMany",
    work: "`getMany` of 1,000, a key",
    floor: { keyv: 22, unstorage: 12 },
    aim: { keyv: 39, unstorage: 23 },
  },
];

/** Batches warm up late: so many calls before the first round. */
const WARM = 400;

export async function prepare(name, options) {
  const contender = await openContender(name, options);
  const keys = allKeys();
  await load(
    contender,
    keys,
    keys.map((_, at) => shortText(at)),
  );
  const hot = hotKeys(keys).map(contender.key);
  const values = hot.map((_, at) => shortText(at));
  const entries = contender.entries(hot, values);
  const { store, setMany, getMany, itemValue, close } = contender;
  const set = () => store[setMany](entries);
  const get = () => store[getMany](hot);
  await set();
  const got = (await get()).map(itemValue);
  if (got.some((value, at) => value !== values[at])) throw new Error(`${name}: getMany gave other values`);
  for (let call = 0; call < WARM; call++) {
    await set();
    await get();
  }
  const timed = (run) => [{ run, operations: hot.length }];
  return { rows: { setMany: timed(set), getMany: timed(get) }, close };
}

/** Single awaited calls on 1,000 scattered hot keys of 100,000. */
import { isDeepStrictEqual } from "node:util";
import { load, openContender } from "./contenders.mjs";
import { allKeys, hotKeys, record, shortText } from "./data.mjs";

const contenders = ["kv", "keyv", "unstorage"];

const group = (what, make, set, get, check) => ({
  contenders,
  rows: [
    { id: `set ${what.id}`, work: `\`set\` ${what.text}`, ...set },
    { id: `get ${what.id}`, work: `\`get\` ${what.text}`, ...get },
  ],
  async prepare(name, options) {
    const contender = await openContender(name, options);
    const keys = allKeys();
    await load(
      contender,
      keys,
      keys.map((_, at) => make(at)),
    );
    const hot = hotKeys(keys).map(contender.key);
    const values = hot.map((_, at) => make(at));
    const notes = check === undefined ? [] : [await check(contender, hot[0], make)];
    const { store } = contender;
    const ways = WAYS[contender.set](store, hot, values);
    for (let pass = 0; pass < 20; pass++) {
      for (const way of ways) await way();
    }
    const timed = (run) => [{ run, operations: hot.length }];
    return {
      rows: { [`set ${what.id}`]: timed(ways[0]), [`get ${what.id}`]: timed(ways[1]) },
      notes,
      close: contender.close,
    };
  },
});

const lost = (key) => {
  throw new Error(`${key} is not there`);
};

/** The loops by the methods' names, so that each call is one that a program would write. */
const WAYS = {
  set: (store, keys, values) => [
    async () => {
      for (let at = 0; at < keys.length; at++) await store.set(keys[at], values[at]);
    },
    async () => {
      for (let at = 0; at < keys.length; at++) {
        if ((await store.get(keys[at])) === undefined) lost(keys[at]);
      }
    },
  ],
  setItem: (store, keys, values) => [
    async () => {
      for (let at = 0; at < keys.length; at++) await store.setItem(keys[at], values[at]);
    },
    async () => {
      for (let at = 0; at < keys.length; at++) {
        if ((await store.getItem(keys[at])) === null) lost(keys[at]);
      }
    },
  ],
};

/** Does what comes out equal what went in, and can the caller change neither? */
async function isolated({ store, set, get }, key, make) {
  const given = make(1);
  await store[set](key, given);
  given.profile.address.geo.latitude = 0;
  const first = await store[get](key);
  const right = isDeepStrictEqual(first, make(1));
  first.sessions.length = 0;
  const second = await store[get](key);
  const kept = isDeepStrictEqual(second, make(1));
  return `objects ${right ? "come back equal" : "come back CHANGED"}, ${right && kept ? "isolated" : "NOT isolated"}`;
}

export const text = group(
  { id: "text", text: "a short string, awaited" },
  shortText,
  { floor: { keyv: 5.5, unstorage: 2.8 }, aim: { keyv: 7, unstorage: 3.5 } },
  { floor: { keyv: 12, unstorage: 4 }, aim: { keyv: 18, unstorage: 5.5 } },
);

export const object = group(
  { id: "object", text: "an object of 0.9 KB in 14 objects, awaited" },
  record,
  { floor: { keyv: 6.5, unstorage: 2.8 }, aim: { keyv: 8, unstorage: 3.5 } },
  { floor: { keyv: 11, unstorage: 4 }, aim: { keyv: 14, unstorage: 5 } },
  isolated,
);

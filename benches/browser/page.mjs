// The page of the benchmark: IndexedDB through this package, idb-keyval and Dexie, in turns.
import { KVStore } from "/package/dist/browser.js";
import * as idb from "/peers/idb-keyval/dist/index.js";
import Dexie from "/peers/dexie/dist/modern/dexie.mjs";

const LARGE = 10_000;
const SMALL = 1_000;
const text = (at) => `${String(at).padStart(8, "0")}-`.padEnd(200, "abcdefghijklmnopqrstuvwxyz");
const key = (at) => `users.${String(at).padStart(5, "0")}.name`;
const entries = (count, salt) => Array.from({ length: count }, (_, at) => [key(at), text(at + salt)]);
const keys = (count) => Array.from({ length: count }, (_, at) => key(at));

const kv = (database) => KVStore.open({ backend: "indexeddb", config: { database }, autoCleanup: false });
const dexie = (name) => {
  const db = new Dexie(name);
  // The key apart from the value, as the others have it.
  db.version(1).stores({ kv: "" });
  return db;
};

/** What each contender does of each row. Keys that are there are written over, but for the first time. */
const CONTENDERS = {
  kv: {
    open: () => kv("bench-kv"),
    close: (store) => store.close(),
    setsAtOnce: (store, salt) => Promise.all(entries(SMALL, salt).map(([k, v]) => store.set(k, v))),
    setMany: (store, salt) => store.setMany(entries(LARGE, salt)),
    getMany: (store) => store.getMany(keys(LARGE)),
    getsAtOnce: (store) => Promise.all(keys(SMALL).map((k) => store.get(k))),
    async cold() {
      const store = await kv("bench-kv");
      const value = await store.get(key(5));
      return [store, value];
    },
    async setsInTurn(store, salt) {
      for (const [k, v] of entries(SMALL, salt)) await store.set(k, v);
    },
    keys: (store) => store.keys("users.012*.*"),
  },
  idb: {
    open: async () => idb.createStore("bench-idb", "kv"),
    close: () => {},
    setsAtOnce: (store, salt) => Promise.all(entries(SMALL, salt).map(([k, v]) => idb.set(k, v, store))),
    setMany: (store, salt) => idb.setMany(entries(LARGE, salt), store),
    getMany: (store) => idb.getMany(keys(LARGE), store),
    getsAtOnce: (store) => Promise.all(keys(SMALL).map((k) => idb.get(k, store))),
    async cold() {
      const all = new Map(await idb.entries(idb.createStore("bench-idb", "kv")));
      return [undefined, all.get(key(5))];
    },
    async setsInTurn(store, salt) {
      for (const [k, v] of entries(SMALL, salt)) await idb.set(k, v, store);
    },
  },
  dexie: {
    async open() {
      const db = dexie("bench-dexie");
      await db.open();
      return db;
    },
    close: (db) => db.close(),
    setsAtOnce: (db, salt) => Promise.all(entries(SMALL, salt).map(([k, v]) => db.kv.put(v, k))),
    setMany: (db, salt) => {
      const list = entries(LARGE, salt);
      return db.kv.bulkPut(
        list.map((one) => one[1]),
        list.map((one) => one[0]),
      );
    },
    getMany: (db) => db.kv.bulkGet(keys(LARGE)),
    getsAtOnce: (db) => Promise.all(keys(SMALL).map((k) => db.kv.get(k))),
    async cold() {
      const db = dexie("bench-dexie");
      await db.open();
      const [names, values] = await Promise.all([db.kv.toCollection().primaryKeys(), db.kv.toArray()]);
      const all = new Map(names.map((name, at) => [name, values[at]]));
      return [db, all.get(key(5))];
    },
    async setsInTurn(db, salt) {
      for (const [k, v] of entries(SMALL, salt)) await db.kv.put(v, k);
    },
    keys: (db) => db.kv.where(":id").startsWith("users.012").primaryKeys(),
  },
};

/** Does the result say that the work was done? */
const DONE = {
  getMany: (found) => found.length === LARGE && found[7].length === 200,
  getsAtOnce: (found) => found.length === SMALL && found[7].length === 200,
  cold: ([, value]) => value?.length === 200,
  keys: (found) => found.length === 100,
};

let salt = 0;

/** The times of a row in milliseconds, by contender: `rounds` each, in turns. `repeat`: calls in one time. */
globalThis.measure = async (row, rounds, repeat) => {
  const times = {};
  const names = Object.keys(CONTENDERS).filter((name) => CONTENDERS[name][row] !== undefined);
  const stores = {};
  for (const name of names) {
    stores[name] = await CONTENDERS[name].open();
    await CONTENDERS[name].setMany(stores[name], ++salt);
    times[name] = [];
    if (row === "cold") await CONTENDERS[name].close(stores[name]);
  }
  // One round to warm up.
  for (let round = -1; round < rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const contender = CONTENDERS[name];
      await new Promise((resolve) => {
        setTimeout(resolve, 5);
      });
      salt += 1;
      const start = performance.now();
      let result;
      for (let at = 0; at < repeat; at++) {
        result = await contender[row](stores[name], salt);
        if (row === "cold" && at + 1 < repeat) throw new Error("a cold open is not repeated");
      }
      const took = (performance.now() - start) / repeat;
      if (DONE[row]?.(result) === false) throw new Error(`${row} of ${name} gave something else`);
      if (row === "cold" && result[0] !== undefined) await contender.close(result[0]);
      if (round >= 0) times[name].push(took);
    }
  }
  if (row !== "cold") for (const name of names) await CONTENDERS[name].close(stores[name]);
  return times;
};
globalThis.ready = true;

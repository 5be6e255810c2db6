// What the cases about IndexedDB are written with: stores on one database as if in several tabs, and a
// browser that fails.
import { sleep, test } from "./check.mjs";

/** A case that runs where stores are kept in IndexedDB, once. `database`: a name of its own. */
export const kept = (name, run) =>
  test(`indexeddb: ${name}`, async (t) => {
    const { backend, config } = t.defaults();
    if (backend === "indexeddb") await run(t, config.database);
  });

export const optionsOf = (database, more = {}) => {
  const { durability, consistency, ...options } = more;
  return { backend: "indexeddb", config: { database, durability, consistency }, ...options };
};

/** A store as in another tab. */
export const tab = (t, database, more) => t.open(optionsOf(database, more));

/** The same, which hears nothing of what others write. */
export async function deaf(t, database, more) {
  const { BroadcastChannel } = globalThis;
  globalThis.BroadcastChannel = undefined;
  try {
    return await tab(t, database, more);
  } finally {
    globalThis.BroadcastChannel = BroadcastChannel;
  }
}

/** Waits until it is so. */
export async function soon(t, holds, what) {
  for (let round = 0; round < 1000; round++) {
    if (await holds()) return t.ok(true, what);
    await sleep(5);
  }
  t.ok(false, what);
}

const result = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
    request.onblocked = () => reject(new Error("blocked"));
  });

/** Deletes the database; a store that is open must not block that. */
export const deleted = (database) => result(indexedDB.deleteDatabase(database));

/** Opens the database as a stranger does, and closes it. */
export async function stranger(database, { version, upgrade = () => {}, work } = {}) {
  const request = indexedDB.open(database, version);
  request.onupgradeneeded = () => upgrade(request.result);
  const db = await result(request);
  try {
    if (work === undefined) return undefined;
    const store = db.transaction("kv", "readwrite").objectStore("kv");
    return await work(store, result);
  } finally {
    db.close();
  }
}

/** Everything that the database holds; of what was committed early, the block. */
export const contents = (database) =>
  stranger(database, {
    work: async (store, of) => {
      const [keys, values] = await Promise.all([of(store.getAllKeys()), of(store.getAll())]);
      return keys.map((key, at) => [key, values[at].block ?? values[at]]);
    },
  });

/** What the database says of its pages. */
export const manifestOf = async (database) =>
  (await contents(database)).find(([key]) => key === "manifest")?.[1];

/** Waits until the log is in pages. */
export const folded = (t, database) =>
  soon(t, async () => (await manifestOf(database)).epoch > 0, "it is folded");

/**
 * While `work` runs, `instead(call, store, ...args)` takes the place of a method of this database's object store.
 */
export async function failing(database, method, instead, work) {
  const { prototype } = IDBObjectStore;
  const original = prototype[method];
  prototype[method] = function patched(...args) {
    const call = () => original.apply(this, args);
    return this.transaction.db.name === database ? instead(call, this, ...args) : call();
  };
  try {
    return await work();
  } finally {
    prototype[method] = original;
  }
}

/** While `work` runs, `call` is called before this database is opened. */
export async function onOpen(database, call, work) {
  const { prototype } = IDBFactory;
  const { open } = prototype;
  prototype.open = function patched(name, ...rest) {
    if (name === database) call();
    return open.call(this, name, ...rest);
  };
  try {
    return await work();
  } finally {
    prototype.open = open;
  }
}

/** Numbers that look random and come again. */
export function dice(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** `length` letters that begin with a mark. */
export const long = (mark, length) => `${mark} `.padEnd(length, "x");

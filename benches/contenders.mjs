/** The stores, each with the same few methods: what a contender has under another name gets no wrapper. */
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(import.meta.url);
const version = (name) => require(`./node_modules/${name}/package.json`).version;

/** The built package, or the one that `--package` names. */
export async function openOurs(packagePath) {
  const { KVStore } = await import(pathToFileURL(`${packagePath}/dist/node.js`).href);
  return KVStore.open();
}

export const NAMES = {
  kv: "dataknobs-kv",
  keyv: "Keyv",
  unstorage: "unstorage",
  redis: "Redis",
  sqlite: "SQLite",
  idb: "idb-keyval",
  dexie: "Dexie",
  unstorageFs: "unstorage (fs)",
  json: "`JSON.parse`",
};

/** A store in a folder. */
export async function fileStore(name, folder, { packagePath }) {
  if (name === "kv") {
    const { KVStore } = await import(pathToFileURL(`${packagePath}/dist/node.js`).href);
    const store = await KVStore.open({ backend: "file", config: { path: `${folder}/store.json` } });
    return { store, key: (key) => key, set: "set", get: "get", close: () => store.close() };
  }
  const { createStorage } = await import("unstorage");
  const { default: driver } = await import("unstorage/drivers/fs");
  const store = createStorage({ driver: driver({ base: `${folder}/unstorage` }) });
  const key = (key) => key.replaceAll(".", ":");
  return { store, key, set: "setItem", get: "getItem", close: () => store.dispose() };
}

const open = {
  async kv({ packagePath }) {
    const store = await openOurs(packagePath);
    return {
      store,
      key: (key) => key,
      set: "set",
      get: "get",
      entries: (keys, values) => keys.map((key, at) => [key, values[at]]),
      setMany: "setMany",
      getMany: "getMany",
      itemValue: (value) => value,
      pattern: ({ pattern }) => [() => store.keys(pattern)],
      close: () => store.close(),
    };
  },

  async keyv() {
    const { default: Keyv } = await import("keyv");
    return {
      store: new Keyv(),
      key: (key) => key,
      set: "set",
      get: "get",
      entries: (keys, values) => keys.map((key, at) => ({ key, value: values[at] })),
      setMany: "setMany",
      getMany: "getMany",
      itemValue: (value) => value,
      close() {},
    };
  },

  /** Its separator is `:`, so its keys are `users:1:name`. */
  async unstorage() {
    const { createStorage } = await import("unstorage");
    const { default: driver } = await import("unstorage/drivers/memory");
    const { default: picomatch } = await import("picomatch");
    const store = createStorage({ driver: driver() });
    return {
      store,
      key: (key) => key.replaceAll(".", ":"),
      set: "setItem",
      get: "getItem",
      entries: (keys, values) => keys.map((key, at) => ({ key, value: values[at] })),
      setMany: "setItems",
      getMany: "getItems",
      itemValue: (item) => item.value,
      // Picomatch separates by `/`. Its expression, rewritten once for `:`, spares unstorage the rewriting
      // of each key; `getKeys` gets the base where the pattern has one. Its keys come without an order.
      pattern({ picomatch: pattern, base }) {
        const source = picomatch.makeRe(pattern).source.replaceAll("\\/", "/").replaceAll("/", ":");
        const expression = new RegExp(source);
        return [async () => (await store.getKeys(base)).filter((key) => expression.test(key))];
      },
      close: () => store.dispose(),
    };
  },

  async redis({ port }) {
    const { createClient } = await import("redis");
    const store = createClient({ url: `redis://127.0.0.1:${port}` });
    await store.connect();
    return {
      store,
      key: (key) => key,
      set: "set",
      get: "get",
      async load(keys, values) {
        for (let at = 0; at < keys.length; at += 1_000) {
          const pairs = keys.slice(at, at + 1_000).map((key, of) => [key, values[at + of]]);
          await store.mSet(pairs);
        }
      },
      // Redis has no `{a,b}`: one KEYS that finds more, and a filter.
      pattern: ({ redis: { glob, filter } }) => [
        filter === undefined
          ? () => store.keys(glob)
          : async () => (await store.keys(glob)).filter((key) => filter.test(key)),
      ],
      close: () => store.close(),
    };
  },

  /** In memory, the key as primary key of a table without rowid: the table is the index. */
  async sqlite() {
    const { DatabaseSync } = require("@photostructure/sqlite");
    const store = new DatabaseSync(":memory:");
    store.exec("CREATE TABLE kv (k TEXT PRIMARY KEY, v TEXT) WITHOUT ROWID");
    return {
      store,
      key: (key) => key,
      async load(keys, values) {
        const insert = store.prepare("INSERT INTO kv VALUES (?, ?)");
        store.exec("BEGIN");
        for (let at = 0; at < keys.length; at++) insert.run(keys[at], values[at]);
        store.exec("COMMIT");
      },
      // Rows as objects and rows as arrays: the quicker one counts.
      pattern({ sqlite: globs }) {
        const where = globs.map(() => "k GLOB ?").join(" OR ");
        const sql = `SELECT k FROM kv WHERE ${where} ORDER BY k`;
        const objects = store.prepare(sql);
        const arrays = store.prepare(sql);
        arrays.setReturnArrays(true);
        return [
          async () => objects.all(...globs).map((row) => row.k),
          async () => arrays.all(...globs).map((row) => row[0]),
        ];
      },
      close: () => store.close(),
    };
  },
};

/** A store of this contender, which lives in this process. */
export async function openContender(name, options) {
  return open[name](options);
}

/** Fills a store. */
export async function load(contender, keys, values) {
  const own = keys.map(contender.key);
  if (contender.load !== undefined) return contender.load(own, values);
  for (let at = 0; at < own.length; at++) await contender.store[contender.set](own[at], values[at]);
}

export function versions(redisVersion) {
  return [
    `Keyv ${version("keyv")} (its default: a Map, JSON)`,
    `unstorage ${version("unstorage")} (memory and fs drivers) with picomatch ${version("picomatch")}`,
    `Redis ${redisVersion} on loopback with redis ${version("redis")}`,
    `SQLite in this process, native, in memory (@photostructure/sqlite ${version("@photostructure/sqlite")})`,
  ];
}

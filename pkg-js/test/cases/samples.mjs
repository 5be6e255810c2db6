// Databases of every format version: each is still read, as what it was.
import { v1 } from "../samples.mjs";
import { kept, stranger, tab } from "./tabs.mjs";

const bytesOf = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));

kept("a database of version 1 is read", async (t, database) => {
  await stranger(database, {
    version: 1,
    upgrade(db) {
      const store = db.createObjectStore("kv", { autoIncrement: true });
      for (const [key, value] of v1) store.put(typeof value === "string" ? bytesOf(value) : value, key);
    },
  });
  const store = await tab(t, database);
  t.equal(await store.keys(), ["bytes", "map", "n", "text", "users.é.name"]);
  t.equal(await store.get("text"), "newer");
  t.equal(await store.get("bytes"), new Uint8Array([0, 1, 255]));
  t.equal(await store.get("map"), new Map([["k", new Set([1n])]]));
  t.equal(await store.getMetadata("users.é.name"), { n: 1.5 });
  t.equal((await store.getEntry("text")).version, "7");
  t.equal(await (await store.namespace("other")).get("a"), 1);
  t.equal(await store.increment("n"), 3);
  t.equal((await store.getEntry("n")).version, "10", "versions go on after those that were given");
});

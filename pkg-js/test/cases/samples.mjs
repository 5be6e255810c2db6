// Databases of every format version: each is still read, as what it was.
import { v1, v2 } from "../samples.mjs";
import { deaf, deleted, failing, kept, manifestOf, stranger, tab } from "./tabs.mjs";

const bytesOf = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));

/** What a sample holds; the bytes of pages and blocks are in base64. */
const recordOf = (value) => {
  if (typeof value === "string") return bytesOf(value);
  return value.block === undefined ? value : { ...value, block: bytesOf(value.block) };
};

const made = (database, sample) =>
  stranger(database, {
    version: 1,
    upgrade(db) {
      const store = db.createObjectStore("kv", { autoIncrement: true });
      for (const [key, value] of sample) store.put(recordOf(value), key);
    },
  });

for (const [format, sample] of Object.entries({ 1: v1, 2: v2 }))
  kept(`a database of format ${format} is read`, async (t, database) => {
    await made(database, sample);
    t.equal((await manifestOf(database)).format, Number(format));
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
    const { pages, folded } = Object.fromEntries(sample).manifest;
    const manifest = await manifestOf(database);
    t.equal([manifest.format, manifest.pages, manifest.folded], [2, pages, folded]);
    await store.close();
    t.equal(await (await tab(t, database)).get("n"), 3);
  });

kept(
  "a database of format 1 is one of format 2 before anything else is written into it",
  async (t, database) => {
    const store = await deaf(t, database);
    await deleted(database);
    // An older version of this library has made it anew, and nothing was folded yet.
    await made(database, v1.slice(2));
    t.equal(await manifestOf(database), undefined);
    const full = () => {
      throw new DOMException("no room", "QuotaExceededError");
    };
    for (const method of ["put", "add"])
      await failing(database, method, full, () => t.rejects(() => store.set("a", 1), "quota-exceeded"));
    t.equal(await manifestOf(database), undefined);
    await store.set("a", 1);
    t.equal((await manifestOf(database)).format, 2);
    t.equal(await store.get("a"), 1);
  },
);

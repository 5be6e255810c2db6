// A file in the origin's private file system of a browser.
import { number, sealed } from "./sealed.mjs";
import { sleep, test } from "./check.mjs";

const here = globalThis.document !== undefined || globalThis.WorkerGlobalScope !== undefined;
let count = 0;

/** A case with a path of its own; without a private file system, there is nothing to be tested. */
const inPrivate = (name, run) =>
  here &&
  globalThis.navigator?.storage?.getDirectory !== undefined &&
  test(`file: ${name}`, async (t) => {
    const root = await navigator.storage.getDirectory();
    const name = `opfs-${Date.now()}-${Math.random()}-${count++}`;
    t.after(() => root.removeEntry(name, { recursive: true }));
    const folder = await root.getDirectoryHandle(name, { create: true });
    const path = `${name}/store.json`;
    const open = (config) => t.open({ backend: "file", config: { path, ...config } });
    const read = async (file) =>
      new Uint8Array(await (await (await folder.getFileHandle(file)).getFile()).arrayBuffer());
    const write = async (file, bytes) => {
      const writable = await (await folder.getFileHandle(file, { create: true })).createWritable();
      await writable.write(bytes);
      await writable.close();
    };
    await run(t, { open, read, write, path });
  });

const text = (bytes) => new TextDecoder().decode(bytes);
/** Until it is so, or a second is over. */
async function soon(ask, wanted) {
  for (let round = 0; round < 100 && (await ask()) !== wanted; round++) await sleep(10);
  return ask();
}

inPrivate("what was written is there, as JSON and in gzip format", async (t, { open, read }) => {
  const store = await open();
  await store.setMany({ "users.1.name": "Ada", bytes: sealed(5, 3000), when: new Date(5) });
  await (await store.namespace("other")).set("k", [null], { ttl: 100 });
  const last = store.increment("n");
  await store.close();
  t.equal(await last, 1);
  t.ok(text(await read("store.json")).includes('"users.1.name": {"value": "Ada"'), "it can be read");
  JSON.parse(text(await read("store.json")));
  const zipped = await open({ compression: "gzip" });
  t.equal([number(await zipped.get("bytes")), await zipped.get("when")], [5, new Date(5)]);
  t.equal(await zipped.increment("n"), 2);
  await zipped.close();
  const bytes = await read("store.json");
  t.equal([bytes[0], bytes[1]], [0x1f, 0x8b]);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  JSON.parse(await new Response(stream).text());
  // Either kind is opened, whatever the next one is to be.
  const plain = await open();
  t.equal([await plain.get("n"), await (await plain.namespace("other")).get("k")], [2, [null]]);
});

inPrivate("two stores on one path", async (t, { open }) => {
  const [one, two] = [await open(), await open()];
  await Promise.all(Array.from({ length: 20 }, (_, at) => (at % 2 ? one : two).increment("n")));
  t.equal(await one.increment("n", 0), 20);
  t.equal(await two.increment("n", 0), 20);
  await one.set("a", 1);
  t.equal(await soon(() => two.get("a"), 1), 1);
  const raced = await Promise.all([one, two].map((store) => store.compareAndSwap("a", 1, 2)));
  t.equal(raced.toSorted(), [false, true]);
  // Folded by one, while the other is open.
  for (let at = 0; at < 6; at++) await one.set(`large.${at % 3}`, sealed(at, 400_000));
  t.equal(number((await two.increment("n")) && (await two.get("large.2"))), 5);
  await one.close();
  t.equal([await two.increment("n"), await two.get("a")], [22, 2]);
});

inPrivate("watch hears of changes here, and by another store", async (t, { open }) => {
  const [one, two] = [await open(), await open()];
  const events = one.watch("*", { values: true });
  const waiting = events.next();
  await two.set("a", { x: 1 });
  const told = (await waiting).value;
  t.equal([told.type, told.key, told.value], ["set", "a", { x: 1 }]);
  t.equal(await one.get("a"), { x: 1 });
  await two.setMany({ b: 1, c: 2 });
  await two.delete("a");
  const three = [];
  for (let at = 0; at < 3; at++) three.push((await events.next()).value);
  t.equal(
    three.map(({ type, key }) => `${type} ${key}`),
    ["set b", "set c", "delete a"],
  );
  await one.set("last", 1);
  t.equal((await events.next()).value.key, "last", "each once");
});

inPrivate(
  "what is torn is cut off; what is foreign or damaged is refused",
  async (t, { open, read, write }) => {
    const first = await open();
    await first.set("a", 1);
    const before = (await read("store.json.journal")).length;
    await first.set("b", sealed(1, 100));
    const whole = await read("store.json.journal");
    for (const cut of [before, before + 1, before + 20, whole.length - 1]) {
      await write("store.json.journal", whole.subarray(0, cut));
      const torn = await open();
      t.equal(await torn.keys("?"), ["a"], `after ${cut} bytes`);
    }
    const journal = whole.slice();
    journal[before - 3] ^= 1;
    const document = await read("store.json");
    const newer = text(document).replace("dataknobs-kv/1", "dataknobs-kv/2");
    for (const [file, bytes] of [
      ["store.json.journal", journal],
      ["store.json.journal", "something else, of somebody else's"],
      ["store.json", '{"name":"a package"}'],
      ["store.json", document.subarray(0, document.length >> 1)],
      ["store.json", newer],
      ["store.json", new Uint8Array([0x1f, 0x8b, 8, 0, 1, 2])],
    ]) {
      await write("store.json", document);
      await write("store.json.journal", whole);
      await write(file, bytes);
      const damaged = [await read("store.json"), await read("store.json.journal")];
      await t.rejects(() => open(), "corrupt", "store.json");
      t.equal([await read("store.json"), await read("store.json.journal")], damaged);
    }
    await write("store.json", document);
    await write("store.json.journal", whole);
    t.equal(await (await open()).keys("?"), ["a", "b"]);
  },
);

inPrivate(
  "a document that somebody edits is taken over when it is folded",
  async (t, { open, read, write, path }) => {
    const edit = async (from, to) => {
      const before = text(await read("store.json"));
      t.ok(before.includes(from), before);
      await write("store.json", before.replace(from, to));
    };
    const first = await open();
    await first.setMany({ name: "Ada", year: "1815", gone: "?" });
    await first.close();

    const store = await open();
    await store.set("year", "1852");
    await store.delete("gone");
    // As long as before, and with the versions of before.
    await edit("Ada", "Eve");
    await edit("1815", "1816");
    for (let at = 0; at < 3; at++) await store.set("long", "x".repeat(400_000));
    t.equal(await soon(() => store.get("name"), "Eve"), "Eve", "folded by size");
    await store.delete("long");
    await store.close();
    // Its close is refused below.
    const again = await t.KVStore.open({ backend: "file", config: { path } });
    t.equal(await again.getMany(["name", "year", "gone"]), ["Eve", "1852", undefined]);

    // What another store folds is no edit.
    await again.set("year", "1853");
    const other = await open();
    await other.set("more", 1);
    await other.close();
    await again.set("name", "Grace");
    const edited = await open();
    t.equal(await edited.getMany(["name", "year", "more"]), ["Grace", "1853", 1]);
    await edited.close();

    // One that cannot be read is left, and nothing is lost.
    await again.set("year", "1854");
    await edit('"Grace"', "Grace");
    const damaged = await read("store.json");
    await t.rejects(() => again.close(), "corrupt", ["store.json", "at line"]);
    t.equal(await read("store.json"), damaged);
    await write("store.json", text(damaged).replace("Grace", '"Grace"'));
    t.equal(await (await open()).getMany(["name", "year"]), ["Grace", "1854"]);
  },
);

inPrivate("which paths there are", async (t, { open, path }) => {
  for (const bad of ["", "/", ".", "..", "a/..", "a/../b", "./", 5, null, undefined])
    await t.rejects(() => open({ path: bad }), "invalid-argument", "path");
  await t.rejects(() => open({ path: path.split("/")[0] }), "invalid-argument");
  const deep = await open({ path: path.replace("store", "made/as/needed") });
  await deep.set("a", 1);
  await t.rejects(
    () => open({ path: path.replace("store.json", "made/as/needed.json/b") }),
    "invalid-argument",
  );
  const slash = await open({ path: `/${path}` });
  await slash.set("same", 1);
  t.equal(await soon(async () => (await open()).get("same"), 1), 1);
});

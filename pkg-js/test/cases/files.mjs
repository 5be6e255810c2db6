// A file of the machine, in Node, Deno and Bun: what the table cannot express.
import { number, sealed } from "./sealed.mjs";
import { test } from "./check.mjs";

const here =
  globalThis.process?.versions?.node !== undefined &&
  globalThis.navigator?.userAgent !== "Cloudflare-Workers" &&
  globalThis.document === undefined;

/** A case with a folder of its own. */
const onDisk = (name, run) =>
  here &&
  test(`file: ${name}`, async (t) => {
    const at = (module) => import(/* @vite-ignore */ `node:${module}`);
    const [fs, os, path, zlib] = await Promise.all(["fs", "os", "path", "zlib"].map(at));
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "dataknobs-kv-"));
    t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
    const place = (file) => path.join(folder, file);
    const open = (config) => t.open({ backend: "file", config: { path: place("store.json"), ...config } });
    await run(t, { ...fs, place, open, gunzip: zlib.gunzipSync, names: () => fs.readdirSync(folder).sort() });
  });

const STORE = ["store.json", "store.json.journal"];

onDisk("paths that lead nowhere", async (t, { open, place, mkdirSync, writeFileSync, names }) => {
  await t.rejects(() => open({ path: place("no/store.json") }), "not-found", ["folder", place("no")]);
  mkdirSync(place("folder"));
  writeFileSync(place("file"), "x");
  for (const name of ["folder", "folder/", "folder/..", "file/store.json", "a\0b"])
    await t.rejects(() => open({ path: place(name) }), "invalid-argument");
  for (const path of ["", 1, undefined, null]) await t.rejects(() => open({ path }), "invalid-argument");
  await t.rejects(() => open({ format: "xml" }), "invalid-argument", "format");
  await t.rejects(() => open({ compression: "zip" }), "invalid-argument", "compression");
  await t.rejects(() => open({ durability: "none" }), "invalid-argument", "durability");
  t.equal(names(), ["file", "folder"]);
});

onDisk("what is foreign or damaged is refused, and not changed", async (t, on) => {
  const { open, place, readFileSync, writeFileSync, names } = on;
  const [path, journal] = STORE.map(place);
  const first = await open();
  await first.setMany({ a: "text", b: [1, new Date(5)], c: sealed(7, 300) });
  await first.close();
  const whole = readFileSync(path, "utf8");
  const log = readFileSync(journal);
  const refused = async (file, bytes) => {
    writeFileSync(file, bytes);
    const before = STORE.map((name) => readFileSync(place(name)).toString("base64"));
    await t.rejects(() => open(), "corrupt", "store.json");
    t.equal(
      STORE.map((name) => readFileSync(place(name)).toString("base64")),
      before,
    );
    t.equal(names(), STORE);
  };
  const documents = [
    "",
    '{"name":"a package"}',
    "PK\x03\x04",
    "[1]",
    "null",
    whole.replace("dataknobs-kv/1", "dataknobs-kv/2"),
  ];
  for (let cut = 1; cut < whole.length - 1; cut += 29) documents.push(whole.slice(0, cut));
  for (const text of documents) await refused(path, text);
  await refused(path, new Uint8Array([0x1f, 0x8b, 8, 0, 1, 2, 3]));
  writeFileSync(path, whole);
  await refused(journal, "something else, of somebody else's");
  await refused(journal, "dataknobs-kv/j2\n0123456701234567");
  writeFileSync(journal, log);
  const again = await open();
  t.equal(await again.get("b"), [1, new Date(5)]);
  for (let at = 0; at < 5; at++) await again.set("a", at);
  const damaged = readFileSync(journal);
  damaged[log.length + 60] ^= 1;
  await refused(journal, damaged);
});

onDisk("a tail that was torn is cut off", async (t, { open, place, readFileSync, writeFileSync }) => {
  const journal = place("store.json.journal");
  const store = await open();
  await store.set("a", 1);
  const before = readFileSync(journal).length;
  await store.set("b", sealed(1, 500));
  const whole = readFileSync(journal);
  for (let cut = before; cut < whole.length; cut += 37) {
    writeFileSync(journal, whole.subarray(0, cut));
    const torn = await t.KVStore.open({ backend: "file", config: { path: place("store.json") } });
    t.equal(await torn.keys(), ["a"], `after ${cut} bytes`);
    await torn.set("c", cut);
    t.equal(await (await open()).getMany(["a", "c"]), [1, cut]);
  }
});

onDisk(
  "the document is one JSON document, or gzip",
  async (t, { open, place, readFileSync, gunzip, names }) => {
    const store = await open();
    await store.setMany({ "users.1.name": "Ada", n: 1, bytes: sealed(5, 100) });
    const other = await store.namespace("other");
    await other.set("k", { deep: [true, null] }, { ttl: 100 });
    await store.close();
    const document = JSON.parse(readFileSync(place("store.json"), "utf8"));
    t.ok(JSON.stringify(document).includes('"users.1.name":{"value":"Ada"'), "it can be read");
    t.equal(names(), STORE);
    const zipped = await open({ compression: "gzip" });
    t.equal(number(await zipped.get("bytes")), 5);
    await zipped.increment("n");
    await zipped.close();
    const bytes = readFileSync(place("store.json"));
    t.equal([bytes[0], bytes[1]], [0x1f, 0x8b]);
    JSON.parse(gunzip(bytes).toString("utf8"));
    // Either kind is opened; the next document is of the kind that is asked for.
    const plain = await open();
    t.equal(await plain.increment("n"), 3);
    t.equal(await (await plain.namespace("other")).get("k"), { deep: [true, null] });
    await plain.close();
    JSON.parse(readFileSync(place("store.json"), "utf8"));
  },
);

onDisk("what was asked for before is there", async (t, { open }) => {
  const store = await open();
  const asked = [store.set("a", 1), store.setMany({ b: 2, c: 3 }), store.delete("b"), store.increment("a")];
  t.equal(await store.get("a"), 2, "not awaited, and seen");
  t.equal(await store.keys(), ["a", "c"]);
  await Promise.all(asked);
  t.equal(await store.update("a", async (old) => (await store.get("c")) + old), 5);
  const last = store.set("last", "written");
  const closed = store.close();
  t.equal(await last, true);
  await closed;
  await t.rejects(() => store.get("a"), "closed");
  const again = await open();
  t.equal(await again.getMany(["a", "last"]), [5, "written"]);
});

onDisk("two stores on one file", async (t, { open, place, readFileSync }) => {
  const [one, two] = [await open(), await open()];
  await Promise.all(Array.from({ length: 50 }, (_, at) => (at % 2 ? one : two).increment("n")));
  t.equal([await one.get("n"), await two.get("n")], [50, 50]);
  await Promise.all(
    Array.from({ length: 20 }, (_, at) => (at % 2 ? one : two).update("u", async (old = 0) => old + 1)),
  );
  t.equal(await two.get("u"), 20);
  const raced = await Promise.all([one, two].map((store) => store.compareAndSwap("u", 20, "taken")));
  t.equal(raced.toSorted(), [false, true]);
  // The journal is folded by one, while the other is open: by size, and on closing.
  for (let at = 0; at < 60; at++) await one.set(`large.${at % 5}`, sealed(at, 30_000));
  t.equal(number(await two.get("large.4")), 59);
  await two.increment("n");
  await one.close();
  t.equal(await two.get("n"), 51);
  t.equal(await two.increment("n"), 52);
  await two.close();
  t.ok(readFileSync(place("store.json"), "utf8").includes('"n": {"value": 52'), "folded");
});

onDisk(
  "a journal that was put elsewhere is not read any more",
  async (t, { open, place, linkSync, renameSync, mkdirSync }) => {
    const [one, two] = [await open(), await open()];
    await two.set("n", 1);
    t.equal(await one.get("n"), 1);
    // A backup is a link: folding takes the name from the file, and the file stays.
    linkSync(place("store.json.journal"), place("backup"));
    await (await open()).close();
    await two.set("n", 2);
    t.equal(await one.get("n"), 2);
    // All of it moves, and something else comes in its place.
    mkdirSync(place("sub"));
    const path = place("sub/store.json");
    const moved = await open({ path });
    await moved.set("n", 3);
    t.equal(await moved.get("n"), 3);
    renameSync(place("sub"), place("old"));
    mkdirSync(place("sub"));
    const anew = await open({ path });
    await anew.set("other", 4);
    await new Promise((resolve) => setTimeout(resolve, 60));
    t.equal(await moved.getMany(["n", "other"]), [undefined, 4]);
  },
);

onDisk("watch hears of changes here, and by another store", async (t, { open }) => {
  const [one, two] = [await open(), await open()];
  const events = one.watch("*", { values: true });
  await one.set("a", { x: 1 });
  const { version } = await one.getEntry("a");
  await one.delete("a");
  await one.set("soon", "gone", { ttl: 0.02 });
  t.equal((await events.next()).value, { type: "set", key: "a", version, value: { x: 1 } });
  t.equal((await events.next()).value, { type: "delete", key: "a", version });
  t.equal((await events.next()).value.value, "gone");
  await new Promise((resolve) => setTimeout(resolve, 30));
  t.equal(await one.cleanupExpired(), 1);
  const expired = (await events.next()).value;
  t.equal([expired.type, expired.key], ["expire", "soon"]);
  // At once, though nobody asks it for anything, and once.
  const waiting = events.next();
  await two.set("b", 5);
  const told = (await waiting).value;
  t.equal([told.type, told.key, told.value], ["set", "b", 5]);
  t.equal(await one.get("b"), 5);
  await two.setMany({ c: { deep: [new Date(5)] }, d: 1 });
  for (let at = 0; at < 40; at++) await two.set("long", sealed(at, 30_000));
  await (await two.namespace("other")).set("e", 1);
  await two.delete("d");
  await two.close();
  await one.set("last", 1);
  const all = [];
  while (all.at(-1)?.key !== "last") all.push((await events.next()).value);
  t.equal(
    all.map(({ type, key }) => `${type} ${key}`),
    ["set c", "set d", ...Array(40).fill("set long"), "delete d", "set last"],
  );
  t.equal(all[0].value, { deep: [new Date(5)] });
  t.equal(number(all[41].value), 39);
});

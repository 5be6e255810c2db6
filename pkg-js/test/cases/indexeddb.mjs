// Stores in IndexedDB: what stays, and what two tabs see of each other.
import { sleep, take } from "./check.mjs";
import { contents, deaf, failing, folded, kept, long, soon, tab } from "./tabs.mjs";

const VALUES = {
  text: "Ada \u{1f600}",
  integer: 42,
  large: Number.MAX_SAFE_INTEGER,
  double: -1.5,
  zero: -0,
  nan: NaN,
  yes: true,
  nothing: null,
  bigint: -(2n ** 70n),
  date: new Date(5),
  list: [1, ["a", null], { b: new Map([[1, new Set(["x"])]]) }],
  object: { a: { b: [new Uint8Array([1, 2])] } },
  bytes: new Uint8Array([0, 255]),
  doubles: new Float64Array([0.5, -0]),
  buffer: new Uint8Array([7]).buffer,
};

kept("everything is there after closing and opening", async (t, database) => {
  const store = await tab(t, database);
  const space = await store.namespace("other");
  for (const [key, value] of Object.entries(VALUES))
    await store.set(key, value, { metadata: { from: key, list: [1] }, ttl: 1000 });
  await space.set("text", "of another namespace");
  await store.set("gone", 1);
  await store.delete("gone");
  await store.setMany({ "many.1": 1, "many.2": { a: 1 } });
  const before = [];
  for await (const entry of store.scan()) before.push(entry);
  await store.close();
  const again = await tab(t, database);
  const after = [];
  for await (const entry of again.scan()) after.push(entry);
  t.equal(after, before);
  for (const [key, value] of Object.entries(VALUES)) t.equal(await again.get(key), value, key);
  t.equal(await again.namespaces(), ["", "other"]);
  t.equal(await (await again.namespace("other")).get("text"), "of another namespace");
  t.ok((await again.ttl("text")) > 900, "the time to live stays");
  await again.close();
  t.ok((await contents(database)).length > 0, "it is in the database");
});

kept("no version is used again, also after deleting, folding and opening again", async (t, database) => {
  const versions = new Set();
  for (let round = 0; round < 3; round++) {
    const store = await tab(t, database);
    await store.set("a", round);
    const { version } = await store.getEntry("a");
    t.ok(!versions.has(version), `the version ${version} is new`);
    versions.add(version);
    // While it is being written the next is asked for: what is folded then is empty but for the counter.
    const rows = Array.from({ length: 50 }, (_, at) => [`k.${at}`, long(at, 100_000)]);
    const written = store.setMany(rows);
    await sleep(0);
    t.equal(await store.clear(), 51);
    await written;
    await store.close();
    const bytes = (await contents(database)).reduce((sum, [, value]) => sum + (value.length ?? 0), 0);
    t.ok(bytes < 1000, `the log was folded (${bytes} bytes are left)`);
  }
});

kept("increments, compare-and-swap and atomic() are exact across tabs", async (t, database) => {
  const tabs = [await tab(t, database), await tab(t, database), await deaf(t, database)];
  const won = { "": 0, swap: 0, absent: 0 };
  await tabs[0].set("swap", 0);
  const calls = tabs.flatMap((store, at) =>
    Array.from({ length: 40 }, async (_, round) => {
      await store.increment("n");
      if (await store.compareAndSwap("swap", round, round + 1)) won.swap++;
      if (await store.set(`absent.${round}`, at, { ifAbsent: true })) won.absent++;
      for (;;) {
        const entry = await store.getEntry("left");
        const { ok } = await store
          .atomic()
          .check("left", entry?.version ?? null)
          .set("left", (entry?.value ?? 0) + 1)
          .set("right", -((entry?.value ?? 0) + 1))
          .commit();
        if (ok) break;
        // Who has heard of nothing looks.
        await store.increment("looks");
      }
      await store.update("updated", (old = 0) => old + 1);
    }),
  );
  await Promise.all(calls);
  t.equal(await tabs[0].increment("n", 0), 120);
  t.equal(await tabs[1].increment("left", 0), 120);
  t.equal(await tabs[2].increment("right", 0), -120);
  t.equal(await tabs[1].increment("updated", 0), 120);
  t.equal(won.absent, 40);
  t.equal(await tabs[2].increment("swap", 0), won.swap);
});

kept("a tab that has not heard of a change answers right all the same", async (t, database) => {
  const one = await tab(t, database);
  const two = await deaf(t, database);
  const strong = await deaf(t, database, { consistency: "strong" });
  await one.set("a", 1);
  t.equal(await two.get("a"), undefined, "what it has not heard of");
  t.equal(await strong.get("a"), 1);
  t.equal(await strong.keys(), ["a"]);
  t.equal(await two.set("a", 2, { ifAbsent: true }), false);
  t.equal(await two.get("a"), 1);
  await one.set("a", 3);
  t.equal(await two.compareAndSwap("a", 1, 2), false);
  t.equal(await two.get("a"), 3);
  await one.delete("a");
  t.equal(await two.delete("a"), false);
  await one.set("a", "x");
  t.equal(await two.append("a", "y"), "xy");
  t.equal(await two.rename("nothing", "b"), false);
  t.equal(await strong.getMany(["a"]), ["xy"]);
});

kept("a change is seen in another tab, and by its watchers once", async (t, database) => {
  const one = await tab(t, database);
  const two = await tab(t, database, { autoCleanup: false });
  const here = one.watch("**", { values: true });
  const there = two.watch("**", { values: true });
  await one.setMany({ a: 1, b: [2] });
  await one.delete("a");
  await one.set("short", 1, { ttl: 0.05 });
  const wanted = ["set a", "set b", "delete a", "set short"];
  t.equal(await take(here, 4), wanted);
  t.equal(await take(there, 4), wanted);
  t.equal(await two.get("b"), [2]);
  await sleep(60);
  t.equal(await one.cleanupExpired(), 1);
  t.equal(await take(here, 1), ["expire short"]);
  t.equal(await take(there, 1), ["expire short"]);
  await two.set("last", 1);
  t.equal(await take(here, 1), ["set last"]);
  t.equal(await take(there, 1), ["set last"]);
  await one.set("large", long("large", 2_000_000));
  t.equal(await take(there, 1), ["set large"]);
  // Too large to be sent around: it is read, when it may have been folded.
  await one.set("huge", long("huge", 9_000_000));
  await soon(t, async () => (await two.get("huge"))?.length === 9_000_000, "the huge value is seen");
  t.ok(["set huge", "overflow"].includes((await take(there, 1))[0]), "its watchers are told");
});

kept(
  "a page that has slept through the coming of another tells it of changes all the same",
  async (t, database) => {
    const one = await tab(t, database);
    const { prototype } = BroadcastChannel;
    const { postMessage } = prototype;
    prototype.postMessage = function unheard(...args) {
      if (!this.name.endsWith(database)) postMessage.apply(this, args);
    };
    let two;
    try {
      two = await tab(t, database);
    } finally {
      prototype.postMessage = postMessage;
    }
    globalThis.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true }));
    // Both have looked; from here on one is to tell the other.
    await Promise.all([one.get("a"), two.get("a")]);
    await one.set("a", 1);
    await soon(t, async () => (await two.get("a")) === 1, "the other tab sees it");
  },
);

kept("what was asked first is done first, and nobody sees what does not stand", async (t, database) => {
  const store = await tab(t, database);
  const order = [];
  const noted = (name, promise) => promise.finally(() => order.push(name));
  const found = await Promise.all([
    noted("set", store.set("a", 1)),
    noted("get", store.get("a")),
    store.increment("a"),
    store.get("a"),
    store.keys(),
    store.delete("a"),
    store.exists("a"),
  ]);
  t.equal(found, [true, 1, 2, 2, ["a"], true, false]);
  t.equal(order, ["set", "get"]);
});

kept("a clean-up by the timer is written down and told", async (t, database) => {
  const watching = await tab(t, database, { autoCleanup: false });
  const store = await tab(t, database, { cleanupInterval: 0.02, durability: "strict" });
  const events = watching.watch();
  await (await store.namespace("n")).set("aside", 1, { ttl: 0.01 });
  await store.set("a", 1, { ttl: 0.01 });
  t.equal(await take(events, 2), ["set a", "expire a"]);
  const found = await contents(database);
  t.ok(
    found.some(([, block]) => block.at?.(-1) === 0xf6),
    "the deletion is in the log",
  );
});

kept("a tab behind the log reads all again, and its watchers are told", async (t, database) => {
  const one = await tab(t, database);
  await one.setMany({ a: 1, gone: 2 });
  const two = await deaf(t, database);
  const strong = await deaf(t, database, { consistency: "strong" });
  const events = two.watch();
  await one.delete("gone");
  await one.setMany(Array.from({ length: 100 }, (_, at) => [`k.${at}`, long(at, 50_000)]));
  await folded(t, database);
  t.equal(await strong.get("gone"), undefined, "a strong read after all of the log was folded");
  t.equal((await strong.keys()).length, 101);
  t.equal(await two.increment("a"), 2);
  t.equal(await take(events, 1), ["overflow"]);
  t.equal(await two.get("gone"), undefined);
  t.equal((await two.get("k.99")).length, 50_000);
  await two.set("b", 1);
  t.equal(await take(events, 1), ["set b"]);
});

kept("many changes at once are several blocks, and all or none of them", async (t, database) => {
  const MANY = 5000;
  const rows = (mark) => Array.from({ length: MANY }, (_, at) => [`${mark}.${at}`, `${mark} ${at}`]);
  const one = await tab(t, database);
  const two = await deaf(t, database);
  const hears = await tab(t, database);
  await one.set("n", 1);
  // Others were first: it is written again.
  const [written, sum] = await Promise.all([two.setMany(rows("a")), two.increment("n")]);
  t.equal([written.length, sum], [MANY, 2]);
  t.equal(await one.increment("n"), 3);
  t.equal(await one.countPattern("a.*"), MANY);
  const blocks = (await contents(database)).length;
  const counts = new Set();
  const writing = one.setMany(rows("b"));
  for (let found = 0; found < MANY; await sleep(0)) {
    found = await hears.countPattern("b.*");
    counts.add(found);
  }
  await writing;
  t.equal([...counts], [0, MANY], "what another tab sees");
  t.ok((await contents(database)).length > blocks + 1, "they are several blocks");
  let calls = 0;
  const third = (call) => {
    if (++calls >= 3) throw new DOMException("no room", "QuotaExceededError");
    return call();
  };
  await failing(database, "add", third, async () => {
    const counted = one.increment("n");
    await t.rejects(() => one.setMany(rows("c")), "quota-exceeded");
    await t.rejects(() => counted, "quota-exceeded");
  });
  t.equal(await one.countPattern("c.*"), 0);
  await one.close();
  for (const store of [two, await tab(t, database)]) {
    t.equal(await store.increment("n", 0), 3);
    t.equal(await store.countPattern("**"), 2 * MANY + 1);
    t.equal(await store.getMany(["a.0", "a.4999", "b.2048"]), ["a 0", "a 4999", "b 2048"]);
  }
});

kept("many small changes become few blocks, which a tab behind them reads", async (t, database) => {
  const one = await tab(t, database);
  await one.set("n", 0);
  const two = await deaf(t, database);
  for (let round = 0; round < 150; round++) await one.increment("n");
  t.equal(await two.increment("n", 0), 150);
  for (let round = 0; round < 500; round++) {
    await one.increment("n");
    if (round % 10 === 0) await one.delete("d");
    if (round % 10 === 5) await one.set("d", round);
  }
  await one.close();
  const found = await contents(database);
  t.ok(found.length < 300, `of 700 blocks there are ${found.length}`);
  t.equal(await two.increment("n"), 651);
  t.equal(await two.get("d"), 495);
  const again = await tab(t, database);
  t.equal(await again.get("n"), 651);
  t.equal(await again.get("d"), 495);
});

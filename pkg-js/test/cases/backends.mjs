// What a custom backend throws; clean-up; stores beside each other; memory.
import { MapBackend } from "../backend.mjs";
import { aside, sleep, test } from "./check.mjs";

aside("what a custom backend throws", async (t) => {
  // All at once: the store tries again for a while where that may help.
  await Promise.all(
    [
      [new t.KVError("access-denied", "no entry here"), "access-denied", "access-denied", "no entry here"],
      [new Error("socket hang up"), "unavailable", "outcome-unknown", "socket hang up"],
      ["a text", "unavailable", "outcome-unknown", "a text"],
      [undefined, "unavailable", "outcome-unknown", ""],
    ].map(async ([thrown, reading, writing, says]) => {
      let broken = false;
      const fail = () => {
        if (broken) throw thrown;
      };
      const backend = new (class extends MapBackend {
        async read(keys) {
          fail();
          return super.read(keys);
        }
        async commit(batch) {
          fail();
          return super.commit(batch);
        }
      })();
      const store = await t.open({ backend, autoCleanup: false });
      await store.set("a", 1);
      broken = true;
      await Promise.all([
        t.rejects(() => store.get("a"), reading, says),
        t.rejects(() => store.set("a", 2), writing),
        t.rejects(() => store.increment("a"), reading, says),
      ]);
      broken = false;
      t.equal(await store.get("a"), 1, "the value after all that failed");
      t.equal(await store.increment("a"), 2, "an increment after all that failed");
    }),
  );
  for (const [wrong, code] of [
    [{ read: () => 5 }, "corrupt"],
    [{ read: () => [5] }, "corrupt"],
    [{ read: () => [{ record: new Uint8Array([255, 1, 2]), version: "1" }] }, "corrupt"],
    [{ read: () => [{ record: new Uint8Array(0), version: "1" }] }, "corrupt"],
    [{ read: () => [{ record: "text", version: "1" }] }, "corrupt"],
    [{ read: () => [] }, "corrupt"],
  ]) {
    const odd = await t.open({ backend: Object.assign(new MapBackend(), wrong), autoCleanup: false });
    await t.rejects(() => odd.get("a"), code);
    t.equal(await odd.set("a", 1), true);
  }
  for (const wrong of [
    () => ({}),
    () => undefined,
    () => ({ versions: [] }),
    () => ({ versions: [5] }),
    () => "done",
  ]) {
    const odd = await t.open({
      backend: Object.assign(new MapBackend(), { commit: wrong }),
      autoCleanup: false,
    });
    await t.rejects(() => odd.set("a", 1), "corrupt");
  }
  for (const wrong of [() => ({}), () => ({ items: 5 }), () => ({ items: [{}] }), () => undefined]) {
    const odd = await t.open({
      backend: Object.assign(new MapBackend(), { scan: wrong }),
      autoCleanup: false,
    });
    await t.rejects(() => odd.keys(), "corrupt");
  }
  let closed = 0;
  const closing = await t.KVStore.open({
    backend: Object.assign(new MapBackend(), {
      close() {
        closed += 1;
      },
    }),
  });
  const space = await closing.namespace("x");
  await space.close();
  t.equal(closed, 0, "closing a namespace closes the connection");
  await closing.close();
  await closing.close();
  t.equal(closed, 1, "how often the connection was closed");
});

test("a backend may answer at once, with a promise, or with what only has a then", async (t) => {
  const answers = {
    "at once": (call) => call(),
    "a promise": async (call) => call(),
    "a then": (call) => ({
      then: (resolve, reject) => {
        try {
          resolve(call());
        } catch (error) {
          reject(error);
        }
      },
    }),
  };
  for (const [name, answer] of Object.entries(answers)) {
    const kept = new Map();
    let broken = false;
    let last = 0;
    const backend = {
      limits: { losesAnswers: false },
      read: (keys) =>
        answer(() => {
          if (broken) throw new t.KVError("access-denied", "not here");
          return keys.map(({ key }) => kept.get(key));
        }),
      commit: (batch) =>
        answer(() => ({
          versions: batch.map(({ key, record }) => {
            last += 1;
            kept.set(key, { record, version: String(last) });
            return String(last);
          }),
        })),
      scan: () => answer(() => ({ items: [...kept].map(([key, one]) => ({ key, ...one })) })),
      namespaces: () => answer(() => [""]),
      close: () => answer(() => undefined),
    };
    const store = await t.open({ backend, autoCleanup: false });
    await store.set("a", 1);
    t.equal([await store.get("a"), await store.increment("a")], [1, 2], name);
    t.equal([await store.keys(), await store.namespaces()], [["a"], [""]], name);
    broken = true;
    await t.rejects(() => store.get("a"), "access-denied", "not here");
  }
});

test("clean-up by a timer", async (t) => {
  const backend = new MapBackend();
  const size = () => [...backend.spaces.values()].reduce((sum, space) => sum + space.size, 0);
  const store = await t.open({ backend, cleanupInterval: 0.05 });
  await store.setMany([
    ["a", 1, { ttl: 0.02 }],
    ["b", 1, { ttl: 0.02 }],
    ["c", 1],
  ]);
  t.equal(size(), 3);
  for (let tries = 0; tries < 60 && size() > 1; tries++) await sleep(50);
  t.equal(size(), 1, "how many are left");
  await store.close();
  const after = await t.KVStore.open({ backend, autoCleanup: false });
  await after.set("d", 1, { ttl: 0.02 });
  await sleep(250);
  t.equal(size(), 2, "how many are left where nobody cleans up");
  t.equal(await after.cleanupExpired(), 1);
  t.equal(size(), 1);
  // Cleaned up by hand, in its own namespace only.
  const other = await after.namespace("other");
  await other.set("x", 1, { ttl: 0.01 });
  await after.set("y", 1, { ttl: 0.01 });
  await sleep(40);
  t.equal(await after.cleanupExpired(), 1);
  t.equal(await other.cleanupExpired(), 1);
  await after.close();
  const quota = await t.open({ config: { maxEntries: 2 }, cleanupInterval: 0.05 });
  await quota.set("a", 1, { ttl: 0.02 });
  await quota.set("b", 1);
  for (let tries = 0; tries < 60 && !(await quota.set("c", 1).catch(() => false)); tries++) await sleep(50);
  t.equal(await quota.keys(), ["b", "c"], "the keys of a full store after a clean-up");
});

test("stores of any backend are one class, whichever module they are in", async (t) => {
  const kept = await t.open();
  const own = await t.open({ backend: new MapBackend(), autoCleanup: false });
  t.equal([kept instanceof t.KVStore, own instanceof t.KVStore], [true, true]);
  for (const store of [kept, own]) {
    const error = await store.get("a..b").catch((thrown) => thrown);
    t.equal([error instanceof t.KVError, error.code], [true, "invalid-key"]);
  }
  // Each has values under numbers of its own.
  const value = { a: [1, new Map([["b", new Date(5)]])] };
  await kept.set("k", value);
  await own.set("k", { other: true });
  await own.set("k", await kept.get("k"));
  await kept.set("k", "over");
  t.equal([await own.get("k"), await kept.get("k")], [value, "over"]);
  t.equal(await t.KVStore.escape("a*b"), "a\\*b");
});

test("stores do not share anything but the module", async (t) => {
  const [one, two] = [await t.open(), await t.open({ namespace: "n" })];
  await one.set("a", { who: 1 });
  await two.set("a", { who: 2 });
  const inside = await one.namespace("n");
  t.equal(
    [await one.get("a"), await two.get("a"), await inside.get("a")],
    [{ who: 1 }, { who: 2 }, undefined],
  );
  await inside.set("a", { who: 3 });
  t.equal([await one.keys(), await inside.keys(), await one.namespaces()], [["a"], ["a"], ["", "n"]]);
  t.equal(await inside.clear(), 1);
  t.equal(await one.get("a"), { who: 1 });
  const absolute = await inside.namespace("other");
  await absolute.set("b", 1);
  t.equal(await (await one.namespace("other")).get("b"), 1, "a namespace is absolute, not nested");
  await Promise.all([one.close(), one.close()]);
  t.equal(await two.get("a"), { who: 2 });
  // The texts of keys and the values stay with their own after many writes and deletes.
  const three = await t.open();
  for (let round = 0; round < 30; round++) {
    const keys = Array.from({ length: 40 }, (_, at) => `r${round}.k${at}`);
    await three.setMany(keys.map((key) => [key, { key }]));
    if ((await three.keys(`r${round}.*`)).length !== 40) throw new Error("keys are missing");
    for (const [key, value] of await three.getPattern("**"))
      if (value.key !== key) throw new Error(`${key} has the value of ${value.key}`);
    await three.deletePattern(`r${round}.k?`);
    if (round % 3 === 2) await three.clear();
  }
  t.checks += 30;
});

test("values that are gone are forgotten", async (t) => {
  const memory = globalThis.process?.memoryUsage;
  if (memory === undefined || globalThis.Bun !== undefined || globalThis.Deno !== undefined) return;
  // A kept store writes each of them down.
  const [megabytes, rounds] = t.kept ? [1, 100] : [4, 150];
  const store = await t.open();
  const used = () => memory().arrayBuffers + memory().heapUsed;
  const before = used();
  for (let round = 0; round < rounds; round++) {
    await store.set(round % 2 ? "a" : `b.${round}`, new Uint8Array(megabytes * 1e6).fill(round));
    await store.deletePattern("b.*");
  }
  await store.clear();
  const grown = (used() - before) / 1e6;
  const all = megabytes * rounds;
  t.ok(
    grown < 0.75 * all,
    `of ${all} MB of values that were overwritten or deleted ${Math.round(grown)} MB stay`,
  );
});

test("limits and answers of a custom backend that are out of bounds", async (t) => {
  const limited = (limits) => ({ backend: Object.assign(new MapBackend(), { limits }), autoCleanup: false });
  for (const [name, values] of [
    ["maxKey", [0, 63, 513, -1, 64.5, NaN, Infinity, "100", null]],
    ["maxBatch", [0, -1, 1.5, NaN, "5", null]],
    ["maxValue", [-1, 0.5, "5", null]],
    ["clockSkew", [-1, 0.5, null]],
  ]) {
    for (const value of values)
      await t.rejects(() => t.KVStore.open(limited({ [name]: value })), "invalid-argument", `limits.${name}`);
  }
  for (const limits of [5, null, "limits"])
    await t.rejects(() => t.KVStore.open(limited(limits)), "invalid-argument", "limits");
  const hostile = new Proxy(
    {},
    {
      ownKeys() {
        throw new Error("boom");
      },
    },
  );
  await t.rejects(() => t.KVStore.open(limited(hostile)), "invalid-argument", "limits");
  for (const limits of [{ maxKey: 64, maxBatch: 1 }, { maxKey: 512 }, undefined, {}])
    t.equal(await (await t.open(limited(limits))).set("a", 1), true);
  for (const conflict of [1, 7, -1, 0.5, NaN, "0", {}]) {
    for (const more of [{}, { versions: ["1"] }]) {
      const odd = await t.open({
        backend: Object.assign(new MapBackend(), { commit: () => ({ conflict, ...more }) }),
        autoCleanup: false,
      });
      await t.rejects(() => odd.set("a", 1), "corrupt", "conflict");
    }
  }
});

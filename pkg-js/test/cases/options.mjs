// Options and arguments that are refused, and the errors that say so.
import { MapBackend } from "../backend.mjs";
import { show } from "../behaviour.mjs";
import { CALLS, call, sleep, test } from "./check.mjs";

test("unknown and wrong options are refused by name, for every method", async (t) => {
  const store = await t.open();
  for (const [method, args] of Object.entries(CALLS)) {
    await t.rejects(() => call(store, method, [...args, { tll: 1 }]), "invalid-argument", ['"tll"', method]);
    await t.rejects(
      () => call(store, method, [...args, { signal: undefined, Signal: 1 }]),
      "invalid-argument",
      '"Signal"',
    );
    const keyed = args[0] === "a";
    for (const wrong of [
      null,
      5,
      "text",
      true,
      () => 1,
      "",
      [],
      [1],
      new Map(),
      new Map([["ttl", 5]]),
      new Set(),
      new Date(),
      new (class Options {})(),
      Object.create({ ttl: 5 }),
      5n,
      Symbol("s"),
    ]) {
      const error = await t.rejects(() => call(store, method, [...args, wrong]), "invalid-argument", method);
      if (keyed) t.equal(error.key, "a", `the key of a wrong option of ${method}`);
    }
    const own = await t.rejects(() => call(store, method, [...args, { signal: 5 }]), "invalid-argument");
    if (keyed) t.equal(own.key, "a", `the key of a wrong option of ${method}`);
    for (const signal of [{}, 5, "abort", null, new EventTarget()])
      await t.rejects(() => call(store, method, [...args, { signal }]), "invalid-argument", "signal");
    await call(store, method, [...args, {}]);
    await call(store, method, [...args, undefined]);
    await call(store, method, [...args, { signal: undefined }]);
    t.checks += 1;
  }
  for (const wrong of [
    { Backend: "memory" },
    { ttl: 1 },
    { maxEntries: 1 },
    { config: { max: 1 } },
    { config: { max_entries: 1 } },
    { config: 5 },
    { config: null },
    { config: { maxEntries: 0 } },
    { config: { maxEntries: 1.5 } },
    { config: { maxEntries: "1" } },
    { backend: "redsi" },
    { backend: 5 },
    { backend: null },
    { backend: {} },
    { backend: { read() {} } },
    { namespace: 5 },
    { namespace: null },
    { autoCleanup: 1 },
    { cleanupInterval: 0 },
    { cleanupInterval: -1 },
    { cleanupInterval: NaN },
    { cleanupInterval: "1" },
    { cleanupInterval: 1e10 },
    { autoCleanup: false, cleanupInterval: -5 },
    { autoCleanup: false, cleanupInterval: NaN },
    { autoCleanup: false, cleanupInterval: 1e10 },
    new Map(),
    [],
    new (class Options {})(),
    { config: new Map() },
    { config: [] },
    { config: new (class Options {})() },
    { signal: {} },
    { backend: new MapBackend(), config: { maxEntries: 1 } },
    { backend: Object.assign(new MapBackend(), { limits: { foo: 1 } }) },
    { backend: Object.assign(new MapBackend(), { limits: { max_batch: 1 } }) },
    { backend: Object.assign(new MapBackend(), { limits: { maxBatch: "1" } }) },
    { backend: Object.assign(new MapBackend(), { limits: { losesAnswers: 0 } }) },
    { backend: 5n },
    { backend: Symbol("memory") },
    null,
    5,
    "memory",
  ]) {
    await t.rejects(() => t.KVStore.open(wrong), "invalid-argument");
  }
  for (const backend of ["redis", globalThis.indexedDB === undefined ? "indexeddb" : "s3"])
    await t.rejects(() => t.KVStore.open({ backend }), "unsupported");
  for (const namespace of ["a.b", ".", "\0", "n".repeat(65), "\ud800"]) {
    await t.rejects(() => t.KVStore.open({ namespace }), "invalid-key");
    await t.rejects(() => store.namespace(namespace), "invalid-key");
  }
  for (const namespace of [undefined, null, 5, {}])
    await t.rejects(() => store.namespace(namespace), "invalid-key");
  await t.rejects(() => t.KVStore.escape(5), "invalid-pattern");
  t.equal(await t.KVStore.escape("a*b"), "a\\*b");
});

test("nothing throws synchronously, whatever is handed over", async (t) => {
  const store = await t.open();
  const odd = [undefined, null, 5, NaN, "", "a\ud800", true, {}, [], () => 1, Symbol("s"), 1n];
  for (const method of Object.keys(CALLS)) {
    for (const value of odd) {
      for (const args of [[], [value], [value, value], ["a", value], [value, "a"], ["a", value, value]]) {
        let promise;
        try {
          promise = call(store, method, args);
        } catch (error) {
          throw new Error(`${method} threw synchronously: ${show(error)}`);
        }
        const error = await promise.then(
          () => undefined,
          (thrown) => thrown,
        );
        if (error !== undefined && !(error instanceof t.KVError))
          throw new Error(
            `${method}(${args.map(show)}) rejected with what is no KVError: ${error?.stack ?? show(error)}`,
          );
      }
    }
    t.checks += 1;
  }
  const atomic = store.atomic();
  t.ok(
    atomic
      .check(5)
      .set("a", () => 1)
      .delete(null) === atomic,
    "atomic() says what is wrong at the end",
  );
  await t.rejects(() => atomic.commit(), "invalid-key");
  await t.rejects(() => store.atomic().check("a", 5).commit(), "invalid-argument");
  await t.rejects(() => store.atomic().check("a", {}).commit(), "invalid-argument", "version");
  for (const wrong of [5, null, { tll: 1 }, { signal: 5 }, new Map()])
    await t.rejects(() => store.atomic().set("a", 1).commit(wrong), "invalid-argument", "commit");
  await t.rejects(() => store.atomic().set("a", 1).delete("a").commit(), "invalid-argument");
  t.equal(await store.set("still", "usable"), true);
});

test("errors", async (t) => {
  const store = await t.open();
  for (const one of [
    () => store.set("k", 1, { ttl: "5" }),
    () => store.set("k", 1, { ttl: -5 }),
    () => store.set("k", 1, { tll: 5 }),
    () => store.set("k", 1, { ifAbsent: 1 }),
    () => store.set("k", 1, { metadata: 5 }),
    () => store.set("k", 1, { keepTtl: true, ttl: 1 }),
    () => store.delete("k", { ifVersion: 5 }),
    () => store.get("k", { signal: 5 }),
    () =>
      store.setMany([
        ["a", 1],
        ["k", 1, { ttl: "5" }],
      ]),
    () =>
      store.setMany([
        ["a", 1],
        ["k", 1, { tll: 5 }],
      ]),
    () =>
      store.setMany([
        ["a", 1],
        ["k", 1, new Map()],
      ]),
    () => store.atomic().set("k", 1, { ttl: "5" }).commit(),
    () => store.setMetadata("k", 5),
    () => store.expire("k", "5"),
  ]) {
    const wrong = await t.rejects(one, "invalid-argument");
    t.equal(wrong.key, "k", `the key of ${one}`);
  }
  const made = await (async () => new t.KVStore())().catch((thrown) => thrown);
  t.ok(/KVStore\.open/.test(made.message), `new KVStore() says what to do: ${show(made)}`);
  t.equal([t.KVStore.name, t.KVError.name, store.constructor.name], ["KVStore", "KVError", "KVStore"]);
  t.equal(store.atomic().constructor.name, "Atomic");
  t.equal(Object.keys(new t.KVError("closed", "x")).includes("name"), false);
  const error = await t.rejects(() => store.get("a..b"), "invalid-key", "a..b");
  t.equal([error.name, error.key, error.retryable], ["KVError", "a..b", false]);
  t.ok(error instanceof Error && String(error).startsWith("KVError: "), "a KVError is an Error");
  await store.set("t", "x");
  const mismatch = await t.rejects(() => store.increment("t"), "type-mismatch");
  t.equal(mismatch.key, "t");
  const value = await t.rejects(() => store.set("v", { f() {} }), "invalid-argument");
  t.equal(value.key, "v");
  t.equal(new t.KVError("unavailable", "x").retryable, true);
});

test("times to live that are refused", async (t) => {
  const store = await t.open();
  await store.set("a", 1);
  for (const ttl of [0, -1, NaN, Infinity, -Infinity, 315_360_000.5 * 2, "10", null, true, {}, 1n]) {
    await t.rejects(() => store.set("b", 1, { ttl }), "invalid-argument");
    await t.rejects(() => store.setMany([["b", 1, { ttl }]]), "invalid-argument");
    await t.rejects(() => store.setMany({ b: 1 }, { ttl }), "invalid-argument");
    await t.rejects(() => store.expire("a", ttl), "invalid-argument");
    await t.rejects(() => store.set("b", 1, { metadata: { ttl } }), "invalid-argument");
    await t.rejects(() => store.atomic().set("b", 1, { ttl }).commit(), "invalid-argument");
  }
  await t.rejects(() => store.set("b", 1, { ttl: 1, metadata: { ttl: 1 } }), "invalid-argument");
  t.equal(await store.keys(), ["a"]);
  await store.set("b", 1, { metadata: { ttl: 100, x: 1 } });
  t.equal(await store.getMetadata("b"), { x: 1 });
  t.ok((await store.ttl("b")) > 90, "ttl in the metadata counts");
  await store.set("c", 1, { ttl: 0.0001 });
  await sleep(20);
  t.equal(await store.get("c"), undefined);
});

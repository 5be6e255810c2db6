// Many keys in one call.
import { MapBackend } from "../backend.mjs";
import { BOTH, test } from "./check.mjs";

test("setMany of what has no entries", async (t) => {
  const store = await t.open();
  class Made {
    a = 1;
  }
  for (const one of [
    Promise.resolve({ a: 1 }),
    (async function* () {
      yield ["a", 1];
    })(),
    new Date(),
    new WeakMap(),
    /x/,
    new Made(),
    { [Symbol("x")]: 1 },
    "abc",
    7,
    null,
    undefined,
  ])
    await t.rejects(() => store.setMany(one), "invalid-argument", "setMany");
  t.equal(await store.setMany(Object.assign(Object.create(null), { a: 1 })), [true]);
  t.equal(await store.keys(), ["a"]);
});

for (const [where, options] of BOTH) {
  test(`setMany on ${where}`, async (t) => {
    const store = await t.open(options());
    t.equal(await store.setMany({ a: 1, "b.c": [2] }), [true, true], "of an object");
    t.equal(
      await store.setMany(
        new Map([
          ["d", 1],
          ["e", null],
        ]),
      ),
      [true, true],
      "of a Map",
    );
    t.equal(
      await store.setMany(
        [
          ["f", 1, { ttl: 1000 }],
          ["g", 2, { metadata: { m: 1 } }],
          ["h", 3],
        ],
        { metadata: { all: 1 } },
      ),
      [true, true, true],
      "of a list",
    );
    t.equal(
      await store.setMany(
        (function* () {
          yield ["i", 1];
          yield ["j", 2, { ttl: 1000 }];
        })(),
      ),
      [true, true],
      "of a generator",
    );
    t.equal(await store.setMany(new Set([["k", 1]])), [true], "of a Set");
    await store.setMany(
      [
        ["m1", 1, { metadata: { a: 1 } }],
        ["m2", 2, { ttl: 50 }],
      ],
      { ttl: 1000 },
    );
    t.ok((await store.ttl("m1")) > 900, "an entry's own options leave those of the call");
    t.equal(await store.getMetadata("m1"), { a: 1 }, "an entry's own metadata");
    t.ok((await store.ttl("m2")) <= 50, "an entry's own options come first");
    await store.deleteMany(["m1", "m2"]);
    t.equal(await store.setMany({}), []);
    t.equal(await store.setMany(new Map()), []);
    t.equal(await store.setMany([]), []);
    t.equal(await store.keys(), ["a", "b.c", "d", "e", "f", "g", "h", "i", "j", "k"]);
    t.ok(
      (await store.ttl("f")) > 900 && (await store.ttl("j")) > 900 && (await store.ttl("h")) === null,
      "the times to live",
    );
    t.equal([await store.getMetadata("g"), await store.getMetadata("h")], [{ m: 1 }, { all: 1 }]);
    t.equal(
      await store.setMany([
        ["r", 1],
        ["r", 2],
        ["r", 3],
      ]),
      [true, true, true],
      "of a repeated key",
    );
    t.equal(await store.get("r"), 3);
    t.equal(await store.getMany(new Set(["a", "d"])), [1, 1], "getMany of a Set");
    t.equal(
      await store.getMany(
        (function* () {
          yield "d";
          yield "zz";
        })(),
      ),
      [1, undefined],
      "getMany of a generator",
    );
    t.equal(await store.deleteMany(new Set(["a", "zz", "d"])), 2, "deleteMany of a Set");
    for (const wrong of [
      undefined,
      null,
      1,
      "abc",
      () => 1,
      [1],
      ["ab"],
      [["a"]],
      [["a", 1, {}, 1]],
      [[]],
      [null],
      [["a", 1], 5],
      [{ key: "a", value: 1 }],
    ]) {
      await t.rejects(() => store.setMany(wrong), "invalid-argument");
    }
    await t.rejects(() => store.setMany([[5, 1]]), "invalid-key");
    await t.rejects(() => store.setMany(new Map([[{}, 1]])), "invalid-key");
    await t.rejects(
      () =>
        store.setMany([
          ["ok", 1],
          ["x\ud800", 1],
        ]),
      "invalid-key",
      "surrogate",
    );
    await t.rejects(
      () =>
        store.setMany([
          ["ok", 1],
          ["x\0y", 1],
        ]),
      "invalid-key",
    );
    await t.rejects(
      () =>
        store.setMany([
          ["ok", 1],
          ["a", 1, { ttl: -1 }],
        ]),
      "invalid-argument",
    );
    await t.rejects(
      () =>
        store.setMany([
          ["ok", 1],
          ["a", 1, null],
        ]),
      "invalid-argument",
    );
    const boom = new Error("boom");
    const thrown = await store
      .setMany(
        (function* () {
          yield ["ok", 1];
          throw boom;
        })(),
      )
      .then(
        () => undefined,
        (error) => error,
      );
    t.ok(thrown === boom, "what the caller's iterable throws");
    t.equal(await store.exists("ok"), false, "was anything written");
  });

  test(`large batches and keys of every script on ${where}`, async (t) => {
    const store = await t.open(options());
    const count = where === "memory" ? 10_000 : 2000;
    const keys = Array.from({ length: count }, (_, at) => `größe.${at}.日本.😀`);
    t.equal((await store.setMany(keys.map((key, at) => [key, at]))).length, count);
    t.equal(
      await store.getMany(keys),
      keys.map((_, at) => at),
    );
    t.equal((await store.keys("größe.*.日本.😀")).length, count);
    t.equal(await store.countPattern("**"), count);
    let sum = 0;
    for await (const { value } of store.scan("größe.**")) sum += value;
    t.equal(sum, (count * (count - 1)) / 2, "the sum of a scan");
    t.equal(await store.deleteMany(keys.slice(1)), count - 1);
    t.equal(await store.keys(), keys.slice(0, 1));
    await store.clear();
    const odd = [
      "e\u0301",
      "é",
      "\u00a0",
      "\ue000",
      "\ufffd",
      "😀",
      "\u{10fffd}",
      "k".repeat(512),
      `${"k".repeat(510)}é`,
      "€".repeat(170),
      "😀".repeat(128),
      "a b",
      "%41",
      "a/b",
      "x".repeat(63),
      "x".repeat(64),
      "x".repeat(65),
      `${"x".repeat(64)}é`,
    ];
    for (const key of odd) await store.set(key, key);
    t.equal(await store.getMany(odd), odd);
    for (const key of odd)
      t.equal(
        [await store.get(key), await store.exists(key), (await store.getEntry(key)).key],
        [key, true, key],
      );
    const bytes = (text) =>
      [...new TextEncoder().encode(text)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    t.equal(
      await store.keys(),
      [...odd].sort((a, b) => (bytes(a) < bytes(b) ? -1 : 1)),
      "the order",
    );
    for (const key of odd) t.equal(await store.keys(await t.KVStore.escape(key)), [key]);
    for (const key of [
      "",
      ".",
      "a.",
      ".a",
      "a..b",
      "k".repeat(513),
      "😀".repeat(129),
      "a\0b",
      "\x1f",
      "\x7f",
      "\x85",
      "\ufffe",
      "\uffff",
      "\ufdd0",
      "\u{1ffff}",
      "\ud800",
      "a\udc00",
      "x".repeat(5_000_000),
    ]) {
      await t.rejects(() => store.set(key, 1), "invalid-key");
      await t.rejects(() => store.get(key), "invalid-key");
      await t.rejects(() => store.getMany(["a", key]), "invalid-key");
      await t.rejects(() => store.deleteMany(["a", key]), "invalid-key");
    }
    t.equal((await store.keys()).length, odd.length);
  });
}

test("a failure in the middle of a batch has the results", async (t) => {
  const store = await t.open({ config: { maxEntries: 3 } });
  await store.set("a", 0);
  const error = await t.rejects(
    () => store.setMany({ a: 1, b: 2, c: 3, d: 4, e: 5 }),
    "quota-exceeded",
    "setMany",
  );
  t.equal(
    error.results.map((one) => (one === true ? true : one.code)),
    [true, true, true, "quota-exceeded", "quota-exceeded"],
  );
  t.ok(
    error.results[3] instanceof t.KVError && error.results[3].key === "d",
    "each failure is a KVError with its key",
  );
  t.equal(error.key, "d");
  t.equal(await store.getMany(["a", "b", "c", "d"]), [1, 2, 3, undefined]);
  const each = await t.rejects(
    () =>
      store.setMany([
        ["a", 2, { metadata: { m: 1 } }],
        ["x", 1],
        ["b", 3],
      ]),
    "quota-exceeded",
  );
  t.equal(
    each.results.map((one) => (one === true ? true : one.code)),
    [true, "quota-exceeded", true],
  );
  await t.rejects(() => store.set("x", 1), "quota-exceeded");
  await t.rejects(() => store.increment("x"), "quota-exceeded");
  await store.delete("a");
  t.equal(await store.set("x", 1), true, "set after a delete made room");
  t.equal(await store.getMany(["x", "b", "c", "a"]), [1, 3, 3, undefined]);
  // The values of entries that were refused are not handed to others.
  for (let round = 0; round < 50; round++)
    await store.setMany({ x: [round], nope: ["nope"], b: [round + 1] }).catch(() => {});
  t.equal(await store.getMany(["x", "b", "c"]), [[49], [50], 3]);

  const failing = new (class extends MapBackend {
    async commit(batch) {
      if (batch.some(({ key, change }) => key.includes("bad") && change !== "keep"))
        throw new t.KVError("unavailable", "this one does not work");
      return super.commit(batch);
    }
  })();
  const custom = await t.open({ backend: failing, autoCleanup: false });
  const many = await t.rejects(
    () => custom.setMany({ a: 1, bad: 2, c: 3 }),
    "unavailable",
    "this one does not work",
  );
  t.equal(
    many.results.map((one) => (one === true ? true : one.code)),
    [true, "unavailable", true],
  );
  t.equal(many.retryable, true);
  t.equal(await custom.keys(), ["a", "c"]);
  const gone = await t.rejects(() => custom.deleteMany(["a", "bad", "c"]), "unavailable");
  t.equal(
    gone.results.map((one) => (typeof one === "boolean" ? one : one.code)),
    [true, "unavailable", true],
    "the results of deleteMany",
  );
  await custom.setMany({ a: 1, c: 1 });
  const order = await t.rejects(
    () => custom.deleteMany(["zz", "c", "bad", "a", "c", "bad"]),
    "unavailable",
    "2 of 6",
  );
  t.equal(
    order.results.map((one) => (typeof one === "boolean" ? one : [one.code, one.key])),
    [false, true, ["unavailable", "bad"], true, true, ["unavailable", "bad"]],
    "the results of deleteMany, in the order of the input",
  );
  t.equal(order.key, "bad");
  await custom.setMany({ a: 1, c: 1 });
  t.equal(await custom.deleteMany(["c", "a", "c"]), 2, "repeats count once");
});

// What crosses into the module: texts that are far too long, user code that runs in the middle of a call.
import { MapBackend } from "../backend.mjs";
import { show } from "../behaviour.mjs";
import { BOTH, CALLS, call, test } from "./check.mjs";

for (const [where, options] of BOTH) {
  test(`texts that are far too long on ${where}`, async (t) => {
    const store = await t.open(options());
    await store.set("a", 1);
    // As long as an engine lets a text be, more or less: twice this is refused by V8.
    const huge = "x".repeat(4e8);
    const keyed = new Set(Object.keys(CALLS));
    for (const method of ["keys", "getPattern", "deletePattern", "countPattern", "scan"]) {
      keyed.delete(method);
      const error = await t.rejects(() => call(store, method, [huge]), "invalid-pattern", "4096 bytes");
      t.ok(error.message.length < 300, `${method} has a readable message`);
    }
    for (const method of ["cleanupExpired", "namespaces", "clear", "getMany", "setMany", "deleteMany"])
      keyed.delete(method);
    for (const method of keyed) {
      const error = await t.rejects(
        () => call(store, method, [huge, ...CALLS[method].slice(1)]),
        "invalid-key",
        "512 bytes",
      );
      t.ok(
        error.message.length < 300 && error.key.startsWith("xxx") && error.key.length < 300,
        `${method} has a readable message and key`,
      );
    }
    for (const one of [
      () => store.rename("a", huge),
      () => store.copy("a", huge),
      () => store.getMany(["a", huge]),
      () => store.getMany([huge, huge]),
      () => store.deleteMany(["a", huge]),
      () =>
        store.setMany([
          ["a", 2],
          [huge, 1],
        ]),
      () =>
        store.setMany(
          [
            ["a", 2],
            [huge, 1],
          ],
          { metadata: { m: 1 } },
        ),
      () => store.setMany({ [huge]: 1 }),
      () => store.keys("**", { after: huge }),
      () => store.scan("**", { after: huge }).next(),
      () => store.atomic().check(huge, null).commit(),
      () => store.atomic().set(huge, 1).commit(),
      () => store.atomic().delete(huge).commit(),
      () => store.namespace(huge),
      () => t.KVStore.open({ ...options(), namespace: huge }),
    ])
      await t.rejects(one, "invalid-key", "bytes");
    for (const one of [
      () => store.set("a", 2, { ifVersion: huge }),
      () => store.delete("a", { ifVersion: huge }),
      () => store.atomic().check("a", huge).commit(),
    ])
      await t.rejects(one, "invalid-argument", "version");
    await t.rejects(() => t.KVStore.escape(huge), "invalid-pattern");
    // What is only somewhat too long is refused by the core, which says how long it is.
    await t.rejects(() => store.get("x".repeat(60_000)), "invalid-key", ["512", "60000"]);
    await t.rejects(() => store.keys("x".repeat(60_000)), "invalid-pattern");
    const long = `é.${"x".repeat(65_000)}`;
    for (const method of ["getMany", "deleteMany"])
      await t.rejects(() => store[method](["a", long]), "invalid-key", "512");
    t.equal(await store.get("a"), 1, "the value after all that was refused");
    t.equal(await store.keys(), ["a"], "the keys after all that was refused");
  });
}

test("a batch of many long keys crosses, and leaves room", async (t) => {
  const store = await t.open();
  const keys = Array.from({ length: 20_000 }, (_, at) => `${"é".repeat(200)}.${at}`);
  t.equal((await store.setMany(keys.map((key, at) => [key, at]))).length, keys.length);
  t.equal(
    await store.getMany(keys),
    keys.map((_, at) => at),
    "the values of long keys",
  );
  t.equal(await store.get(keys[7]), 7);
  t.equal(await store.getMany(["x", keys[19_999]]), [undefined, 19_999]);
  t.equal(await store.deleteMany(keys), keys.length);
});

test("user code that runs in the middle of a call", async (t) => {
  class Point {
    constructor(x) {
      this.x = x;
    }
  }
  let inside = () => {};
  const serializers = [
    {
      tag: "test.inside",
      test: (value) => value instanceof Point,
      serialize: ({ x }) => {
        inside();
        return [x];
      },
      deserialize: ([x]) => {
        inside();
        return new Point(x);
      },
    },
  ];
  for (const backend of ["memory", new MapBackend()]) {
    const store = await t.open({ backend, serializers });
    const keys = Array.from({ length: 20 }, (_, at) => `p.${at}`);
    const fill = async () => {
      inside = () => {};
      await store.setMany(keys.map((key, at) => [key, at % 3 === 0 ? new Point(at) : at]));
    };
    const wanted = keys.map((_, at) => (at % 3 === 0 ? new Point(at) : at));
    const disturbances = {
      keys: () => store.keys("r*"),
      "keys of all": () => store.keys(),
      getMany: () => store.getMany(["p.1", "none", "p.2"]),
      set: () => store.set("other", { a: 1 }),
      setMany: () =>
        store.setMany([
          ["other", "x"],
          ["more", "y"],
        ]),
      get: () => store.get("p.1"),
    };
    for (const [name, disturb] of Object.entries(disturbances)) {
      await fill();
      const pending = [];
      inside = () => pending.push(disturb());
      t.equal(await store.getMany(keys), wanted, `getMany with ${name} in the middle`);
      t.equal(await store.get("p.3"), new Point(3), `get with ${name} in the middle`);
      t.equal((await store.getEntry("p.3")).value, new Point(3), `getEntry with ${name} in the middle`);
      t.equal([...(await store.getPattern("p.**")).values()].length, 20);
      await store.setMany(keys.map((key, at) => [key, at % 3 === 0 ? new Point(at) : at]));
      inside = () => {};
      await Promise.all(pending);
      t.equal(await store.getMany(keys), wanted, `after setMany with ${name} in the middle`);
    }
    await store.clear();
  }
});

test("values that grow while they are handed over", async (t) => {
  const store = await t.open();
  for (const batch of [
    Object.assign(["a"], { join: () => 5 }),
    new Proxy(["a"], {}),
    Object.assign(["a", "b"], { length: 2 }),
  ]) {
    const error = await store.getMany(batch).then(
      () => undefined,
      (thrown) => thrown,
    );
    t.ok(error === undefined || error instanceof t.KVError, `an odd array of keys: ${show(error)}`);
  }
});

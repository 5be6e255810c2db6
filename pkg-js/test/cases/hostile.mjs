// Keys, options and lists that throw when they are read: accessors, proxies, borrowed prototypes.
import { show } from "../behaviour.mjs";
import { BOTH, CALLS, call, test } from "./check.mjs";

const boom = new RangeError("boom");
const fail = () => {
  throw boom;
};
const revoked = (value) => {
  const { proxy, revoke } = Proxy.revocable(value, {});
  revoke();
  return proxy;
};
const trapped = (value) =>
  new Proxy(value, {
    get: fail,
    has: fail,
    ownKeys: fail,
    getPrototypeOf: fail,
    getOwnPropertyDescriptor: fail,
  });
const getter = (name) => Object.defineProperty({}, name, { enumerable: true, get: fail });

/** What no method may take, and nothing may be thrown about but a KVError. */
const HOSTILE = [
  revoked({}),
  revoked([]),
  revoked(() => 1),
  trapped({}),
  trapped([]),
  getter("signal"),
  getter("constructor"),
  getter(Symbol.iterator),
  Object.create(Map.prototype),
  Object.create(Set.prototype),
  Object.create(Date.prototype),
  Object.create(null, { constructor: { get: fail } }),
  { constructor: { name: { toString: fail } } },
  { constructor: { name: Symbol("s") } },
  { __proto__: { constructor: { name: Symbol("s") } } },
  { [Symbol.iterator]: fail },
  { [Symbol.iterator]: () => 5 },
  { [Symbol.iterator]: () => ({ next: () => 5 }) },
];

for (const [where, options] of BOTH) {
  test(`what throws when it is read is refused on ${where}`, async (t) => {
    const store = await t.open(options());
    const settled = async (what, make) => {
      let promise;
      try {
        promise = make();
      } catch (error) {
        throw new Error(`${what} threw synchronously: ${show(error)}`);
      }
      const error = await promise.then(
        () => undefined,
        (thrown) => thrown,
      );
      if (error !== undefined && !(error instanceof t.KVError))
        throw new Error(`${what} rejected with what is no KVError: ${error?.stack ?? show(error)}`);
      return error;
    };
    for (const [method, args] of Object.entries(CALLS)) {
      for (const [at, hostile] of HOSTILE.entries()) {
        const what = `${method} with the hostile value ${at}`;
        await settled(what, () => call(store, method, [hostile]));
        // What the function given to update throws comes out as it is.
        if (method !== "update" || typeof hostile !== "function")
          await settled(what, () => call(store, method, ["a", hostile]));
        await settled(what, () => call(store, method, [...args, hostile]));
        await settled(what, () => call(store, method, [["a", hostile]]));
        await settled(what, () => call(store, method, [[["a", 1, hostile]]]));
        await settled(what, () => call(store, method, [[hostile]]));
        await settled(what, () => call(store, method, [...args, { signal: hostile }]));
      }
      for (const hostile of [revoked({}), trapped({}), getter("signal"), { signal: revoked({}) }])
        await t.rejects(() => call(store, method, [...args, hostile]), "invalid-argument", method);
      t.checks += 1;
    }
    for (const hostile of HOSTILE) {
      await t.rejects(() => store.get(hostile), "invalid-key", "key");
      await t.rejects(() => store.set(hostile, 1), "invalid-key", "key");
      await t.rejects(() => store.keys(hostile), "invalid-pattern", "pattern");
      await t.rejects(() => store.keys("**", { after: hostile }), "invalid-key", "key");
      await t.rejects(() => store.rename("a", hostile), "invalid-key");
      await t.rejects(() => store.setMany([[hostile, 1]]), "invalid-key");
      await t.rejects(() => store.watch(hostile).next(), "invalid-pattern");
      await t.rejects(() => store.watch("**", { values: hostile }).next(), "invalid-argument", "values");
      await t.rejects(() => store.set("a", 1, { ttl: hostile }), "invalid-argument", "ttl");
      await t.rejects(() => store.atomic().check(hostile, null).commit(), "invalid-key");
      await t.rejects(() => store.namespace(hostile), "invalid-key");
      await settled("open", () => t.KVStore.open(hostile).then((opened) => opened.close()));
      await t.rejects(() => t.KVStore.open({ backend: hostile }), "invalid-argument");
      await t.rejects(() => t.KVStore.open({ serializers: hostile }), "invalid-argument", "serializer");
      await t.rejects(() => t.KVStore.open({ serializers: [hostile] }), "invalid-argument", "serializer");
    }
    for (const hostile of [revoked({}), trapped({}), getter("version")]) {
      const error = await t.rejects(
        () => store.atomic().check("k", hostile).commit(),
        "invalid-argument",
        "version",
      );
      t.equal(error.key, "k", "the key of a version that cannot be read");
      t.equal(error.cause instanceof Error, true, "the cause of a version that cannot be read");
    }
    for (const hostile of [revoked({}), trapped({}), getter("ttl")]) {
      for (const one of [
        () => store.set("k", 1, hostile),
        () => store.delete("k", hostile),
        () => store.setMany([["k", 1, hostile]]),
        () => store.atomic().set("k", 1, hostile).commit(),
      ]) {
        const error = await t.rejects(one, "invalid-argument", "options");
        t.equal(error.key, "k", `the key of ${one}`);
      }
      await t.rejects(() => store.atomic().commit(hostile), "invalid-argument", "commit");
      await t.rejects(() => store.watch("**", hostile).next(), "invalid-argument", "watch");
      await t.rejects(() => t.KVStore.open(hostile), "invalid-argument", "open");
      await t.rejects(() => t.KVStore.open({ config: hostile }), "invalid-argument", "config");
    }
    for (const metadata of [
      revoked({}),
      revoked([]),
      trapped({}),
      getter("x"),
      Object.create(Map.prototype),
    ]) {
      await t.rejects(() => store.set("k", 1, { metadata }), "invalid-argument", "metadata");
      await t.rejects(() => store.setMetadata("k", metadata), "invalid-argument", "metadata");
    }
    for (const one of [
      () => store.setMany(getter("x")),
      () => store.getMany({ [Symbol.iterator]: fail }),
      () => store.deleteMany({ [Symbol.iterator]: fail }),
    ]) {
      const error = await t.rejects(one, "invalid-argument", "boom");
      t.equal(error.cause === boom, true, `the cause of ${one}`);
    }
    const failing = { [Symbol.iterator]: () => ({ next: fail }) };
    for (const one of [store.setMany(failing), store.getMany(failing), store.deleteMany(failing)])
      t.equal(await one.catch((error) => error === boom), true, "what the caller's own iterator throws");
    await t.rejects(() => store.setMany([["ok", 1], trapped([])]), "invalid-argument", "entry 1");
    // What changes while it is read is read once.
    let reads = 0;
    const changing = {
      get ttl() {
        reads += 1;
        return reads === 1 ? 1000 : "text";
      },
    };
    await store.set("k", 1, changing);
    t.equal([reads, (await store.ttl("k")) > 900], [1, true], "an option that changes");
    let asked = 0;
    const keys = new Proxy(["k", "x"], {
      get: (target, name) => (name === "0" && asked++ > 0 ? "k\0k" : target[name]),
    });
    t.equal(await store.getMany(keys), [1, undefined], "keys that change");
    t.equal(await store.keys(), ["k"], "the keys after all that was refused");
  });

  test(`a key that is wrong is named on ${where}`, async (t) => {
    const store = await t.open(options());
    for (const key of ["x\0y", "\0", "a..b", "\u0001", "x".repeat(513), "a\ud800"]) {
      for (const one of [
        () => store.getMany(["ok", key]),
        () => store.getMany(new Set(["ok", key])),
        () => store.setMany({ ok: 1, [key]: 1 }),
        () =>
          store.setMany(
            [
              ["ok", 1],
              [key, 1],
            ],
            { metadata: { m: 1 } },
          ),
        () => store.deleteMany(["ok", key]),
        () => store.get(key),
        () => store.set(key, 1),
        () => store.atomic().set("ok", 1).set(key, 1).commit(),
      ]) {
        const error = await t.rejects(one, "invalid-key");
        t.equal(error.key, key, `the key of ${one}`);
      }
    }
    t.equal(await store.keys(), []);
  });

  test(`an option of an entry that is undefined is not given on ${where}`, async (t) => {
    const store = await t.open(options());
    await store.setMany(
      [
        ["a", 1, { ttl: undefined }],
        ["b", 1, { metadata: undefined, ttl: 50 }],
        ["c", 1, { metadata: { own: 1 } }],
      ],
      { ttl: 1000, metadata: { all: 1 } },
    );
    const left = [await store.ttl("a"), await store.ttl("b"), await store.ttl("c")];
    t.ok(left[0] > 900 && left[1] <= 50 && left[2] > 900, `the times to live are ${left}`);
    t.equal(
      [await store.getMetadata("a"), await store.getMetadata("b"), await store.getMetadata("c")],
      [{ all: 1 }, { all: 1 }, { own: 1 }],
    );
  });

  test(`what deserialize throws is the cause on ${where}`, async (t) => {
    class Fragile {}
    let broken = false;
    const store = await t.open({
      ...options(),
      serializers: [
        {
          tag: "test.fragile",
          test: (value) => value instanceof Fragile,
          serialize: () => ({}),
          deserialize: () => (broken === "empty" ? undefined : broken ? fail() : new Fragile()),
        },
      ],
    });
    await store.set("a", new Fragile());
    await store.set("b", [new Fragile()]);
    broken = true;
    const calls = [
      () => store.get("a"),
      () => store.getMany(["x", "a"]),
      () => store.getEntry("a"),
      () => store.getPattern("**"),
      () => store.scan("**").next(),
      () => store.update("a", () => 1),
      () => store.getAndDelete("a"),
    ];
    for (const one of calls) {
      const error = await t.rejects(one, "corrupt", ["test.fragile", "boom"]);
      t.equal([error.cause === boom, error.key], [true, "a"], `the cause of ${one}, and its key`);
      t.equal(await store.exists("a"), true, `what ${one} could not read is still there`);
    }
    t.equal((await t.rejects(() => store.get("b"), "corrupt", ["test.fragile", "boom"])).key, "b");
    broken = "empty";
    for (const one of calls) {
      const error = await t.rejects(one, "corrupt", ["test.fragile", "undefined"]);
      t.equal(error.key, "a", `the key of ${one}`);
    }
    broken = false;
    t.equal(await store.get("b"), [new Fragile()], "a value that can be read again");
  });

  test(`values of another realm on ${where}`, async (t) => {
    const vm = globalThis.process?.getBuiltinModule?.("node:vm");
    const frame = globalThis.document?.body?.appendChild(document.createElement("iframe"));
    if (frame === undefined && vm === undefined) return;
    const made = (code) => (frame === undefined ? vm.runInNewContext(code) : frame.contentWindow.eval(code));
    const store = await t.open(options());
    for (const code of [
      "new Date(7)",
      "new Map([['k', { deep: new Set([1, new Date(1)]) }], [new Date(2), new Map()]])",
      "new Set([1, [2]])",
      "new Uint8Array([1, 2, 3]).buffer",
      "new Uint8Array([1, 2, 3])",
      "new Uint8Array([1, 2, 3]).subarray(1)",
      "new Float64Array([0.5, NaN])",
      "new BigInt64Array([-5n])",
      "({ a: [new Date(3), { m: new Map([[1, new Uint16Array([9])]]) }] })",
    ]) {
      const wanted = new Function(`return ${code}`)();
      await store.set("v", made(code));
      t.equal(await store.get("v"), wanted, code);
      t.equal(await store.compareAndSwap("v", made(code), 1), true, `compareAndSwap of ${code}`);
    }
    await store.set("bytes", new Uint8Array([1]));
    t.equal(await store.append("bytes", made("new Uint8Array([2])")), new Uint8Array([1, 2]));
    for (const [code, says] of [
      ["class M extends Map {}; new M()", "serializer"],
      ["class D extends Date {}; [new D()]", "value[0]"],
      ["class U extends Uint8Array {}; new U(1)", "serializer"],
      ["/x/", "RegExp"],
      ["new Error('x')", "Error"],
      ["new DataView(new ArrayBuffer(1))", "DataView"],
      ["Object.create(Map.prototype)", "value"],
      ["const m = new Map(); m.set('me', m); m", "cycle"],
      ["new Map([['f', () => 1]])", "function"],
      ["new Proxy(new Date(), {})", "Date"],
    ])
      await t.rejects(() => store.set("v", made(code)), "invalid-argument", says);
  });
}

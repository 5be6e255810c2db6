// What the table of tests/behaviour cannot express, in any runtime.
import { MapBackend } from "./backend.mjs";
import { show } from "./behaviour.mjs";

const cases = [];
const test = (name, run) => cases.push({ name, run });
/** A case that waits more than it works: it runs beside the others. */
const aside = (name, run) => cases.push({ name, run, aside: true });
const sleep = (milliseconds) =>
  new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });

/** Same type, same content, at any depth. */
function same(left, right) {
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null)
    return Object.is(left, right);
  if (Object.getPrototypeOf(left) !== Object.getPrototypeOf(right)) return false;
  const each = (a, b) => a.length === b.length && a.every((item, at) => same(item, b[at]));
  if (Array.isArray(left)) return each(left, right);
  if (left instanceof Date) return Object.is(left.getTime(), right.getTime());
  if (left instanceof ArrayBuffer) return each([...new Uint8Array(left)], [...new Uint8Array(right)]);
  if (ArrayBuffer.isView(left) || left instanceof Map || left instanceof Set)
    return each([...left], [...right]);
  return each(Object.entries(left), Object.entries(right));
}

class Check {
  checks = 0;
  #opened = [];

  constructor({ KVStore, KVError }) {
    this.KVStore = KVStore;
    this.KVError = KVError;
  }

  async open(options) {
    const store = await this.KVStore.open(options);
    this.#opened.push(store);
    return store;
  }

  ok(holds, what) {
    if (!holds) throw new Error(`not so: ${what}`);
    this.checks += 1;
  }

  equal(found, wanted, what = "the result") {
    if (!same(found, wanted)) throw new Error(`${what} is ${show(found)}, not ${show(wanted)}`);
    this.checks += 1;
  }

  /** `call` gives a promise, which rejects: with a KVError of this code whose message says this. */
  async rejects(call, code, says) {
    let promise;
    try {
      promise = call();
    } catch (error) {
      throw new Error(`${call} threw synchronously: ${show(error)}`);
    }
    if (typeof promise?.then !== "function") throw new Error(`${call} gave no promise, but ${show(promise)}`);
    let error;
    try {
      const value = await promise;
      throw new Error(`${call} gave ${show(value)}, where it should fail`);
    } catch (thrown) {
      error = thrown;
    }
    if (!(error instanceof this.KVError))
      throw new Error(`${call} failed with what is no KVError: ${show(error)}`);
    if (error.code !== code) throw new Error(`${call} failed with ${show(error)}, not with ${code}`);
    for (const part of says === undefined ? [] : [says].flat()) {
      if (!error.message.includes(part))
        throw new Error(`the message ${JSON.stringify(error.message)} does not say ${JSON.stringify(part)}`);
    }
    this.checks += 1;
    return error;
  }

  async close() {
    for (const store of this.#opened) await store.close();
  }
}

/** The backends that values go through: memory keeps them here, the other takes them apart. */
const BOTH = [
  ["memory", () => ({})],
  ["a custom backend", () => ({ backend: new MapBackend() })],
];

for (const [where, options] of BOTH) {
  test(`isolation on ${where}`, async (t) => {
    const store = await t.open(options());
    const make = () => ({
      list: [1, { x: [2] }],
      map: new Map([["m", { y: 1 }]]),
      set: new Set([[1]]),
      date: new Date(5),
      bytes: new Uint8Array([1, 2]),
      buffer: new Uint8Array([3]).buffer,
      floats: new Float64Array([0.5]),
    });
    const spoil = (value) => {
      value.list[1].x.push(3);
      value.list.length = 1;
      value.map.get("m").y = 2;
      value.map.set("n", 1);
      [...value.set][0].push(2);
      value.date.setTime(6);
      value.bytes[0] = 9;
      new Uint8Array(value.buffer)[0] = 9;
      value.floats[0] = 9;
      value.added = true;
    };
    const given = make();
    await store.set("a", given, { metadata: { m: [1] } });
    spoil(given);
    t.equal(await store.get("a"), make(), "after a change of what was set");
    const ways = {
      get: async () => store.get("a"),
      getEntry: async () => (await store.getEntry("a")).value,
      getMany: async () => (await store.getMany(["a"]))[0],
      "getMany twice": async () => (await store.getMany(["a", "a"]))[1],
      getPattern: async () => (await store.getPattern("a")).get("a"),
      scan: async () => (await store.scan("a").next()).value.value,
    };
    for (const [name, way] of Object.entries(ways)) {
      spoil(await way());
      t.equal(await store.get("a"), make(), `after a change of what ${name} gave`);
    }
    const [one, two] = await store.getMany(["a", "a"]);
    t.ok(one !== two && one.list !== two.list, "the same key twice in getMany gives two objects");
    await store.update("a", (old) => {
      spoil(old);
      return make();
    });
    const fresh = make();
    const made = await store.update("a", () => fresh);
    spoil(made);
    spoil(fresh);
    t.equal(await store.get("a"), make(), "after a change of what update gave and took");
    const swapped = make();
    await store.set("c", 1);
    await store.compareAndSwap("c", 1, swapped);
    spoil(swapped);
    t.equal(await store.get("c"), make(), "after a change of what compareAndSwap took");
    const many = make();
    await store.setMany({ d: many });
    spoil(many);
    t.equal(await store.get("d"), make(), "after a change of what setMany took");
    const atomic = make();
    const pending = store.atomic().set("e", atomic);
    spoil(atomic);
    await pending.commit();
    t.equal(await store.get("e"), make(), "after a change of what atomic took");
    const taken = await store.getAndDelete("e");
    t.equal(taken, make(), "what getAndDelete gave");
    const metadata = { m: [1] };
    await store.set("f", 1, { metadata });
    metadata.m.push(2);
    (await store.getMetadata("f")).m.push(3);
    (await store.getEntry("f")).metadata.m.push(4);
    t.equal(await store.getMetadata("f"), { m: [1] }, "the metadata");
    const tail = new Uint8Array([1]);
    const whole = await store.append("g", tail);
    tail[0] = 7;
    whole[0] = 8;
    t.equal(await store.get("g"), new Uint8Array([1]), "the bytes");
    await store.copy("a", "a2");
    spoil(await store.get("a2"));
    const source = await store.get("a");
    (await store.get("a2")).extra = 1;
    t.equal(await store.get("a"), source, "the source of a copy");
  });

  test(`every type at any depth on ${where}`, async (t) => {
    const store = await t.open(options());
    const buffer = new Uint8Array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 250, 251, 252, 253, 254, 255]).buffer;
    const values = [
      new Date(0),
      new Date(1_732_406_400_123),
      new Date(-1),
      new Date(NaN),
      new Date(8.64e15),
      new Map(),
      new Map([
        ["x", 1],
        [2, [true]],
        [null, null],
        [true, NaN],
      ]),
      new Map([[{ key: 1 }, new Map([[new Date(1), "x"]])]]),
      new Set(),
      new Set([1, "1", null, [2], new Set([0])]),
      0n,
      -1n,
      5n,
      2n ** 53n - 1n,
      2n ** 53n,
      -(2n ** 53n),
      2n ** 63n - 1n,
      -(2n ** 63n),
      2n ** 63n,
      2n ** 64n,
      -(2n ** 200n),
      buffer,
      new ArrayBuffer(0),
      new Uint8Array(0),
      new Uint8Array(buffer, 3, 5),
      new Int8Array([-128, 127]),
      new Uint8Array([0, 255]),
      new Uint8ClampedArray([0, 255]),
      new Int16Array([-32768]),
      new Uint16Array([65535]),
      new Int32Array([-(2 ** 31)]),
      new Uint32Array([2 ** 32 - 1]),
      new Float32Array([0.5, NaN, -0]),
      new Float64Array([0.1, -0, Infinity]),
      new BigInt64Array([-(2n ** 63n), 1n]),
      new BigUint64Array([2n ** 64n - 1n]),
      new Float64Array(buffer, 8, 1),
      ...(typeof Float16Array === "undefined" ? [] : [new Float16Array([0.5])]),
      0,
      -0,
      1,
      -1,
      0.1,
      NaN,
      Infinity,
      -Infinity,
      Number.MAX_SAFE_INTEGER,
      Number.MIN_SAFE_INTEGER,
      2 ** 53,
      2 ** 63,
      -(2 ** 63),
      2 ** 64,
      1e308,
      5e-324,
      2 ** 31,
      2 ** 32,
      "",
      "a\0b",
      "😀",
      "\uffff\ufeff",
      true,
      false,
      null,
      [],
      {},
      [[]],
      { "": { " ": [{}] } },
      "x".repeat(70_000),
    ];
    for (const value of values) {
      await store.set("v", value);
      t.equal(await store.get("v"), value, "a value");
      const deep = {
        list: [value, { again: [[value]] }],
        map: new Map([
          ["k", value],
          [value, "v"],
        ]),
        set: new Set([value]),
      };
      await store.set("v", deep);
      t.equal(await store.get("v"), deep, "a value deep inside");
      t.equal((await store.getEntry("v")).value, deep, "the entry of a value deep inside");
      t.equal(await store.compareAndSwap("v", deep, value), true, "compareAndSwap of a value deep inside");
      t.equal(await store.compareAndSwap("v", value, 1), true, "compareAndSwap of a value");
    }
    await store.setMany(values.map((value, at) => [`m.${at}`, value]));
    t.equal(await store.getMany(values.map((_, at) => `m.${at}`)), values, "getMany of every value");
    const order = {};
    for (const name of ["z", "a", "m", "10", "2"]) order[name] = name;
    await store.set("o", order);
    t.equal(Object.keys(await store.get("o")).length, 5);
    const bare = Object.create(null);
    bare.x = 1;
    await store.set("o", bare);
    t.equal(await store.get("o"), { x: 1 }, "an object without a prototype");
    if (typeof SharedArrayBuffer !== "undefined") {
      const shared = new Uint8Array(new SharedArrayBuffer(2));
      shared[1] = 7;
      await store.set("s", shared);
      shared[1] = 8;
      t.equal(await store.get("s"), new Uint8Array([0, 7]), "bytes of shared memory");
    }
    if (typeof Buffer !== "undefined") {
      await store.set("b", Buffer.from("hi"));
      const found = await store.get("b");
      t.equal([...found], [104, 105]);
      t.ok(found instanceof Uint8Array, "a Buffer comes back as bytes");
    }
  });

  test(`names that mean something to JavaScript on ${where}`, async (t) => {
    const store = await t.open(options());
    const value = JSON.parse(
      '{"__proto__": {"polluted": [1]}, "constructor": 1, "toString": "x", "then": 2, "toJSON": 3, "length": 4, "hasOwnProperty": 5, "valueOf": 6}',
    );
    await store.set("a", { in: [value] }, { metadata: value });
    const found = (await store.get("a")).in[0];
    t.equal(Object.keys(found).sort(), Object.keys(value).sort(), "the names");
    t.equal(Object.getOwnPropertyDescriptor(found, "__proto__").value, { polluted: [1] }, "__proto__");
    t.ok(Object.getPrototypeOf(found) === Object.prototype, "the prototype is the usual one");
    t.ok({}.polluted === undefined && found.polluted === undefined, "nothing is polluted");
    found.__proto__.polluted.push(2);
    t.equal(
      Object.getOwnPropertyDescriptor((await store.get("a")).in[0], "__proto__").value,
      { polluted: [1] },
      "isolated, too",
    );
    const metadata = await store.getMetadata("a");
    t.equal(Object.keys(metadata).sort(), Object.keys(value).sort(), "the names in metadata");
    t.equal(await store.compareAndSwap("a", { in: [value] }, 1), true);
    for (const key of ["__proto__", "constructor", "then", "__proto__.polluted"]) {
      await store.set(key, key);
      t.equal(await store.get(key), key);
    }
    const all = await store.getPattern("**");
    t.ok(all.has("__proto__") && all.has("constructor"), "keys by such names");
    await store.setMany(JSON.parse('{"__proto__": 7, "toString": 8}'));
    t.equal(await store.getMany(["__proto__", "toString"]), [7, 8]);
  });

  test(`serializers on ${where}`, async (t) => {
    class Point {
      constructor(x, y) {
        this.x = x;
        this.y = y;
      }
    }
    class Line {
      constructor(from, to) {
        this.from = from;
        this.to = to;
      }
    }
    class Names extends Map {}
    const serializers = [
      {
        tag: "test.point",
        test: (value) => value instanceof Point,
        serialize: ({ x, y }) => ({ x, y: [y] }),
        deserialize: ({ x, y }) => new Point(x, y[0]),
      },
      {
        tag: "test.line",
        test: (value) => value instanceof Line,
        serialize: ({ from, to }) => [from, to],
        deserialize: ([from, to]) => new Line(from, to),
      },
      {
        tag: "test.names",
        test: (value) => value instanceof Names,
        serialize: (names) => [...names],
        deserialize: (pairs) => new Names(pairs),
      },
    ];
    const store = await t.open({ ...options(), serializers });
    const line = () => new Line(new Point(1, 2n), new Point(0.5, new Date(7)));
    for (const make of [
      () => new Point(1, "y"),
      line,
      () => ({ in: [line()], map: new Map([["k", new Point(1, null)]]) }),
      () => new Names([["a", 1]]),
      () => new Line([new Names([["n", new Point(1, 1)]])], null),
    ]) {
      await store.set("a", make());
      const found = await store.get("a");
      t.equal(found, make(), "an instance");
      t.equal((await store.getEntry("a")).value, make(), "an instance of an entry");
      t.equal(await store.compareAndSwap("a", make(), make()), true, "compareAndSwap of an instance");
      t.equal(
        await store.compareAndSwap("a", new Point(7, 7), 1),
        false,
        "compareAndSwap of another instance",
      );
    }
    // What deserialize builds on is not what the store keeps.
    class Holder {
      constructor(list) {
        this.list = list;
      }
    }
    const holding = await t.open({
      ...options(),
      serializers: [
        {
          tag: "test.holder",
          test: (value) => value instanceof Holder,
          serialize: (held) => held.list,
          deserialize: (list) => new Holder(list),
        },
      ],
    });
    const list = [[1]];
    await holding.set("h", new Holder(list));
    list[0].push(2);
    (await holding.get("h")).list[0].push(3);
    t.equal(await holding.get("h"), new Holder([[1]]), "an instance, isolated");
    // A body that cannot be stored, a serializer that throws.
    class Bad {}
    const bad = (serialize) => ({
      tag: "test.bad",
      test: (value) => value instanceof Bad,
      serialize,
      deserialize: () => new Bad(),
    });
    const unfit = await t.open({ ...options(), serializers: [bad(() => ({ f: () => 1 }))] });
    await t.rejects(() => unfit.set("a", [new Bad()]), "invalid-argument", ["test.bad", "function"]);
    const boom = new RangeError("boom");
    await t.open({
      serializers: [
        bad(() => {
          throw boom;
        }),
      ],
    });
    t.equal(
      await unfit.set("a", new Bad()).then(
        () => "stored",
        (error) => error === boom,
      ),
      true,
      "what a serializer throws",
    );
    for (const wrong of [
      { tag: "date" },
      { tag: "" },
      { tag: 1 },
      {},
      null,
      { tag: "x", test: () => true },
    ]) {
      await t.rejects(() => t.KVStore.open({ serializers: [wrong] }), "invalid-argument", "serializer");
    }
    for (const wrong of [{}, 5, "text", null])
      await t.rejects(() => t.KVStore.open({ serializers: wrong }), "invalid-argument");
  });

  test(`values that are refused on ${where}`, async (t) => {
    const store = await t.open(options());
    class Thing {
      x = 1;
    }
    Object.defineProperty(Thing, "name", { value: "Thing" }); // A bundler shortens it.
    const cycle = { a: [] };
    cycle.a.push({ back: cycle });
    const list = [1];
    list.push([list]);
    const map = new Map();
    map.set("me", map);
    const set = new Set();
    set.add([set]);
    const sparse = [1, , 3]; // eslint-disable-line no-sparse-arrays
    const lone = "a\ud800";
    const refused = [
      [undefined, "undefined"],
      [() => 1, "function"],
      [Symbol("s"), "symbol"],
      [class {}, "function"],
      [cycle, ["cycle", "value.a[0].back"]],
      [list, ["cycle", "value[1][0]"]],
      [map, "cycle"],
      [set, "cycle"],
      [{ a: { f() {} } }, ["function", "value.a.f"]],
      [[Symbol("s")], ["symbol", "value[0]"]],
      [{ [Symbol("s")]: 1 }, "symbol"],
      [
        {
          a: [
            {
              get b() {
                return 1;
              },
            },
          ],
        },
        ["accessor", "value.a[0].b"],
      ],
      [{ set b(_) {} }, "value.b"],
      [{ a: { b: [1, { c: lone }] } }, ["surrogate", "value.a.b[1].c"]],
      [{ [lone]: 1 }, "surrogate"],
      [{ a: { [lone]: 1 } }, ["surrogate", "value.a"]],
      [lone, "surrogate"],
      ["\udc00x", "surrogate"],
      [new Map([["k", lone]]), "surrogate"],
      [new Map([[lone, 1]]), "surrogate"],
      [new Set([lone]), "surrogate"],
      [{ a: undefined }, ["undefined", "value.a"]],
      [[undefined], ["undefined", "value[0]"]],
      [sparse, ["undefined", "value[1]"]],
      [new Array(3), "value[0]"],
      [new Map([["k", undefined]]), "undefined"],
      [new Set([undefined]), "undefined"],
      [new Thing(), ["Thing", "serializer"]],
      [{ a: [new Thing()] }, ["Thing", "value.a[0]"]],
      [new (class extends Map {})(), "instance"],
      [new (class extends Date {})(), "instance"],
      [new (class extends Set {})(), "instance"],
      [new (class extends Array {})(), "instance"],
      [new (class extends Uint8Array {})(2), "instance"],
      [/x/, "RegExp"],
      [new Error("x"), "Error"],
      [Promise.resolve(1), "Promise"],
      [new WeakMap(), "WeakMap"],
      [new URL("http://x/"), "URL"],
      [new DataView(new ArrayBuffer(1)), "DataView"],
      [new String("x"), "String"],
      [new Number(1), "Number"],
      [new Boolean(true), "Boolean"],
      [Object.create({ inherited: 1 }), "instance"],
      [{ a: globalThis }, "value.a"],
    ];
    for (const [value, says] of refused) {
      await t.rejects(() => store.set("a", value), "invalid-argument", says);
      await t.rejects(
        () =>
          store.setMany([
            ["ok", 1],
            ["a", value],
          ]),
        "invalid-argument",
        says,
      );
    }
    for (const value of [() => 1, lone, cycle, new Thing(), [undefined]]) {
      await t.rejects(() => store.compareAndSwap("a", undefined, value), "invalid-argument");
      await t.rejects(() => store.compareAndSwap("a", value, 1), "invalid-argument");
      await t.rejects(() => store.update("a", () => value), "invalid-argument");
      await t.rejects(() => store.atomic().set("ok", 1).set("a", value).commit(), "invalid-argument");
      await t.rejects(() => store.set("a", 1, { metadata: { x: value } }), "invalid-argument");
      await t.rejects(() => store.setMetadata("a", { x: value }), "invalid-argument");
    }
    for (const value of [new Date(0), new Map(), 1n, new Uint8Array(1), [new Set()]]) {
      await t.rejects(() => store.set("a", 1, { metadata: { x: value } }), "invalid-argument");
    }
    if (typeof structuredClone === "function") {
      for (const value of [new ArrayBuffer(8), new Uint8Array(8)]) {
        structuredClone(value, { transfer: [value.buffer ?? value] });
        // Engines differ in what the bytes of a buffer that was transferred away are; none may throw anything else.
        const error = await store.set("gone", { value }).then(
          () => undefined,
          (thrown) => thrown,
        );
        t.ok(
          error === undefined || error.code === "invalid-argument",
          `a buffer that was transferred away: ${show(error)}`,
        );
      }
      await store.delete("gone");
    }
    t.equal(await store.keys(), [], "the keys after all that was refused");
    const shared = { x: 1 };
    await store.set("a", [shared, shared, { shared }]);
    t.equal(
      await store.get("a"),
      [shared, shared, { shared }],
      "the same object in several places is no cycle",
    );
  });

  test(`nesting has a bound on ${where}`, async (t) => {
    const store = await t.open(options());
    const nest = (levels, wrap, value = 1) => {
      for (let level = 0; level < levels; level++) value = wrap(value);
      return value;
    };
    const wraps = {
      list: [(x) => [x], 255],
      object: [(x) => ({ x }), 255],
      map: [(x) => new Map([["k", x]]), 85],
      set: [(x) => new Set([x]), 127],
    };
    for (const [name, [wrap, most]] of Object.entries(wraps)) {
      await store.set("a", nest(most, wrap));
      t.equal(await store.get("a"), nest(most, wrap), `${most} of ${name}`);
      t.equal(
        await store.compareAndSwap("a", nest(most, wrap), nest(most, wrap)),
        true,
        `compareAndSwap of ${most} of ${name}`,
      );
      await t.rejects(() => store.set("b", nest(most + 1, wrap)), "invalid-argument", "deep");
      await t.rejects(() => store.set("b", nest(20_000, wrap)), "invalid-argument", "deep");
    }
    for (const leaf of [
      5n,
      new Date(1),
      new Uint8Array(1),
      new Float32Array(1),
      new ArrayBuffer(1),
      [],
      {},
      new Map(),
      new Set(),
    ]) {
      for (const levels of [253, 254, 255, 256]) {
        const value = nest(levels, (x) => [x], leaf);
        const stored = await store.set("c", value).then(
          () => true,
          (error) => (error.code === "invalid-argument" ? false : show(error)),
        );
        t.ok(typeof stored === "boolean", stored);
        if (stored)
          t.equal(
            await store.compareAndSwap("c", value, 1),
            true,
            `${show(leaf)} in ${levels} lists, which was stored`,
          );
      }
    }
    t.equal(await store.exists("b"), false);
  });

  test(`update on ${where}`, async (t) => {
    const store = await t.open(options());
    t.equal(await store.update("a", (old) => (old ?? 0) + 1), 1);
    t.equal(
      await store.update("a", async (old) => {
        await sleep(2);
        return old + 1;
      }),
      2,
    );
    t.equal(await store.update("a", (old) => ({ then: undefined ?? old })), { then: 2 });
    await store.set("a", 5, { ttl: 1000, metadata: { m: 1 } });
    await store.update("a", () => null);
    t.equal(await store.get("a"), null);
    t.equal(await store.getMetadata("a"), { m: 1 });
    t.ok((await store.ttl("a")) > 900, "the time to live is kept");
    for (const thrown of [
      new RangeError("mine"),
      "a text",
      42,
      null,
      { code: "conflict", message: "not ours" },
      new t.KVError("conflict", "theirs"),
    ]) {
      for (const f of [
        () => {
          throw thrown;
        },
        async () => {
          await sleep(1);
          throw thrown;
        },
      ]) {
        const error = await store.update("a", f).then(
          () => "no error",
          (error) => ({ error }),
        );
        t.ok(
          error.error === thrown,
          `what the function throws comes out as it is: ${show(thrown)}, not ${show(error.error)}`,
        );
      }
    }
    await t.rejects(() => store.update("a", () => {}), "invalid-argument", "return");
    await t.rejects(() => store.update("a", async () => {}), "invalid-argument", "return");
    await t.rejects(() => store.update("absent", () => undefined), "invalid-argument", "return");
    for (const f of [undefined, null, 1, "x", {}])
      await t.rejects(() => store.update("a", f), "invalid-argument", "function");
    await t.rejects(() => store.update("", () => 1), "invalid-key");
    await t.rejects(() => store.update(5, () => 1), "invalid-key");
    t.equal(await store.get("a"), null, "the value after all that failed");
    t.equal(await store.exists("absent"), false);
    // From inside, the store is usable: it is not locked.
    await store.set("n", 1);
    t.equal(
      await store.update("n", async (old) => {
        await store.set("inside", old);
        return (await store.get("inside")) + 1;
      }),
      2,
    );
    // Somebody else writes while the function waits: it runs again.
    let runs = 0;
    const sum = await store.update("n", async (old) => {
      runs += 1;
      if (runs === 1) await store.set("n", 100);
      return old + 1;
    });
    t.equal([sum, runs], [101, 2], "an update that lost its race");
    const gone = await store.update("n", async (old) => {
      if (old !== undefined) await store.delete("n");
      return old === undefined ? "anew" : "lost";
    });
    t.equal(gone, "anew", "an update whose entry went away");
  });

  test(`interleaved awaits on one key on ${where}`, async (t) => {
    const store = await t.open(options());
    const results = await Promise.all(Array.from({ length: 100 }, () => store.increment("n")));
    t.equal(new Set(results).size, 100, "how many different sums");
    t.equal(await store.get("n"), 100);
    await Promise.all(
      Array.from({ length: 50 }, (_, at) =>
        store.update("u", async (old) => {
          if (at % 3 === 0) await sleep(at % 7);
          return (old ?? 0) + 1;
        }),
      ),
    );
    t.equal(await store.get("u"), 50, "after 50 updates");
    await Promise.all(
      Array.from({ length: 60 }, (_, at) =>
        at % 3 === 0
          ? store.increment("m")
          : at % 3 === 1
            ? store.update("m", (old) => (old ?? 0) + 1)
            : store.setMetadata("m", { [`f${at}`]: at }),
      ),
    );
    t.equal(await store.get("m"), 40, "after increments, updates and metadata");
    const texts = await Promise.all(Array.from({ length: 40 }, () => store.append("t", "x")));
    t.equal(
      texts.map((text) => text.length).sort((a, b) => a - b),
      Array.from({ length: 40 }, (_, at) => at + 1),
      "the lengths",
    );
    const once = await Promise.all(
      Array.from({ length: 20 }, (_, at) => store.set("once", at, { ifAbsent: true })),
    );
    t.equal(once.filter(Boolean).length, 1, "how many made it");
    await store.set("c", 0);
    const swaps = await Promise.all(
      Array.from({ length: 20 }, (_, at) => store.compareAndSwap("c", 0, at + 1)),
    );
    t.equal(swaps.filter(Boolean).length, 1, "how many swapped");
    await store.setMany({ x: 1, y: 1 });
    const commits = await Promise.all(
      Array.from({ length: 10 }, async () => {
        for (let tries = 0; tries < 200; tries++) {
          const [x, y] = [await store.getEntry("x"), await store.getEntry("y")];
          const { ok } = await store
            .atomic()
            .check("x", x)
            .check("y", y.version)
            .set("x", x.value + 1)
            .set("y", y.value + 1)
            .commit();
          if (ok) return true;
        }
        return false;
      }),
    );
    t.equal(commits.every(Boolean), true);
    t.equal(await store.getMany(["x", "y"]), [11, 11], "two keys that change together");
    const taken = await Promise.all(Array.from({ length: 5 }, () => store.getAndDelete("x")));
    t.equal(
      taken.filter((value) => value !== undefined),
      [11],
      "who took it out",
    );
  });

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

  test(`scans on ${where}`, async (t) => {
    const store = await t.open(options());
    const keys = Array.from({ length: 1234 }, (_, at) => `s.${String(at).padStart(4, "0")}`);
    await store.setMany(keys.map((key, at) => [key, at, { metadata: { at } }]));
    const seen = [];
    for await (const { key, value, metadata, version } of store) {
      if (metadata.at !== value || typeof version !== "string") throw new Error(`the entry of ${key} is odd`);
      seen.push(key);
    }
    t.equal(seen, keys, "for await over the store");
    const list = async (iterator) => {
      const items = [];
      for await (const item of iterator) items.push(item);
      return items;
    };
    t.equal(await list(store.scan("s.*", { values: false })), keys);
    t.equal(
      await list(store.scan("**", { values: false, reverse: true, limit: 501 })),
      [...keys].reverse().slice(0, 501),
    );
    t.equal(await list(store.scan("**", { values: false, after: "s.1231x", limit: 9 })), keys.slice(1232));
    t.equal(await list(store.scan("**", { values: false, limit: 0 })), []);
    t.equal((await list(store.scan("**", { values: false, limit: Infinity }))).length, 1234);
    t.equal(await list(store.scan("none.*")), []);
    t.equal((await store.keys("**", { limit: Infinity })).length, 1234);
    for await (const { key } of store.scan("s.*")) {
      if (key === "s.0003") break;
    }
    const iterator = store.scan("s.*");
    t.ok(
      typeof iterator[Symbol.asyncIterator] === "function" && typeof iterator.next === "function",
      "a scan is an async iterator",
    );
    t.equal((await iterator.next()).value.key, "s.0000");
    t.equal(await iterator.return(), { value: undefined, done: true });
    t.equal(await iterator.next(), { value: undefined, done: true });
    // Keys go away and come while the scan is on its way.
    const rest = [];
    for await (const key of store.scan("s.*", { values: false })) {
      rest.push(key);
      if (key === "s.0100") {
        await store.deletePattern("s.06*");
        await store.set("s.9999", 1);
      }
    }
    t.ok(
      rest.length > 1134 &&
        rest.length <= 1235 &&
        new Set(rest).size === rest.length &&
        rest.includes("s.1233"),
      "a scan beside changes",
    );
    for (const wrong of [
      { limit: -1 },
      { limit: 1.5 },
      { limit: NaN },
      { limit: "1" },
      { reverse: 1 },
      { values: 1 },
      { max: 1 },
      5,
      null,
    ]) {
      await t.rejects(() => store.scan("**", wrong).next(), "invalid-argument");
    }
    await t.rejects(() => store.scan("{").next(), "invalid-pattern");
    await t.rejects(() => store.scan(5).next(), "invalid-pattern");
    await t.rejects(() => store.scan("**", { after: "" }).next(), "invalid-key");
  });

  test(`after close on ${where}`, async (t) => {
    const store = await t.open(options());
    await store.set("a", 1);
    const other = await store.namespace("other");
    const open = store.scan("**");
    await other.close();
    await t.rejects(() => other.get("a"), "closed");
    t.equal(await store.get("a"), 1, "the parent of a namespace that was closed");
    await store.close();
    for (const [method, args] of Object.entries(CALLS)) {
      await t.rejects(
        () => (method === "scan" ? store.scan(...args).next() : store[method](...args)),
        "closed",
      );
    }
    await t.rejects(() => store.atomic().set("a", 1).commit(), "closed");
    await t.rejects(() => store.namespace("x"), "closed");
    await t.rejects(() => open.next(), "closed");
    await store.close();
    const again = await t.open(options());
    await again.set("a", 1);
    await again[Symbol.asyncDispose]();
    await t.rejects(() => again.get("a"), "closed");
  });
}

/** A right call of each method that takes options last. */
const CALLS = {
  get: ["a"],
  set: ["a", 1],
  delete: ["a"],
  exists: ["a"],
  getEntry: ["a"],
  getAndDelete: ["a"],
  rename: ["a", "b"],
  copy: ["a", "b"],
  getMany: [["a"]],
  setMany: [[["a", 1]]],
  deleteMany: [["a"]],
  keys: ["**"],
  getPattern: ["**"],
  deletePattern: ["nothing.*"],
  countPattern: ["**"],
  scan: ["**"],
  getMetadata: ["a"],
  setMetadata: ["a", {}],
  replaceMetadata: ["a", {}],
  ttl: ["a"],
  expire: ["a", 10],
  persist: ["a"],
  cleanupExpired: [],
  compareAndSwap: ["a", undefined, 1],
  update: ["a", () => 1],
  increment: ["n", 1],
  append: ["t", "x"],
  namespaces: [],
  clear: [],
};
const call = (store, method, args) =>
  method === "scan" ? store.scan(...args).next() : store[method](...args);

test("unknown and wrong options are refused by name, for every method", async (t) => {
  const store = await t.open();
  for (const [method, args] of Object.entries(CALLS)) {
    await t.rejects(() => call(store, method, [...args, { tll: 1 }]), "invalid-argument", ['"tll"', method]);
    await t.rejects(
      () => call(store, method, [...args, { signal: undefined, Signal: 1 }]),
      "invalid-argument",
      '"Signal"',
    );
    for (const wrong of [null, 5, "text", true, () => 1])
      await t.rejects(() => call(store, method, [...args, wrong]), "invalid-argument");
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
    { signal: {} },
    { backend: new MapBackend(), config: { maxEntries: 1 } },
    null,
    5,
    "memory",
  ]) {
    await t.rejects(() => t.KVStore.open(wrong), "invalid-argument");
  }
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
  await t.rejects(() => store.atomic().set("a", 1).delete("a").commit(), "invalid-argument");
  t.equal(await store.set("still", "usable"), true);
});

test("errors", async (t) => {
  const store = await t.open();
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
  t.ok(
    gone.results.length === 3 && gone.results.filter((one) => one === true).length === 2,
    "the results of deleteMany",
  );
});

/** A backend that answers after a while. */
class Slow extends MapBackend {
  delay = 600;
  async read(keys) {
    await sleep(this.delay);
    return super.read(keys);
  }
  async commit(batch) {
    await sleep(this.delay);
    return super.commit(batch);
  }
  async scan(query) {
    await sleep(this.delay);
    return super.scan(query);
  }
  async namespaces() {
    await sleep(this.delay);
    return super.namespaces();
  }
}

test("an abort rejects with the signal's reason", async (t) => {
  const memory = await t.open();
  const slow = new Slow();
  const store = await t.open({ backend: slow, autoCleanup: false });
  for (const reason of [new Error("enough"), "a text", undefined]) {
    const signal = AbortSignal.abort(reason);
    for (const [method, args] of Object.entries(CALLS)) {
      for (const one of [memory, store]) {
        const got = await call(one, method, [...args, { signal }]).then(
          () => "no error",
          (error) => ({ error }),
        );
        t.ok(
          got.error === signal.reason,
          `${method} under a signal that is aborted: ${show(got.error ?? got)}`,
        );
      }
    }
    const opened = await t.KVStore.open({ signal }).then(
      () => "no error",
      (error) => error,
    );
    t.ok(opened === signal.reason, "open");
  }
  t.equal(await memory.keys(), [], "what was written under a signal that was aborted");
  t.equal(slow.spaces.size, 0, "what reached the backend");
  // In the middle: all at once, each at the backend's delay of 600 ms.
  const reason = new Error("in the middle");
  // Node warns of more than ten listeners.
  const controllers = [0, 1, 2].map(() => new AbortController());
  const start = Date.now();
  const pending = Object.entries(CALLS).map(async ([method, args], at) => {
    const got = await call(store, method, [...args, { signal: controllers[at % 3].signal }]).then(
      () => "no error",
      (error) => ({ error }),
    );
    t.ok(got.error === reason, `${method} that was aborted in the middle: ${show(got.error ?? got)}`);
  });
  setTimeout(() => controllers.forEach((controller) => controller.abort(reason)), 20);
  await Promise.all(pending);
  t.ok(Date.now() - start < 500, `they ended with the abort, not with the backend: ${Date.now() - start} ms`);
  slow.delay = 0;
  await sleep(650);
  t.equal(await store.set("usable", 1, { signal: new AbortController().signal }), true);
  t.equal(await store.get("usable", { signal: AbortSignal.timeout(60_000) }), 1);
  const late = new AbortController();
  t.equal(await memory.set("a", 1, { signal: late.signal }), true);
  late.abort();
  t.equal(await memory.get("a"), 1, "an abort after the end changes nothing");
  const scanning = new AbortController();
  await memory.setMany({ b: 1, c: 1 });
  const iterator = memory.scan("**", { signal: scanning.signal });
  await iterator.next();
  scanning.abort(reason);
  t.ok(
    (await iterator.next().then(
      () => undefined,
      (error) => error,
    )) === reason,
    "a scan that is aborted between two entries",
  );
});

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

test("integers and numbers at their ends", async (t) => {
  const store = await t.open();
  const max = Number.MAX_SAFE_INTEGER;
  await store.set("n", max - 1);
  t.equal(await store.increment("n"), max);
  t.equal(await store.increment("n"), 2n ** 53n);
  t.equal(await store.get("n"), 2n ** 53n);
  t.equal(await store.increment("n", -1), max);
  t.equal(typeof (await store.get("n")), "number");
  await store.set("n", -max);
  t.equal(await store.increment("n", -1), -(2n ** 53n));
  t.equal(await store.increment("n", 1n), -max);
  await store.set("n", 2n ** 63n - 2n);
  t.equal(await store.increment("n"), 2n ** 63n - 1n);
  await t.rejects(() => store.increment("n"), "invalid-argument");
  t.equal(await store.get("n"), 2n ** 63n - 1n);
  await store.set("n", -(2n ** 63n));
  await t.rejects(() => store.increment("n", -1), "invalid-argument");
  t.equal(await store.increment("n", 2n ** 63n - 1n), -1);
  await t.rejects(() => store.increment("n", 2n ** 63n), "invalid-argument");
  await t.rejects(() => store.increment("n", -(2n ** 63n) - 1n), "invalid-argument");
  for (const delta of ["1", null, true, {}, [1], NaN, Infinity, Symbol("s")])
    await t.rejects(() => store.increment("n", delta), "invalid-argument");
  t.equal(await store.increment("f", 2 ** 60), 2 ** 60, "a double");
  t.equal(await store.increment("f", 1), 2 ** 60, "a double and an integer");
  await store.set("z", -0);
  t.equal(await store.get("z"), -0);
  t.equal(await store.compareAndSwap("z", 0, 1n), true);
  t.equal(await store.get("z"), 1n);
  t.equal(await store.compareAndSwap("z", 1, 2), true, "1n equals 1");
});

test("bad patterns end soon, with a position", async (t) => {
  const store = await t.open();
  await store.setMany(Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`a${"a".repeat(at)}`, at])));
  const start = Date.now();
  for (const pattern of [
    "{a,b}".repeat(30),
    "*a".repeat(30),
    `${"*a".repeat(200)}b`,
    `${"{a,aa}".repeat(30)}c`,
    "[a-z]".repeat(100),
    `${"?".repeat(500)}*`,
    "**.".repeat(30) + "**",
    `${"{".repeat(32)}a${"}".repeat(32)}`,
  ]) {
    await store.keys(pattern);
    await store.countPattern(pattern);
    t.checks += 1;
  }
  for (const pattern of [
    "[",
    "{",
    "{a,b",
    "[z-a]",
    "[]",
    "{}",
    "\\",
    "a**",
    "**a",
    "x".repeat(10_000),
    "{".repeat(1000),
    `${"{a,".repeat(1000)}b${"}".repeat(1000)}`,
    "[!]",
    "\ud800",
  ]) {
    for (const method of ["keys", "getPattern", "deletePattern", "countPattern"])
      await t.rejects(() => store[method](pattern), "invalid-pattern");
  }
  t.ok(Date.now() - start < 5000, `they took ${Date.now() - start} ms`);
  t.equal((await store.keys()).length, 200);
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
  const store = await t.open();
  const used = () => memory().arrayBuffers + memory().heapUsed;
  const before = used();
  for (let round = 0; round < 150; round++) {
    await store.set(round % 2 ? "a" : `b.${round}`, new Uint8Array(4_000_000).fill(round));
    await store.deletePattern("b.*");
  }
  await store.clear();
  const grown = (used() - before) / 1e6;
  t.ok(grown < 450, `150 values of 4 MB that were overwritten or deleted hold ${Math.round(grown)} MB`);
});

/** Runs the cases: how many checks held, and which cases failed. */
export async function run(modules) {
  const failures = [];
  let passed = 0;
  const one = async ({ name, run: body }) => {
    const check = new Check(modules);
    try {
      await body(check);
      passed += check.checks;
    } catch (error) {
      failures.push(`cases: ${name}: ${error?.message ?? show(error)}`);
    }
    await check.close().catch((error) => failures.push(`cases: ${name}: close: ${show(error)}`));
  };
  const beside = cases.filter((it) => it.aside).map(one);
  for (const it of cases) if (!it.aside) await one(it);
  await Promise.all(beside);
  return { passed, failed: failures.length, failures, cases: cases.length };
}

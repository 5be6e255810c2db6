// Every type comes back, at any depth, also one of the user's own.
import { BOTH, test } from "./check.mjs";

for (const [where, options] of BOTH) {
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
    // An instance with a constructor of its own is what it was made as.
    for (const odd of [new Uint8Array([1, 2]), new Float32Array([1, 2])]) {
      const wanted = odd.slice();
      Object.defineProperty(odd, "constructor", { value: Int8Array });
      await store.set("odd", [odd]);
      t.equal(await store.get("odd"), [wanted], "an array with a constructor of its own");
      await store.update("odd", (old) => old);
      t.equal(await store.get("odd"), [wanted], "an array with a constructor of its own, again");
    }
    if (typeof Buffer !== "undefined") {
      await store.set("b", Buffer.from("hi"));
      const found = await store.get("b");
      t.equal([...found], [104, 105]);
      t.ok(Object.getPrototypeOf(found) === Uint8Array.prototype, "a Buffer comes back as Uint8Array");
      await store.set("b", { deep: [Buffer.from("hi")] });
      t.ok(
        Object.getPrototypeOf((await store.get("b")).deep[0]) === Uint8Array.prototype,
        "a Buffer deep inside comes back as Uint8Array",
      );
    }
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
    for (const [value, path] of [
      [new Bad(), "value cannot"],
      [[1, { b: new Bad() }], "value[1].b cannot"],
      [new Map([[1, new Bad()]]), "value<1> cannot"],
    ]) {
      const error = await t.rejects(() => unfit.set("a", value), "invalid-argument", [
        path,
        "test.bad",
        "boom",
      ]);
      t.equal([error.cause === boom, error.key], [true, "a"], path);
    }
    await t.rejects(() => unfit.setMany([["b", new Bad()]]), "invalid-argument", ["test.bad", "boom"]);
    // One that fails only the first time, and one that says what it is.
    let times = 0;
    const once = () => {
      if (times++ === 0) throw boom;
      return 1;
    };
    await t.open({ serializers: [bad(once)] });
    await t.rejects(() => unfit.set("a", [new Bad()]), "invalid-argument", ["value[0] cannot", "boom"]);
    const own = new t.KVError("access-denied", "not this one");
    await t.open({
      serializers: [
        bad(() => {
          throw own;
        }),
      ],
    });
    t.equal(await unfit.set("a", new Bad()).catch((error) => error === own), true, "a KVError of its own");
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
}

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

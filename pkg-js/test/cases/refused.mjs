// Values that cannot be stored, and where in them the fault is.
import { show } from "../behaviour.mjs";
import { BOTH, test } from "./check.mjs";

for (const [where, options] of BOTH) {
  test(`values that are refused on ${where}`, async (t) => {
    const store = await t.open(options());
    class Thing {
      x = 1;
    }
    Object.defineProperty(Thing, "name", { value: "Thing" }); // A bundler shortens it.
    const revoked = (value) => {
      const { proxy, revoke } = Proxy.revocable(value, {});
      revoke();
      return proxy;
    };
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
      [
        {
          get x() {
            throw new Error("boom");
          },
        },
        ["accessor", "value.x"],
      ],
      [
        Object.defineProperty([1, 2], 1, {
          enumerable: true,
          get() {
            throw new Error("boom");
          },
        }),
        ["accessor", "value[1]"],
      ],
      [[{ a: new Proxy(new Date(), {}) }], ["value[0].a", "Date"]],
      [new Proxy(new Map([["a", 1]]), {}), ["value", "Map"]],
      [{ m: new Proxy(new Set([1]), {}) }, ["value.m", "Set"]],
      [{ m: Object.create(Date.prototype) }, ["value.m", "Date"]],
      [{ m: Object.create(Map.prototype) }, ["value.m", "Map"]],
      [{ m: new Proxy(new Uint8Array(2), {}) }, ["value.m", "Uint8Array"]],
      [{ m: new Proxy(new ArrayBuffer(2), {}) }, ["value.m", "ArrayBuffer"]],
      [{ m: Object.create(Uint8Array.prototype) }, ["value.m", "Uint8Array"]],
      [{ m: Object.create(Float64Array.prototype) }, ["value.m", "Float64Array"]],
      [{ m: Object.create(ArrayBuffer.prototype) }, ["value.m", "ArrayBuffer"]],
      [{ a: [revoked({})] }, ["value.a[0]", "read"]],
      [{ a: [revoked([])] }, ["value.a[0]", "read"]],
      [
        new Proxy(
          {},
          {
            ownKeys() {
              throw new Error("boom");
            },
          },
        ),
        ["value", "read", "boom"],
      ],
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
      const error = await t.rejects(() => store.set("a", value), "invalid-argument", says);
      t.ok(!error.message.includes("transferred"), `${error.message}: nothing was transferred`);
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
      for (const one of [
        () => store.set("a", 1, { metadata: { x: value } }),
        () => store.setMany([["a", 1, { metadata: { x: value } }]]),
        () =>
          store
            .atomic()
            .set("a", 1, { metadata: { x: value } })
            .commit(),
        () => store.setMetadata("a", { x: value }),
        () => store.replaceMetadata("a", { x: value }),
      ]) {
        const error = await t.rejects(one, "invalid-argument", "metadata.x");
        t.equal(error.key, "a", "the key of a fault in metadata");
      }
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
}

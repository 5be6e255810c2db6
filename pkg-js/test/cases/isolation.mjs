// Values are the caller's own, before and after; names that mean something to JavaScript are only names.
import { BOTH, test } from "./check.mjs";

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
}

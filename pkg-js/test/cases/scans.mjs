// Scans, patterns that go wrong, and what is refused after close.
import { BOTH, CALLS, test } from "./check.mjs";

for (const [where, options] of BOTH) {
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
    await store.set("b", 2);
    await other.set("x", 1);
    await other.set("y", 1);
    const open = store.scan("**");
    const begun = [store.scan("**"), store.scan("*", { values: false, reverse: true })];
    const inside = other.scan("**");
    const ended = store.scan("none");
    for (const scan of [...begun, inside, ended]) await scan.next();
    await other.close();
    await t.rejects(() => inside.next(), "closed");
    await t.rejects(() => other.scan("**", { limit: 0 }).next(), "closed");
    t.equal((await begun[0].next()).value.key, "b", "a scan of the parent of a namespace that was closed");
    const orphan = await store.namespace("orphan");
    await orphan.setMany({ x: 1, y: 2 });
    const within = orphan.scan("**");
    await within.next();
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
    for (const scan of [open, ...begun, within, ended, store.scan("*", { limit: 0 })]) {
      await t.rejects(() => scan.next(), "closed");
      await t.rejects(() => scan.next(), "closed");
      t.equal(await scan.return(), { value: undefined, done: true });
    }
    await t.rejects(async () => {
      for await (const _ of store) throw new Error("an entry");
    }, "closed");
    await store.close();
    const again = await t.open(options());
    await again.set("a", 1);
    await again[Symbol.asyncDispose]();
    await t.rejects(() => again.get("a"), "closed");
  });
}

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

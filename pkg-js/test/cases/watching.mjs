import { MapBackend } from "../backend.mjs";
import { take, test } from "./check.mjs";

test("watch tells of changes from the call on", async (t) => {
  const store = await t.open();
  await store.set("users.1.name", "before");
  const events = store.watch("users.*.name");
  await store.set("users.1.name", "Ada");
  await store.set("users.1.mail", "x");
  await store.setMany({ "users.2.name": 1, "users.3.name": 2 });
  await store.delete("users.2.name");
  t.equal(await take(events, 4), [
    "set users.1.name",
    "set users.2.name",
    "set users.3.name",
    "delete users.2.name",
  ]);
  const waiting = events.next();
  await store.rename("users.3.name", "users.4.name");
  t.equal((await waiting).value.type, "delete");
  t.equal(await take(events, 1), ["set users.4.name"]);
});

test("watch gives versions, and values on request as copies", async (t) => {
  const store = await t.open();
  const events = store.watch("*", { values: true });
  const value = { list: [1, new Date(5)], big: 2n ** 70n };
  await store.set("a", value);
  const { version } = await store.getEntry("a");
  await store.set("t", "text");
  await store.delete("a");
  const first = (await events.next()).value;
  t.equal(first, { type: "set", key: "a", version, value });
  first.value.list.push(2);
  t.equal((await store.get("a")) === undefined, true);
  t.equal((await events.next()).value.value, "text");
  t.equal((await events.next()).value, { type: "delete", key: "a", version });
  const plain = store.watch("*");
  await store.set("b", 1);
  t.equal("value" in (await plain.next()).value, false);
});

test("watch hears of the namespace only, and through every handle on it", async (t) => {
  const store = await t.open();
  const other = await store.namespace("other");
  const again = await store.namespace("other");
  const events = other.watch();
  await store.set("a", 1);
  await again.set("b", 1);
  t.equal(await take(events, 1), ["set b"]);
});

test("a watch with a slow reader overflows, and goes on", async (t) => {
  const store = await t.open();
  const events = store.watch("**", { buffer: 2 });
  for (const key of ["a", "b", "c", "d"]) await store.set(key, 1);
  t.equal(await take(events, 3), ["set a", "set b", "overflow"]);
  await store.set("e", 1);
  t.equal(await take(events, 1), ["set e"]);
});

test("a watch ends with its loop, its store, its signal", async (t) => {
  const store = await t.open();
  let rounds = 0;
  const loop = (async () => {
    for await (const event of store.watch("*")) {
      rounds++;
      if (event.key === "b") break;
    }
  })();
  await store.set("a", 1);
  await store.set("b", 1);
  await loop;
  t.equal(rounds, 2);
  const controller = new AbortController();
  const events = store.watch("*", { signal: controller.signal });
  const waiting = events.next();
  const reason = new Error("enough");
  controller.abort(reason);
  t.equal(await waiting.catch((error) => error), reason);
  t.equal(await events.next(), { done: true, value: undefined });
  const late = store.watch("*", { signal: controller.signal });
  t.equal(await late.next().catch((error) => error), reason);
  const open = store.watch("*");
  const last = open.next();
  await store.close();
  t.equal(await last, { done: true, value: undefined });
  await t.rejects(() => store.watch("*").next(), "closed");
});

test("what is wrong with a watch is told by its first next", async (t) => {
  const store = await t.open();
  await t.rejects(() => store.watch("a**").next(), "invalid-pattern");
  await t.rejects(() => store.watch(5).next(), "invalid-pattern");
  for (const buffer of [0, -1, 1.5, NaN, Infinity, "5"])
    await t.rejects(() => store.watch("*", { buffer }).next(), "invalid-argument");
  await t.rejects(() => store.watch("*", { limit: 1 }).next(), "invalid-argument");
  await t.rejects(() => store.watch("*", null).next(), "invalid-argument");
  const custom = await t.open({ backend: new MapBackend() });
  const events = custom.watch("*");
  await t.rejects(() => events.next(), "unsupported");
  t.equal(await events.next(), { done: true, value: undefined });
});

test("several who wait for changes are answered in their order", async (t) => {
  const store = await t.open();
  const events = store.watch("*");
  const [first, second] = [events.next(), events.next()];
  await store.set("x", 1);
  await store.set("y", 1);
  t.equal((await first).value.key, "x");
  t.equal((await second).value.key, "y");
  await store.setMany({ v: 1, w: 1 });
  const there = await Promise.all([events.next(), events.next()]);
  t.equal(
    there.map(({ value }) => value.key),
    ["v", "w"],
  );
  const done = { done: true, value: undefined };
  const left = store.watch("*");
  const both = [left.next(), left.next()];
  t.equal(await left.return(), done);
  t.equal(await Promise.all(both), [done, done]);
  const controller = new AbortController();
  const aborted = store.watch("*", { signal: controller.signal });
  const [one, other] = [aborted.next().catch((error) => error), aborted.next()];
  const reason = new Error("enough");
  controller.abort(reason);
  t.equal(await one, reason);
  t.equal(await other, done);
  const last = [events.next(), events.next()];
  await store.close();
  t.equal(await Promise.all(last), [done, done]);
});

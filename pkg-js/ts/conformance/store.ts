/** A store over the backend does what every store does. */
import { compare, ensure, show, sameList, sameBytes, sleep, turned, refusal, type Check } from "./bench.js";

/** Equality that knows the types a store has. */
function equal(left: unknown, right: unknown): boolean {
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null)
    return Object.is(left, right);
  if (Object.getPrototypeOf(left) !== Object.getPrototypeOf(right)) return false;
  const each = (a: readonly unknown[], b: readonly unknown[]) =>
    a.length === b.length && a.every((item, at) => equal(item, b[at]));
  if (Array.isArray(left)) return each(left, right as unknown[]);
  if (left instanceof Date) return Object.is(left.getTime(), (right as Date).getTime());
  if (left instanceof ArrayBuffer)
    return sameBytes(new Uint8Array(left), new Uint8Array(right as ArrayBuffer));
  if (ArrayBuffer.isView(left)) return each([...(left as Uint8Array)], [...(right as Uint8Array)]);
  if (left instanceof Map || left instanceof Set) return each([...left], [...(right as Set<unknown>)]);
  const entries = (value: object) => Object.entries(value).sort((a, b) => compare(a[0], b[0]));
  return each(entries(left).flat(), entries(right).flat());
}

function is(what: string, found: unknown, wanted: unknown): void {
  ensure(equal(found, wanted), () => `${what} gave ${show(found)}, not ${show(wanted)}`);
}

async function fails(what: string, code: string, call: () => unknown): Promise<void> {
  const error = await refusal(call);
  ensure(error !== undefined, () => `${what} did not fail`);
  ensure(
    error.code === code,
    () => `${what} failed with ${show(error.code)} (${String(error)}), not ${code}`,
  );
}

const VALUES: readonly unknown[] = [
  "",
  "text",
  "123",
  "日本語 😀",
  "a\0b",
  0,
  -1,
  1.5,
  -0,
  NaN,
  Infinity,
  Number.MAX_SAFE_INTEGER,
  2 ** 53,
  5n,
  -(2n ** 63n),
  2n ** 64n,
  true,
  false,
  null,
  [],
  [1, "1", [null]],
  {},
  { a: { "": 1, "a.b": [2] } },
  new Uint8Array([0, 1, 254, 255]),
  new Uint8Array(0),
  new Date(0),
  new Date(1_732_406_400_123),
  new Map<unknown, unknown>([
    ["x", 1],
    [2, [true]],
  ]),
  new Set([1, "1", null]),
  new Uint8Array([1, 2, 3]).buffer,
  new Float64Array([0.5, -0]),
  new Int16Array([-2, 300]),
  [new Map([["deep", new Set([new Date(7)])]])],
];

export const store: Record<string, Check> = {
  async "one key"({ store }) {
    is("get of nothing", await store.get("a"), undefined);
    is("delete of nothing", await store.delete("a"), false);
    is("set", await store.set("a", "one"), true);
    is("get", await store.get("a"), "one");
    is("exists", await store.exists("a"), true);
    is("set over it", await store.set("a", null), true);
    is("get of null", await store.get("a"), null);
    is("getAndDelete", await store.getAndDelete("a"), null);
    is("get after it", await store.get("a"), undefined);
    is("getAndDelete of nothing", await store.getAndDelete("a"), undefined);
  },
  async values({ store }) {
    for (const [at, value] of VALUES.entries()) await store.set(`v.${at}`, value);
    for (const [at, value] of VALUES.entries()) is(`get of value ${at}`, await store.get(`v.${at}`), value);
    is("getMany", await store.getMany(VALUES.map((_, at) => `v.${at}`)), VALUES);
    const large = "x".repeat(100_000);
    await store.set("large", large);
    is("get of a long text", await store.get("large"), large);
  },
  async conditions({ store }) {
    is("set with ifAbsent", await store.set("a", 1, { ifAbsent: true }), true);
    is("set with ifAbsent over an entry", await store.set("a", 2, { ifAbsent: true }), false);
    const one = await store.getEntry("a");
    is("set at the version", await store.set("a", 2, { ifVersion: one?.version as string }), true);
    is("set at a version from before", await store.set("a", 3, { ifVersion: one?.version as string }), false);
    is(
      "delete at a version from before",
      await store.delete("a", { ifVersion: one?.version as string }),
      false,
    );
    const two = await store.getEntry("a");
    is("the entry's value", two?.value, 2);
    is("delete at the version", await store.delete("a", { ifVersion: two?.version as string }), true);
    await store.set("a", 1);
    is(
      "set at a version of before the delete",
      await store.set("a", 3, { ifVersion: two?.version as string }),
      false,
    );
  },
  async "compare and swap"({ store }) {
    is("swap of absent", await store.compareAndSwap("a", undefined, { x: 1, y: 2 }), true);
    is("swap of absent where something is", await store.compareAndSwap("a", undefined, 1), false);
    is("swap", await store.compareAndSwap("a", { y: 2, x: 1 }, [1]), true);
    is("swap of what was", await store.compareAndSwap("a", { x: 1, y: 2 }, 1), false);
    is("swap for absent", await store.compareAndSwap("a", [1], undefined), true);
    is("exists", await store.exists("a"), false);
  },
  async "numbers and text"({ store }) {
    is("increment of absent", await store.increment("n"), 1);
    is("increment", await store.increment("n", 41), 42);
    is("increment by a fraction", await store.increment("n", 0.5), 42.5);
    await store.set("n", Number.MAX_SAFE_INTEGER);
    is("increment beyond the safe integers", await store.increment("n", 2), 2n ** 53n + 1n);
    is("append to absent", await store.append("t", "a"), "a");
    is("append", await store.append("t", "é😀"), "aé😀");
    is("append of bytes", await store.append("b", new Uint8Array([1])), new Uint8Array([1]));
    is("append of bytes", await store.append("b", new Uint8Array([255])), new Uint8Array([1, 255]));
    await fails("increment of text", "type-mismatch", () => store.increment("t"));
    is("update", await store.update("n2", async (old) => (old ?? 5) * 2), 10);
  },
  async metadata({ store }) {
    await store.set("a", 1, { metadata: { x: 1, y: { z: [null] } }, ttl: 1000 });
    const before = await store.getEntry("a");
    is("getMetadata", await store.getMetadata("a"), { x: 1, y: { z: [null] } });
    is("setMetadata", await store.setMetadata("a", { x: 2, w: null }), true);
    is("getMetadata after it", await store.getMetadata("a"), { x: 2, y: { z: [null] }, w: null });
    is("replaceMetadata", await store.replaceMetadata("a", { only: true }), true);
    const after = await store.getEntry("a");
    is("the entry's metadata", after?.metadata, { only: true });
    is("the expiry, which nobody named", after?.expiresAt, before?.expiresAt);
    is("the time of creation", after?.createdAt, before?.createdAt);
    is("setMetadata of nothing", await store.setMetadata("zz", {}), false);
    await store.set("a", 2, { keepMetadata: true, keepTtl: true });
    is("metadata that is kept", await store.getMetadata("a"), { only: true });
    is("expiry that is kept", (await store.getEntry("a"))?.expiresAt, before?.expiresAt);
    await store.set("a", 3);
    is("metadata of a new entry", await store.getMetadata("a"), {});
    is("ttl of a new entry", await store.ttl("a"), null);
  },
  async "time to live"({ store }) {
    await store.setMany([
      ["a", 1, { ttl: 0.02 }],
      ["b", 1, { ttl: 0.02 }],
      ["c", 1, { ttl: 1000 }],
      ["d", 1],
    ]);
    await sleep(60);
    is("get of what has expired", await store.get("a"), undefined);
    is("exists", await store.exists("a"), false);
    is("keys", await store.keys(), ["c", "d"]);
    is("getMany", await store.getMany(["a", "b", "c"]), [undefined, undefined, 1]);
    is("countPattern", await store.countPattern("*"), 2);
    is("ttl", await store.ttl("a"), undefined);
    is("delete", await store.delete("a"), false);
    is("set with ifAbsent over what has expired", await store.set("b", 2, { ifAbsent: true }), true);
    is("increment of what has expired", await store.increment("a"), 1);
    is("persist", await store.persist("c"), true);
    is("ttl after persist", await store.ttl("c"), null);
    is("expire", await store.expire("c", 100), true);
    const left = await store.ttl("c");
    ensure(
      typeof left === "number" && left > 80 && left <= 100,
      () => `an entry of 100 seconds has ${left} left`,
    );
  },
  async many({ store }) {
    const keys = Array.from({ length: 300 }, (_, at) => `k.${at}`);
    is(
      "setMany",
      await store.setMany(keys.map((key, at) => [key, at] as const)),
      keys.map(() => true),
    );
    is("getMany", await store.getMany([...keys, "zz", "k.0"]), [...keys.map((_, at) => at), undefined, 0]);
    is("deleteMany", await store.deleteMany([...keys.slice(10), "zz"]), 290);
    is("countPattern", await store.countPattern("**"), 10);
    is("clear", await store.clear(), 10);
  },
  async patterns({ store }) {
    await store.setMany({
      "users.1.name": "Ada",
      "users.2.name": "Bob",
      "users.2.age": 3,
      "logs.2024-01.error": 1,
      error: 2,
    });
    is("keys", await store.keys("users.*.name"), ["users.1.name", "users.2.name"]);
    is("keys at any depth", await store.keys("**.error"), ["error", "logs.2024-01.error"]);
    is("keys of alternatives", await store.keys("users.{2,3}.*"), ["users.2.age", "users.2.name"]);
    is(
      "getPattern",
      [...(await store.getPattern("users.?.name"))],
      [
        ["users.1.name", "Ada"],
        ["users.2.name", "Bob"],
      ],
    );
    is("deletePattern", await store.deletePattern("users.**"), 3);
    is("keys after it", await store.keys(), ["error", "logs.2024-01.error"]);
  },
  async pages({ store }) {
    const keys = Array.from({ length: 1203 }, (_, at) => `p.${String(at).padStart(4, "0")}`);
    await store.setMany(keys.map((key, at) => [key, at] as const));
    const found: string[] = [];
    for await (const key of store.scan("p.*", { values: false })) found.push(key);
    sameList("a scan", found, keys);
    const values: unknown[] = [];
    for await (const entry of store.scan("p.*", { reverse: true, limit: 600 })) values.push(entry.value);
    sameList(
      "a scan in reverse",
      values,
      turned(
        keys.map((_, at) => at),
        true,
      ).slice(0, 600),
    );
    is("keys with limit and after", await store.keys("**", { limit: 2, after: "p.0009" }), [
      "p.0010",
      "p.0011",
    ]);
    is("keys in reverse", await store.keys("**", { limit: 2, after: "p.0009", reverse: true }), [
      "p.0008",
      "p.0007",
    ]);
  },
  async "rename and copy"({ store }) {
    await store.set("a", 1, { metadata: { m: 1 } });
    is("rename", await store.rename("a", "b"), true);
    is("copy", await store.copy("b", "c"), true);
    is("rename of nothing", await store.rename("a", "d"), false);
    is("keys", await store.keys(), ["b", "c"]);
    is("metadata", await store.getMetadata("c"), { m: 1 });
  },
  async atomic({ store, maxBatch }) {
    await store.set("a", 1);
    const { version } = (await store.getEntry("a")) as { version: string };
    if (maxBatch < 3) {
      await fails("atomic of more than the backend can", "unsupported", () =>
        store.atomic().set("x", 1).set("y", 1).set("z", 1).commit(),
      );
      return;
    }
    const lost = await store.atomic().check("a", null).set("b", 1).commit();
    is("a check that fails", [lost.ok, await store.exists("b")], [false, false]);
    const done = await store.atomic().check("a", version).set("b", 2).delete("a").commit();
    is("checks that hold", [done.ok, await store.get("b"), await store.exists("a")], [true, 2, false]);
  },
  async "interleaved changes"({ store }) {
    await Promise.all(
      Array.from({ length: 40 }, (_, at) =>
        at % 2 === 0 ? store.increment("n") : store.update("n", (old) => (old ?? 0) + 1),
      ),
    );
    is("the sum of 40 interleaved changes", await store.get("n"), 40);
    const won = await Promise.all(
      Array.from({ length: 10 }, (_, at) => store.set("once", at, { ifAbsent: true })),
    );
    is("how many of 10 made the entry", won.filter(Boolean).length, 1);
  },
  async namespaces({ store }) {
    const other = await store.namespace("other");
    await store.set("k", 1);
    await other.set("k", 2);
    is("get", [await store.get("k"), await other.get("k")], [1, 2]);
    is("namespaces", await store.namespaces(), ["", "other"]);
    is("clear", await other.clear(), 1);
    is("get after it", [await store.get("k"), await other.get("k")], [1, undefined]);
    await other.close();
    is("get after closing the other", await store.get("k"), 1);
  },
  async "the limits that it tells"({ store, maxKey }) {
    ensure(
      maxKey >= 64 && maxKey <= 512,
      () => `a backend takes keys of 64 to 512 bytes; this one claims ${maxKey}`,
    );
    const longest = "k".repeat(maxKey);
    await store.set(longest, 1);
    is("get of the longest key", await store.get(longest), 1);
    await fails("a longer key", "invalid-key", () => store.set(`${longest}k`, 1));
  },
  async closed({ store }) {
    await store.close();
    await fails("get after close", "closed", () => store.get("a"));
    await fails("set after close", "closed", () => store.set("a", 1));
    await store.close();
  },
};

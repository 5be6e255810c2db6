// What is refused at run time does not compile, and what is not does. Never run.
import { KVStore } from "dataknobs-kv";
import type { Metadata, SetOptions, WriteOptions } from "dataknobs-kv";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Compiles where both types are the very same. */
function same<A, B>(..._: Same<A, B> extends true ? [] : [never]): void {}

interface Names {
  count: number;
  big: bigint;
  title: string;
  bytes: Uint8Array;
  theme: "dark" | "light";
  either: string | number;
  settings: { theme: "dark" | "light" };
  "users.*.age": number;
}
declare const typed: KVStore<Names>;
declare const store: KVStore;
declare const text: string;
declare const metadata: Metadata;

interface Facts {
  who: string;
  when?: number;
  parts: Facts[];
}
declare const facts: Facts;
type Tree = { leaf?: string; branches: readonly Tree[]; note: string | undefined };
declare const tree: Tree;
class Point {
  constructor(readonly x: number) {}
  far(): boolean {
    return this.x > 1;
  }
}

export async function append(): Promise<void> {
  const longer = await store.append("t", "x");
  same<typeof longer, string>();
  const more = await store.append("t", new Uint8Array(1));
  same<typeof more, Uint8Array>();
  await store.append("t", text as string | Uint8Array);
  await typed.append("title", "x");
  await typed.append("either", text);
  await typed.append("bytes", new Uint8Array(1));
  await typed.append("unnamed", "x");
  await typed.append(text, "x");
  // @ts-expect-error a count is a number
  await typed.append("count", "x");
  // @ts-expect-error an age is a number
  await typed.append("users.1.age", "x");
  // @ts-expect-error a title is text
  await typed.append("title", new Uint8Array(1));
  // @ts-expect-error bytes are no text
  await typed.append("bytes", "x");
  // @ts-expect-error a theme is one of two
  await typed.append("theme", "er");
  await typed.increment("count");
  await typed.increment("big", 5n);
  await typed.increment("either", 5);
  await typed.increment("users.1.age", 1, {});
  await typed.increment("unnamed");
  await typed.increment(text);
  // @ts-expect-error a title is text
  await typed.increment("title");
}

export async function update(): Promise<void> {
  await store.update("q", (old) => old);
  await store.update("q", (old) => (old ?? 0) + 1);
  await store.update("q", async (old) => [...(old ?? []), 1]);
  await store.update("q", () => facts);
  await store.update("q", async () => new Point(1));
  await store.update("q", () => (text === "" ? 1 : "one"));
  await typed.update("settings", () => ({ theme: "dark" }));
  await typed.update("theme", () => "dark");
  await typed.update("count", async (old) => (old ?? 0) + 1);
  await typed.update("theme", async () => "dark" as const);
  await typed.update("theme", (old) => (old === "dark" ? "light" : "dark"));
  await typed.update("unnamed", () => ({ a: 1 }));
  // @ts-expect-error a forgotten return
  await store.update("q", () => {});
  // @ts-expect-error a forgotten return
  await store.update("q", async () => {});
  // @ts-expect-error absent is no value
  await store.update("q", () => undefined);
  // @ts-expect-error absent is no value
  await store.update("q", async () => undefined);
  // @ts-expect-error a return is missing on one way
  await store.update("q", () => {
    if (text === "") return 1;
    return;
  });
  // @ts-expect-error a forgotten return
  await typed.update("unnamed", () => {});
  // @ts-expect-error a function cannot be stored
  await store.update("q", () => () => 1);
  // @ts-expect-error a theme is one of two
  await typed.update("theme", () => "blue");
  // @ts-expect-error a theme is one of two
  await typed.update("theme", async () => "blue");
}

export async function values(): Promise<void> {
  for (const value of [facts, tree, new Point(1), [facts], new Map([[1, tree]])]) await store.set("q", value);
  await store.set("q", { facts, tree, at: new Point(1), all: [tree, null, new Date()] });
  await store.set("q", /x/);
  await store.set("q", JSON.parse("1"));
  await store.setMany(JSON.parse("{}"));
  await store.setMany({ facts, tree, at: new Point(1), list: [1, [facts]] });
  await store.setMany([["a", facts] as const, ["b", { at: new Point(1) }]]);
  await store.setMany(new Map<string, Facts>());
  await store.setMany(text.split("").map((key) => [key, { key }] as const));
  await store.compareAndSwap("q", undefined, facts);
  await store.compareAndSwap("q", { a: tree }, undefined);
  await store.compareAndSwap("q", JSON.parse("1"), new Point(1));
  await typed.compareAndSwap("theme", "dark", "light");
  // @ts-expect-error a theme is one of two
  await typed.compareAndSwap("theme", "dark", "blue");
  // @ts-expect-error absent is no value
  await store.set("q", { a: undefined });
  // @ts-expect-error a function cannot be stored
  await store.set("q", { a: () => 1 });
  // @ts-expect-error a function cannot be stored
  await store.set("q", [{ a: { b: [() => 1] } }]);
  // @ts-expect-error absent is no value
  await store.set("q", [1, undefined]);
  // @ts-expect-error a symbol cannot be stored
  await store.set("q", { a: Symbol("s") });
  // @ts-expect-error a forgotten await
  await store.set("q", store.get("a"));
  // @ts-expect-error absent is no value
  await store.setMany({ a: undefined });
  // @ts-expect-error a function cannot be stored
  await store.setMany({ a: () => 1 });
  // @ts-expect-error a function cannot be stored
  await store.setMany({ a: { b: () => 1 } });
  // @ts-expect-error absent is no value
  await store.setMany([["a", undefined]]);
  // @ts-expect-error absent is no value
  await store.setMany(new Map([["a", undefined]]));
  // @ts-expect-error a function cannot be stored
  await typed.setMany({ count: 1, unnamed: () => 1 });
  // @ts-expect-error a function cannot be stored
  await store.compareAndSwap("q", undefined, () => 1);
  // @ts-expect-error a function cannot be stored
  await store.compareAndSwap("q", () => 1, 1);
  // @ts-expect-error absent is no value
  await typed.compareAndSwap("unnamed", 1, { a: undefined });
  // @ts-expect-error absent is no value
  store.atomic().set("q", { a: undefined });
}

export async function options(some: SetOptions, many: WriteOptions): Promise<void> {
  await store.set("q", 1, some);
  await store.set("q", 1, { ...many });
  await store.set("q", 1, many);
  await store.setMany({ a: 1 }, many);
  await store.setMany([["a", 1, many]]);
  store.atomic().set("q", 1, many);
  await store.set("q", 1, { metadata });
  await store.set("q", 1, { ttl: 5, metadata });
  await store.set("q", 1, { metadata: { ttl: 5, a: 1 } });
  await store.set("q", 1, { metadata: { ttl: 5 }, ifAbsent: true });
  await store.set("q", 1, { ttl: 5, keepMetadata: true });
  await store.set("q", 1, { metadata: { a: 1 }, keepTtl: true });
  await store.set("q", 1, { keepTtl: true, keepMetadata: true, ifVersion: "1" });
  await store.set("q", 1, text === "" ? { ifAbsent: true } : { ifVersion: text });
  await store.set("q", 1, { ifAbsent: text === "", keepTtl: text === "" });
  await store.setMetadata("q", metadata);
  // @ts-expect-error the time to live is given twice
  await store.set("q", 1, { ttl: 5, metadata: { ttl: 5 } });
  // @ts-expect-error a number of seconds
  await store.set("q", 1, { metadata: { ttl: "5" } });
  // @ts-expect-error one condition
  await store.set("q", 1, { ifAbsent: true, ifVersion: "1" });
  // @ts-expect-error the old time to live or a new one
  await store.set("q", 1, { ttl: 5, keepTtl: true });
  // @ts-expect-error the old metadata or new ones
  await store.set("q", 1, { metadata: { a: 1 }, keepMetadata: true });
  // @ts-expect-error the time to live is not in the metadata
  await store.setMetadata("q", { ttl: 5 });
  // @ts-expect-error the time to live is not in the metadata
  await store.replaceMetadata("q", { ttl: 5 });
  // @ts-expect-error the time to live is given twice
  await store.setMany({ a: 1 }, { ttl: 5, metadata: { ttl: 5 } });
  // @ts-expect-error the time to live is given twice
  await store.setMany([["a", 1, { ttl: 5, metadata: { ttl: 5 } }]]);
  // @ts-expect-error the time to live is given twice
  store.atomic().set("q", 1, { ttl: 5, metadata: { ttl: 5 } });
  // @ts-expect-error one condition
  const both: SetOptions = { ifAbsent: true, ifVersion: "1" };
  // @ts-expect-error the time to live is given twice
  const twice: SetOptions = { ttl: 1, metadata: { ttl: 1 } };
  await store.set("q", both, twice);
}

export async function keys(): Promise<void> {
  const found = await typed.getMany(["count", "title", "users.7.age"]);
  same<typeof found, [number | undefined, string | undefined, number | undefined]>();
  const two: ("count" | "title")[] = ["count"];
  const listed = await typed.getMany(two);
  same<typeof listed, (string | number | undefined)[]>();
  const any = await typed.getMany([text]);
  same<typeof any, [any]>();
  const frozen = await typed.getMany(["count"] as const);
  same<typeof frozen, [number | undefined]>();
  const split = await store.getMany(text.split(","));
  same<typeof split, any[]>();
  await typed.getMany(new Set(["a"]), {});
  // @ts-expect-error one may be absent
  const all: string[] = await store.getMany([text]);
  await store.deleteMany(all);
  await store.deleteMany(new Set(["a"]));
  await store.deleteMany(["a"] as const);
  // @ts-expect-error text is no list of keys
  await store.getMany("abc");
  // @ts-expect-error text is no list of keys
  await store.deleteMany(text);
  await KVStore.open<Names>();
  await KVStore.open<{ "a.*.b": string; "c.**": number }>();
  // @ts-expect-error a name is text, * and **
  await KVStore.open<{ "a.{b,c}": string }>();
  // @ts-expect-error a name is text, * and **
  await KVStore.open<{ count: number; "user?.name": string }>();
  // @ts-expect-error a name is text, * and **
  await KVStore.open<{ "user*.name": string }>();
  // @ts-expect-error a name is text, * and **
  await store.namespace<{ "[ab]": string }>("n");
}

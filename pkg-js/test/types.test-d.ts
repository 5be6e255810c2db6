// Compiled against the installed package, never run.
import { Atomic, KVError, KVStore } from "dataknobs-kv";
import type {
  AtomicResult,
  Backend,
  BackendCommit,
  Entry,
  KVErrorCode,
  OpenOptions,
  Serializer,
  SetOptions,
  Signal,
  Storable,
} from "dataknobs-kv";
import { conformance } from "dataknobs-kv/conformance";
import type { ConformanceReport } from "dataknobs-kv/conformance";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Compiles where both types are the very same: `any` is only `any`. */
function same<A, B>(..._: Same<A, B> extends true ? [] : [never]): void {}
function is<T>(_: T): void {}

interface Settings {
  theme: "dark" | "light";
  size: number;
}

export async function typed(): Promise<void> {
  const store = await KVStore.open<{
    "users.*.name": string;
    "users.*.settings": Settings;
    count: number;
    "logs.**": string[];
  }>();
  const name = await store.get("users.1.name");
  same<typeof name, string | undefined>();
  const settings = await store.get("users.42.settings");
  same<typeof settings, Settings | undefined>();
  const log = await store.get("logs.2024.error");
  same<typeof log, string[] | undefined>();
  const count = await store.getAndDelete("count");
  same<typeof count, number | undefined>();
  const entry = await store.getEntry("users.1.name");
  same<typeof entry, Entry<string> | undefined>();
  // What the map does not name has no type.
  const other = await store.get("other");
  same<typeof other, any>();
  const id: string = "1";
  const dynamic = await store.get(`users.${id}.name`);
  same<typeof dynamic, string | undefined>();

  const written = await store.set("users.1.name", "Ada");
  same<typeof written, boolean>();
  // @ts-expect-error a name is text
  await store.set("users.1.name", 5);
  // @ts-expect-error the theme is one of two
  await store.set("users.1.settings", { theme: "blue", size: 1 });
  await store.set("users.1.settings", { theme: "dark", size: 1 });
  await store.compareAndSwap("count", undefined, 1);
  // @ts-expect-error a count is a number
  await store.compareAndSwap("count", "1", 2);
  const updated = await store.update("count", (old) => {
    same<typeof old, number | undefined>();
    return (old ?? 0) + 1;
  });
  same<typeof updated, number>();
  await store.update("count", async (old) => (old ?? 0) + 1);
  // @ts-expect-error a forgotten return
  await store.update("count", (old) => {
    old;
  });
  await store.setMany({ count: 1, "users.1.name": "Ada", other: [true] });
  await store.setMany([
    ["count", 1],
    ["users.1.name", "Ada", { ttl: 5 }],
    ["other", new Map()],
  ]);
  await store.setMany(new Map([["count", 1]]));
  await store.setMany(new Map<string, unknown>());
  await store.setMany([id].map((key) => [key, 1] as const));
  await store.setMany(new Set([["count", 1] as const]));
  // @ts-expect-error a count is a number
  await store.setMany({ count: "1" });
  // @ts-expect-error a name is text
  await store.setMany({ "users.1.name": 1 });
  const one = [["count", 1]] as const;
  await store.setMany(one);
  // @ts-expect-error a count is a number
  await store.setMany([["count", "1"]]);
  // @ts-expect-error a name is text
  await store.setMany([...one, ["users.1.name", 1]]);
  // @ts-expect-error a count is a number
  await store.setMany(new Map([["count", "1"] as const]));
  store.atomic().set("count", 1).set("users.1.name", "Ada").set("other", [1]);
  // @ts-expect-error a count is a number
  store.atomic().set("count", "1");
  // @ts-expect-error a name is text
  store.atomic().check("count", null).set("users.1.name", 1, { ttl: 5 });
  const inside = await store.namespace("inside");
  const innerName = await inside.get("users.1.name");
  same<typeof innerName, string | undefined>();
  const retyped = await store.namespace<{ a: bigint }>("inside");
  const big = await retyped.get("a");
  same<typeof big, bigint | undefined>();
}

export async function untyped(): Promise<void> {
  const store = await KVStore.open({
    backend: "memory",
    namespace: "n",
    autoCleanup: false,
    cleanupInterval: 5,
    config: { maxEntries: 10 },
  });
  same<typeof store, KVStore>();
  // @ts-expect-error no such option
  await KVStore.open({ Backend: "memory" });
  // @ts-expect-error no such backend
  await KVStore.open({ backend: "redsi" });
  // @ts-expect-error no such option of memory
  await KVStore.open({ config: { max: 1 } });
  // What `config` holds depends on the backend.
  await KVStore.open({ config: { maxEntries: 1 } });
  await KVStore.open({ backend: "memory", config: { maxEntries: 1 } });
  await KVStore.open({ backend: "indexeddb" });
  await KVStore.open({ backend: "indexeddb", config: { database: "a", consistency: "strong" } });
  await KVStore.open({ backend: "file", config: { path: "a.json", durability: "strict" }, namespace: "a" });
  // @ts-expect-error: the default backend keeps no file
  await KVStore.open({ config: { path: "a.json" } });
  // @ts-expect-error: memory has no path
  await KVStore.open({ backend: "memory", config: { path: "a.json" } });
  // @ts-expect-error: IndexedDB has a name
  await KVStore.open({ backend: "indexeddb", config: { path: "a.json" } });
  // @ts-expect-error: a file is not bounded
  await KVStore.open({ backend: "file", config: { path: "a.json", maxEntries: 1 } });
  // @ts-expect-error: a file has no consistency
  await KVStore.open({ backend: "file", config: { path: "a.json", consistency: "strong" } });
  // @ts-expect-error: a file has a path
  await KVStore.open({ backend: "file" });
  // @ts-expect-error: a file has a path
  await KVStore.open({ backend: "file", config: {} });
  const options: SetOptions = { ttl: 1.5, metadata: { a: [null, 1, "x", { b: true }] }, ifAbsent: true };
  is<boolean>(await store.set("a", { any: ["thing"] }, options));
  const settings: Settings = { theme: "dark", size: 1 };
  const unknown: unknown = 1;
  await store.set("a", settings);
  await store.set("a", [settings, new Map([["k", settings]])]);
  await store.set("a", unknown);
  await store.set("a", new Point(1, 2));
  await store.setMany({ a: settings, b: unknown });
  store.atomic().set("a", settings).set("b", unknown);
  // @ts-expect-error a function cannot be stored
  await store.set("a", () => 1);
  // @ts-expect-error a class cannot be stored
  await store.set("a", Point);
  // @ts-expect-error a symbol cannot be stored
  await store.set("a", Symbol("s"));
  // @ts-expect-error absent is no value
  await store.set("a", undefined);
  // @ts-expect-error a function cannot be stored
  store.atomic().set("a", () => 1);
  interface Facts {
    who: string;
    when?: number;
    tags: { name: string }[];
  }
  const facts: Facts = { who: "me", tags: [{ name: "x" }] };
  await store.set("a", 1, { metadata: facts });
  await store.set("a", 1, { metadata: facts, ttl: 5 });
  await store.setMetadata("a", facts);
  await store.replaceMetadata("a", facts);
  await store.setMany([["a", 1, { metadata: { ...facts } }]]);
  store.atomic().set("a", 1, { metadata: facts });
  interface Dated {
    when: Date;
  }
  const dated: Dated = { when: new Date() };
  await store.set("a", 1, { metadata: { any: JSON.parse("1") } });
  await store.setMetadata("a", JSON.parse("{}"));
  // @ts-expect-error metadata is JSON
  await store.setMetadata("a", dated);
  // @ts-expect-error metadata is JSON
  await store.setMetadata("a", { list: [{ f: () => 1 }] });
  // @ts-expect-error metadata is JSON
  store.atomic().set("a", 1, { metadata: dated });
  // @ts-expect-error metadata is JSON
  await store.setMany([["a", 1, { metadata: { when: new Date() } }]]);
  // @ts-expect-error metadata is JSON
  await store.set("a", 1, { metadata: dated });
  // @ts-expect-error metadata is an object
  await store.setMetadata("a", "text");
  // @ts-expect-error metadata is an object
  await store.setMetadata("a", [1]);
  // @ts-expect-error no such option
  await store.set("a", 1, { tll: 1 });
  // @ts-expect-error a number of seconds
  await store.set("a", 1, { ttl: "1" });
  // @ts-expect-error metadata is JSON
  await store.set("a", 1, { metadata: { when: new Date() } });
  // @ts-expect-error keys are text
  await store.get(5);
  // @ts-expect-error no condition on many
  await store.setMany({ a: 1 }, { ifAbsent: true });
  // @ts-expect-error no such option
  await store.delete("a", { ifAbsent: true });
  // @ts-expect-error values is for scans
  await store.keys("**", { values: false });

  same<Awaited<ReturnType<typeof store.exists>>, boolean>();
  same<Awaited<ReturnType<typeof store.ttl>>, number | null | undefined>();
  same<Awaited<ReturnType<typeof store.keys>>, string[]>();
  same<Awaited<ReturnType<typeof store.namespaces>>, string[]>();
  same<Awaited<ReturnType<typeof store.deletePattern>>, number>();
  same<Awaited<ReturnType<typeof store.countPattern>>, number>();
  same<Awaited<ReturnType<typeof store.clear>>, number>();
  same<Awaited<ReturnType<typeof store.cleanupExpired>>, number>();
  same<Awaited<ReturnType<typeof store.increment>>, number | bigint>();
  same<Awaited<ReturnType<typeof store.setMany>>, boolean[]>();
  same<Awaited<ReturnType<typeof store.deleteMany>>, number>();
  same<Awaited<ReturnType<typeof store.close>>, void>();
  const texts = await store.getMany<string>(["a", "b"]);
  same<typeof texts, (string | undefined)[]>();
  const found = await store.getPattern<number>("a.*");
  same<typeof found, Map<string, number>>();
  const text: string = await store.append("t", "x");
  const bytes: Uint8Array = await store.append("b", new Uint8Array(1));
  is<[string, Uint8Array]>([text, bytes]);
  // @ts-expect-error text or bytes
  await store.append("t", 1);
  await store.increment("n", 5n, {});
  await store.setMany({ a: 1, b: "x" }, { ttl: 5 });
  await store.setMany(new Map([["a", 1]]));
  await store.setMany([
    ["a", 1],
    ["b", "x", { ttl: 5, metadata: { m: 1 } }],
  ]);
  await store.getMany(new Set(["a"]));

  for await (const { key, value, version, expiresAt, createdAt } of store.scan<number>("a.**", {
    limit: 5,
    after: "a",
    reverse: true,
  })) {
    same<typeof key, string>();
    same<typeof value, number>();
    same<typeof version, string>();
    same<typeof expiresAt, number | null>();
    same<typeof createdAt, number>();
  }
  for await (const key of store.scan("**", { values: false })) same<typeof key, string>();
  for await (const entry of store) same<typeof entry.key, string>();

  const result = await store
    .atomic()
    .check("a", null)
    .check("b", "1")
    .set("a", 1, { ttl: 1 })
    .delete("b")
    .commit({ signal: options.signal as Signal });
  same<typeof result, AtomicResult>();
  if (result.ok) same<typeof result.versions, (string | undefined)[]>();
  else is<[number, Entry | undefined]>([result.index, result.entry]);
  // @ts-expect-error the versions are there only if it was done
  result.versions;
  same<ReturnType<typeof store.atomic>, Atomic>();
  same<ReturnType<typeof KVStore.escape>, Promise<string>>();
  // @ts-expect-error use KVStore.open
  new KVStore();
}

export function errors(error: unknown): void {
  if (error instanceof KVError) {
    same<typeof error.code, KVErrorCode>();
    same<typeof error.key, string | undefined>();
    same<typeof error.retryable, boolean>();
    is<string>(error.message);
    // @ts-expect-error no such code
    if (error.code === "no-such-code") return;
    for (const one of error.results ?? []) is<boolean | KVError>(one);
  }
  new KVError("unavailable", "try later", "key");
  // @ts-expect-error no such code
  new KVError("down", "try later");
}

class Point {
  constructor(
    readonly x: number,
    readonly y: number,
  ) {}
}
const point: Serializer<Point> = {
  tag: "point",
  test: (value) => value instanceof Point,
  serialize: ({ x, y }) => [x, y],
  deserialize: ([x, y]: [number, number]) => new Point(x, y),
};
export const opening: OpenOptions = { serializers: [point] };
export const storable: Storable = [
  1,
  "x",
  null,
  5n,
  new Date(),
  new Map([["a", new Set([1])]]),
  new Uint8Array(1),
  { a: { b: [true] } },
];
// @ts-expect-error a function cannot be stored
export const unstorable: Storable = [() => 1];

/** A backend of one's own needs no cast. */
export class Own implements Backend {
  readonly limits = { maxBatch: 10, losesAnswers: false };
  async read(keys: Parameters<Backend["read"]>[0]) {
    return keys.map(() => undefined);
  }
  async commit(batch: Parameters<Backend["commit"]>[0]): Promise<BackendCommit> {
    return { versions: batch.map(() => "1") };
  }
  scan() {
    return { items: [] };
  }
  namespaces() {
    return [""];
  }
}
// @ts-expect-error it has no commit
export const half: Backend = { read: () => [], scan: () => ({ items: [] }), namespaces: () => [] };

export async function suite(): Promise<ConformanceReport> {
  await KVStore.open({ backend: new Own() });
  // @ts-expect-error: a backend of one's own has no options
  await KVStore.open({ backend: new Own(), config: { maxEntries: 1 } });
  const report = await conformance(() => new Own(), KVStore);
  same<typeof report.failed, number>();
  return report;
}

export async function disposed(store: KVStore): Promise<void> {
  same<typeof store.close, () => Promise<void>>();
}

/** What the checks are written with: keys that tempt, comparison, a backend with shorter calls. */
import type { KVStore as Store } from "../store.js";
import type {
  Backend,
  BackendCommit,
  BackendItem,
  BackendKey,
  BackendMutation,
  BackendRecord,
  BackendScan,
} from "../types.js";

/** Keys that stores are tempted to fold, cut, escape or sort in another way, in the order of their UTF-8 bytes. */
export const KEYS: readonly string[] = [
  " ",
  " a",
  "%2e",
  "*",
  "0",
  "10",
  "9",
  "A",
  "A.b",
  "Z",
  "_",
  "__proto__",
  "a",
  "a ",
  "a b",
  "a!b",
  "a%",
  "a'b",
  "a-b",
  "a.b",
  "a.b ",
  "a.b-c",
  "a.b.c",
  "a.b/c",
  "a.bc",
  "a/b",
  "a0",
  "a:b",
  "a\\b",
  "a_b",
  "ab",
  "constructor",
  "e\u0301",
  "z",
  "~",
  "\u00a0",
  "\u00e9",
  "\ue000.x",
  "\ufffd",
  "\u{1f600}",
  "\u{10fffd}",
];
/** Some of the keys between which a scan may begin, beside those that are there. */
export const ABSENT: readonly string[] = ["!", "a.a", "a.b!", "a.c", "b", "\uf000", "\u{1f5ff}", "zz"];
export const BOTH = [false, true] as const;

const encoder = new TextEncoder();

/** Compares by UTF-8 bytes, which is by code points. */
export function compare(left: string, right: string): number {
  const [a, b] = [encoder.encode(left), encoder.encode(right)];
  for (let at = 0; at < a.length && at < b.length; at++) {
    if (a[at] !== b[at]) return (a[at] as number) - (b[at] as number);
  }
  return a.length - b.length;
}

export class Fault extends Error {}

export function ensure(holds: boolean, what: () => string): asserts holds {
  if (!holds) throw new Fault(what());
}

export const show = (value: unknown): string => {
  const text = JSON.stringify(value, (_, inner: unknown) => {
    if (inner instanceof Uint8Array) return `${inner.length} bytes`;
    if (typeof inner === "bigint") return `${inner}n`;
    return inner === undefined ? "undefined" : inner;
  });
  return text.length > 600 ? `${text.slice(0, 600)}…` : text;
};

export function sameList(what: string, found: readonly unknown[], wanted: readonly unknown[]): void {
  const at = Array.from({ length: Math.max(found.length, wanted.length) }, (_, index) => index).find(
    (index) => found[index] !== wanted[index],
  );
  ensure(
    at === undefined,
    () =>
      `${what}: ${found.length} items where ${wanted.length} are right; the first difference is at ${at}: ${show(found[at as number])}, not ${show(wanted[at as number])}`,
  );
}

export const sameBytes = (left: Uint8Array, right: Uint8Array): boolean =>
  left.length === right.length && left.every((byte, at) => byte === right[at]);

export const sleep = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });

export const turned = <T>(list: readonly T[], reverse: boolean): T[] =>
  reverse ? [...list].reverse() : [...list];

/** A record as a store makes it: bytes, and when it expires. */
export interface Made {
  readonly record: Uint8Array;
  readonly expiresAt?: number;
}

/** Lets a store write, and keeps what it hands to its backend. */
export class Recorder implements Backend {
  #made: Made | undefined;

  read(keys: readonly BackendKey[]): undefined[] {
    return keys.map(() => undefined);
  }
  commit(batch: readonly BackendMutation[]): BackendCommit {
    for (const { record, expiresAt } of batch) {
      if (record !== undefined)
        this.#made =
          expiresAt === undefined ? { record: record.slice() } : { record: record.slice(), expiresAt };
    }
    return { versions: batch.map((_, at) => String(at)) };
  }
  scan(): { items: [] } {
    return { items: [] };
  }
  namespaces(): string[] {
    return [];
  }
  async make(store: Store<any>, value: unknown, seconds?: number): Promise<Made> {
    await store.set("k", value, seconds === undefined ? {} : { ttl: seconds });
    if (this.#made === undefined) throw new Fault("the recorder saw no record");
    return this.#made;
  }
}

/** A backend under test, with shorter calls. */
export class Bench {
  readonly maxBatch: number;
  readonly maxKey: number;

  constructor(
    readonly backend: Backend,
    readonly store: Store<any>,
    readonly make: (value: unknown, seconds?: number) => Promise<Made>,
  ) {
    this.maxBatch = backend.limits?.maxBatch ?? Infinity;
    this.maxKey = backend.limits?.maxKey ?? 512;
  }

  async commit(...batch: BackendMutation[]): Promise<BackendCommit> {
    const answer = await this.backend.commit(batch);
    if ("conflict" in answer) {
      ensure(
        Number.isInteger(answer.conflict) && answer.conflict >= 0 && answer.conflict < batch.length,
        () => `a commit of ${batch.length} answered ${show(answer)}`,
      );
    } else {
      ensure(
        Array.isArray(answer.versions) && answer.versions.length === batch.length,
        () => `a commit of ${batch.length} answered ${show(answer)}`,
      );
      batch.forEach((one, at) => {
        if (one.change === "put")
          ensure(
            typeof answer.versions[at] === "string" && answer.versions[at] !== "",
            () => `a put has the version ${show(answer.versions[at])}, which is no text`,
          );
      });
    }
    return answer;
  }

  /** Writes whatever is there: the new version. */
  async put(key: string, made: Made, namespace = ""): Promise<string> {
    const answer = await this.commit(put(key, made, undefined, namespace));
    ensure(!("conflict" in answer), () => `a put that expects nothing met a conflict`);
    return answer.versions[0] as string;
  }

  /** Removes whatever is there: what was told of it. */
  async delete(key: string, namespace = ""): Promise<unknown> {
    const answer = await this.commit({ namespace, key, change: "delete" });
    ensure(!("conflict" in answer), () => `a delete that expects nothing met a conflict`);
    return answer.versions[0];
  }

  async read(key: string, namespace = ""): Promise<BackendRecord | undefined> {
    const found = await this.backend.read([{ namespace, key }], "latest");
    ensure(Array.isArray(found) && found.length === 1, () => `a read of one key answered ${show(found)}`);
    return found[0] ?? undefined;
  }

  async holds(key: string, made: Made, namespace = ""): Promise<BackendRecord> {
    const found = await this.read(key, namespace);
    ensure(found !== undefined, () => `${show(key)} is not there`);
    ensure(
      found.record instanceof Uint8Array && sameBytes(found.record, made.record),
      () => `under ${show(key)} lies another record than was written`,
    );
    ensure(
      typeof found.version === "string" && found.version !== "",
      () => `${show(key)} has the version ${show(found.version)}, which is no text`,
    );
    return found;
  }

  async lacks(key: string, namespace = ""): Promise<void> {
    const found = await this.read(key, namespace);
    ensure(found === undefined, () => `${show(key)} is there and should not be`);
  }

  async fill(keys: readonly string[], namespace = ""): Promise<void> {
    const made = await this.make("filled");
    for (const key of keys) await this.put(key, made, namespace);
  }

  /** All pages of a scan. */
  async scan(query: Partial<BackendScan> = {}): Promise<BackendItem[]> {
    const asked: BackendScan = {
      namespace: "",
      prefix: "",
      limit: 1000,
      reverse: false,
      records: false,
      ...query,
    };
    const items: BackendItem[] = [];
    let after = asked.after;
    for (let pages = 0; pages < 10_000; pages++) {
      const page = await this.backend.scan(after === undefined ? asked : { ...asked, after });
      ensure(Array.isArray(page?.items), () => `a scan answered ${show(page)}`);
      ensure(
        page.items.length <= asked.limit,
        () => `a page of at most ${asked.limit} has ${page.items.length} items`,
      );
      items.push(...page.items);
      if (page.resume === undefined) return items;
      const before = after;
      ensure(
        before === undefined || compare(page.resume, before) > 0 !== asked.reverse,
        () => `a scan after ${show(before)} is to go on after ${show(page.resume)}`,
      );
      after = page.resume;
    }
    throw new Fault("a scan does not come to its end");
  }

  async keys(query: Partial<BackendScan> = {}): Promise<string[]> {
    return (await this.scan(query)).map((item) => item.key);
  }
}

export function put(key: string, made: Made, expect?: string | null, namespace = ""): BackendMutation {
  const mutation = { namespace, key, change: "put" as const, ...made };
  return expect === undefined ? mutation : { ...mutation, expect };
}

export async function refusal(call: () => unknown): Promise<{ code?: unknown } | undefined> {
  try {
    await call();
    return undefined;
  } catch (error) {
    return error as { code?: unknown };
  }
}

export type Check = (t: Bench) => Promise<void>;

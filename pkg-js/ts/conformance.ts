/**
 * The suite that a backend of your own passes.
 *
 * @example
 * import { KVStore } from "dataknobs-kv";
 * import { conformance } from "dataknobs-kv/conformance";
 *
 * const report = await conformance(() => new MyBackend(), KVStore);
 * if (report.failed > 0) throw new Error(report.failures.join("\n"));
 */
import type { KVStore as Store } from "./store.js";
import type {
  Backend,
  BackendCommit,
  BackendItem,
  BackendKey,
  BackendMutation,
  BackendRecord,
  BackendScan,
  OpenOptions,
} from "./types.js";

/** What the suite found. */
export interface ConformanceReport {
  /** How many checks passed. */
  readonly passed: number;
  /** How many did not. */
  readonly failed: number;
  /** Of each that did not, its name and what was seen. */
  readonly failures: readonly string[];
}

/** How the suite runs. */
export interface ConformanceOptions {
  /** Milliseconds that one check may take. Default: 30,000. */
  readonly timeout?: number;
}

/** `KVStore` of the package, from the entry point that your runtime loads. */
export interface StoreClass {
  open(options?: OpenOptions): Promise<Store<any>>;
}

/** Keys that stores are tempted to fold, cut, escape or sort in another way, in the order of their UTF-8 bytes. */
const KEYS: readonly string[] = [
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
const ABSENT: readonly string[] = ["!", "a.a", "a.b!", "a.c", "b", "\uf000", "\u{1f5ff}", "zz"];
const BOTH = [false, true] as const;

const encoder = new TextEncoder();

/** Compares by UTF-8 bytes, which is by code points. */
function compare(left: string, right: string): number {
  const [a, b] = [encoder.encode(left), encoder.encode(right)];
  for (let at = 0; at < a.length && at < b.length; at++) {
    if (a[at] !== b[at]) return (a[at] as number) - (b[at] as number);
  }
  return a.length - b.length;
}

class Fault extends Error {}

function ensure(holds: boolean, what: () => string): asserts holds {
  if (!holds) throw new Fault(what());
}

const show = (value: unknown): string => {
  const text = JSON.stringify(value, (_, inner: unknown) => {
    if (inner instanceof Uint8Array) return `${inner.length} bytes`;
    if (typeof inner === "bigint") return `${inner}n`;
    return inner === undefined ? "undefined" : inner;
  });
  return text.length > 600 ? `${text.slice(0, 600)}…` : text;
};

function sameList(what: string, found: readonly unknown[], wanted: readonly unknown[]): void {
  const at = Array.from({ length: Math.max(found.length, wanted.length) }, (_, index) => index).find(
    (index) => found[index] !== wanted[index],
  );
  ensure(
    at === undefined,
    () =>
      `${what}: ${found.length} items where ${wanted.length} are right; the first difference is at ${at}: ${show(found[at as number])}, not ${show(wanted[at as number])}`,
  );
}

const sameBytes = (left: Uint8Array, right: Uint8Array): boolean =>
  left.length === right.length && left.every((byte, at) => byte === right[at]);

const sleep = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });

const turned = <T>(list: readonly T[], reverse: boolean): T[] => (reverse ? [...list].reverse() : [...list]);

/** A record as a store makes it: bytes, and when it expires. */
interface Made {
  readonly record: Uint8Array;
  readonly expiresAt?: number;
}

/** Lets a store write, and keeps what it hands to its backend. */
class Recorder implements Backend {
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
class Bench {
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

function put(key: string, made: Made, expect?: string | null, namespace = ""): BackendMutation {
  const mutation = { namespace, key, change: "put" as const, ...made };
  return expect === undefined ? mutation : { ...mutation, expect };
}

async function refusal(call: () => unknown): Promise<{ code?: unknown } | undefined> {
  try {
    await call();
    return undefined;
  } catch (error) {
    return error as { code?: unknown };
  }
}

type Check = (t: Bench) => Promise<void>;

const read: Record<string, Check> = {
  async absent(t) {
    await t.lacks("a");
    const none = await t.backend.read([], "cached");
    ensure(Array.isArray(none) && none.length === 0, () => `a read of no keys answered ${show(none)}`);
    await t.put("a.b", await t.make(1));
    for (const key of ["a", "a.b.c", "a.bb"]) await t.lacks(key);
  },
  async "what was written"(t) {
    for (const key of ["a", "a.b", "c"]) {
      for (const value of [1, "two", { three: [new Uint8Array([0, 255]), 3.5, null] }]) {
        const made = await t.make(value);
        await t.put(key, made);
        await t.holds(key, made);
      }
    }
  },
  async "many in the order asked"(t) {
    for (const key of ["a", "b", "c", "d"]) await t.put(key, await t.make(key));
    const asked = ["d", "zz", "a", "c", "a", "b", "yy"];
    for (const fresh of ["latest", "cached"] as const) {
      const found = await t.backend.read(
        asked.map((key) => ({ namespace: "", key })),
        fresh,
      );
      ensure(
        Array.isArray(found) && found.length === asked.length,
        () => `a read of ${asked.length} keys answered ${show(found)}`,
      );
      for (const [at, key] of asked.entries()) {
        const record = found[at] ?? undefined;
        if (key.length === 2) ensure(record === undefined, () => `${show(key)} is there and should not be`);
        else
          ensure(
            record !== undefined && sameBytes(record.record, (await t.make(key)).record),
            () => `of the keys ${show(asked)} the record at ${at} is not that of ${show(key)}`,
          );
      }
    }
  },
  async "every allowed key is its own"(t) {
    const keys = [...KEYS];
    for (const end of ["a", "b", "B"]) {
      for (const length of [t.maxKey - 1, t.maxKey - 2, t.maxKey >> 1]) keys.push("k".repeat(length) + end);
    }
    keys.push("é".repeat(t.maxKey >> 1), `${"k".repeat(t.maxKey - 2)}é`);
    for (const key of keys) await t.put(key, await t.make(key));
    for (const key of keys) await t.holds(key, await t.make(key));
    sameList("the keys", await t.keys(), keys.sort(compare));
  },
};

const commit: Record<string, Check> = {
  async nothing(t) {
    const answer = await t.backend.commit([]);
    ensure(
      "versions" in answer && answer.versions.length === 0,
      () => `an empty commit answered ${show(answer)}`,
    );
    if (t.backend.write)
      ensure((await t.backend.write([])).length === 0, () => "an empty write gave answers");
  },
  async "versions are never used twice"(t) {
    const made = await t.make("the same bytes");
    const seen: string[] = [];
    for (let round = 0; round < 6; round++) {
      if (round % 2 === 1) await t.delete("a");
      for (let again = 0; again < 2; again++) {
        const version = await t.put("a", made);
        ensure(!seen.includes(version), () => `the version ${version} came twice`);
        seen.push(version);
      }
    }
    for (const version of seen.slice(0, -1)) {
      const answer = await t.commit({ namespace: "", key: "a", expect: version, change: "delete" });
      ensure("conflict" in answer, () => "a version from before still counts");
    }
    await t.holds("a", made);
  },
  async "the version told is the one stored"(t) {
    for (let round = 0; round < 3; round++) {
      const made = await t.make(round);
      const told = await t.put("a", made);
      for (let again = 0; again < 2; again++) {
        const { version } = await t.holds("a", made);
        ensure(version === told, () => `the commit told the version ${told}, a read ${version}`);
      }
    }
  },
  async "delete removes and tells"(t) {
    const none = await t.delete("a");
    ensure(none === false || none === undefined, () => `deleting nothing answered ${show(none)}`);
    for (const seconds of [undefined, 500, undefined]) {
      const made = await t.make(1, seconds);
      await t.put("a", made);
      await t.put("a.b", made);
      const was = await t.delete("a");
      ensure(
        was === undefined || was === true || (was === made.expiresAt && was !== undefined),
        () => `deleting a record that expires at ${made.expiresAt} answered ${show(was)}`,
      );
      await t.lacks("a");
      await t.holds("a.b", made);
      await t.delete("a.b");
    }
    sameList("what is left", await t.keys(), []);
  },
  async "expect absent"(t) {
    const [one, two] = [await t.make(1), await t.make(2)];
    ensure("versions" in (await t.commit(put("a", one, null))), () => "a new key met a conflict");
    const second = await t.commit(put("a", two, null));
    ensure("conflict" in second, () => `absent was expected, a record there, and the answer ${show(second)}`);
    await t.holds("a", one);
    await t.delete("a");
    ensure("versions" in (await t.commit(put("a", two, null))), () => "a deleted key met a conflict");
    await t.holds("a", two);
  },
  async "expect a version"(t) {
    const [one, two, three] = [await t.make(1), await t.make(2), await t.make(3)];
    const old = await t.put("a", one);
    const other = await t.put("b", one);
    const answer = await t.commit(put("a", two, old));
    ensure("versions" in answer, () => "a put at the right version met a conflict");
    const now = answer.versions[0] as string;
    for (const [what, version] of [
      ["an old", old],
      ["another key's", other],
      ["nobody's", "no version of anybody"],
    ] as const) {
      for (const change of ["put", "delete", "keep"] as const) {
        const mutation =
          change === "put" ? put("a", three, version) : { namespace: "", key: "a", expect: version, change };
        ensure(
          "conflict" in (await t.commit(mutation)),
          () => `a ${change} that expects ${what} version was made`,
        );
      }
    }
    await t.holds("a", two);
    ensure(
      "conflict" in (await t.commit(put("zz", three, now))),
      () => "a put that expects a version was made where nothing is",
    );
    await t.lacks("zz");
    ensure(
      "versions" in (await t.commit({ namespace: "", key: "a", expect: now, change: "delete" })),
      () => "a delete at the right version met a conflict",
    );
    await t.lacks("a");
  },
  async "expect without a change"(t) {
    const version = await t.put("a", await t.make(1));
    const keep = (key: string, expect?: string | null): BackendMutation =>
      expect === undefined
        ? { namespace: "", key, change: "keep" }
        : { namespace: "", key, expect, change: "keep" };
    for (const [mutation, holds] of [
      [keep("a", version), true],
      [keep("a", null), false],
      [keep("b", null), true],
      [keep("b", version), false],
      [keep("a"), true],
    ] as const) {
      const answer = await t.commit(mutation);
      ensure("versions" in answer === holds, () => `the check ${show(mutation)} answered ${show(answer)}`);
    }
    ensure((await t.read("a"))?.version === version, () => "a check changed the version");
    await t.lacks("b");
  },
  async "expired records are records"(t) {
    const made = await t.make(1, 0.02);
    const version = await t.put("a", made);
    await t.put("b", made);
    await sleep(50);
    await t.holds("a", made);
    sameList("the keys, expired ones too", await t.keys(), ["a", "b"]);
    ensure(
      "conflict" in (await t.commit(put("a", await t.make(2), null))),
      () => "an expired record counts as absent for a commit",
    );
    const was = await t.delete("b");
    ensure(
      was === undefined || was === true || was === made.expiresAt,
      () => `deleting an expired record answered ${show(was)}`,
    );
    const next = await t.make(2);
    ensure(
      "versions" in (await t.commit(put("a", next, version))),
      () => "an expired record cannot be replaced at its version",
    );
    await t.holds("a", next);
  },
  async "several all or nothing"(t) {
    if (t.maxBatch < 4) return;
    const [one, two] = [await t.make(1), await t.make(2)];
    const at = await t.put("b", one);
    await t.put("c", one);
    const [a, b, c] = [
      put("a", two),
      put("b", two, at),
      { namespace: "", key: "c", change: "delete" as const },
    ];
    const lost = await t.commit(a, b, c, put("d", two, at));
    ensure("conflict" in lost, () => `a batch whose last expectation fails answered ${show(lost)}`);
    ensure(lost.conflict === 3, () => `the expectation 3 failed, ${lost.conflict} is told`);
    await t.lacks("a");
    await t.holds("b", one);
    await t.holds("c", one);
    await t.lacks("d");
    const done = await t.commit({ namespace: "", key: "d", expect: null, change: "keep" }, c, b, a);
    ensure("versions" in done, () => "a batch whose expectations hold met a conflict");
    await t.lacks("c");
    await t.lacks("d");
    ensure(
      (await t.holds("b", two)).version === done.versions[2],
      () => "a batch tells another version than is stored",
    );
    ensure(
      (await t.holds("a", two)).version === done.versions[3],
      () => "a batch tells another version than is stored",
    );
  },
  async "what follows a conflict is not done"(t) {
    if (t.maxBatch < 2) return;
    const made = await t.make(1);
    const answer = await t.commit(put("a", made), put("b", made));
    ensure("versions" in answer, () => "a blind batch met a conflict");
    const swapped = await t.commit(put("a", made, null), put("b", made, answer.versions[1] as string));
    ensure(
      "conflict" in swapped && swapped.conflict === 0,
      () => `the expectation 0 failed, and the answer is ${show(swapped)}`,
    );
    ensure(
      (await t.holds("b", made)).version === answer.versions[1],
      () => "what follows a conflict was done",
    );
  },
  async "up to the largest batch"(t) {
    const made = await t.make(1);
    const keys = Array.from(
      { length: Math.min(t.maxBatch, 400) },
      (_, at) => `k.${String(at).padStart(4, "0")}`,
    );
    const answer = await t.commit(...keys.map((key) => put(key, made, null)));
    ensure("versions" in answer, () => `a commit of ${keys.length} new keys met a conflict`);
    sameList("the keys of a large commit", await t.keys(), keys);
    if (keys.length < 2) return;
    const last = keys[keys.length - 1] as string;
    const lost = await t.commit(
      ...keys.map((key) => ({
        namespace: "",
        key,
        change: "delete" as const,
        ...(key === last ? { expect: "no version of anybody" } : {}),
      })),
    );
    ensure("conflict" in lost, () => "a large commit whose last expectation fails was made");
    sameList("the keys after a conflict", await t.keys(), keys);
  },
  async "write: each for itself"(t) {
    if (!t.backend.write) return;
    const [one, two] = [await t.make(1), await t.make(2)];
    await t.put("b", one);
    const answers = await t.backend.write([
      put("a", two),
      put("b", two, null),
      { namespace: "", key: "b", change: "delete" },
      put("c", two),
    ]);
    ensure(answers.length === 4, () => `a write of 4 gave ${answers.length} answers`);
    const done = answers.map((answer) =>
      "versions" in answer ? answer.versions.length : "conflict" in answer ? "conflict" : answer.message,
    );
    sameList("the answers of a write", done, [1, "conflict", 1, 1]);
    await t.holds("a", two);
    await t.lacks("b");
    await t.holds("c", two);
  },
  async "many at once lose nothing"(t) {
    // Each tries until it has added its own step to the chain of versions.
    const steps = 20;
    let won = 0;
    const made = await t.make("step");
    await t.put("a", made);
    await Promise.all(
      Array.from({ length: steps }, async () => {
        for (let tries = 0; tries < steps * 4; tries++) {
          const now = await t.read("a");
          const answer = await t.commit(put("a", made, now?.version ?? null));
          if ("versions" in answer) {
            won += 1;
            return;
          }
        }
      }),
    );
    const version = (await t.read("a"))?.version as string;
    const racing = await Promise.all(Array.from({ length: 8 }, () => t.commit(put("a", made, version))));
    const winners = racing.filter((answer) => "versions" in answer).length;
    ensure(winners === 1, () => `of 8 puts at once that expect the same version ${winners} were made`);
    ensure(won === steps, () => `${won} of ${steps} came through`);
  },
};

const scan: Record<string, Check> = {
  async empty(t) {
    for (const reverse of BOTH) {
      sameList("an empty backend", await t.keys({ reverse }), []);
      sameList("an empty backend", await t.keys({ prefix: "a.", after: "a.b", reverse }), []);
    }
  },
  async "order of UTF-8 bytes"(t) {
    await t.fill(KEYS.map((_, at) => KEYS[(at * 23) % KEYS.length] as string));
    for (const records of BOTH) {
      for (const reverse of BOTH)
        sameList(`the order, reverse ${reverse}`, await t.keys({ records, reverse }), turned(KEYS, reverse));
    }
  },
  async "pages are complete"(t) {
    const keys = [...KEYS, ...Array.from({ length: 20 }, (_, at) => `m.${at}`)].sort(compare);
    await t.fill(keys);
    for (const limit of [1, 2, 7, keys.length - 1, keys.length, keys.length + 1]) {
      for (const reverse of BOTH) {
        sameList(
          `pages of ${limit}, reverse ${reverse}`,
          await t.keys({ limit, reverse, records: limit % 2 === 0 }),
          turned(keys, reverse),
        );
      }
    }
  },
  async "after is exclusive"(t) {
    await t.fill(KEYS);
    for (const after of [...KEYS, ...ABSENT]) {
      for (const reverse of BOTH) {
        const wanted = KEYS.filter((key) => (reverse ? compare(key, after) < 0 : compare(key, after) > 0));
        sameList(
          `after ${show(after)}, reverse ${reverse}`,
          await t.keys({ after, reverse, limit: 15 }),
          turned(wanted, reverse),
        );
      }
    }
  },
  async "a prefix is complete"(t) {
    await t.fill(KEYS);
    for (const prefix of [
      "a",
      "a.",
      "a.b",
      "a.b.",
      "A",
      "\ue000",
      "\ue000.",
      "\u{1f600}",
      "é",
      "%",
      "_",
      "zz",
    ]) {
      for (const after of [undefined, "a.b", "a.b.b", " ", "~", "\u{10fffd}"]) {
        for (const reverse of BOTH) {
          const beyond = (key: string) =>
            after === undefined || (reverse ? compare(key, after) < 0 : compare(key, after) > 0);
          const found = await t.keys({
            prefix,
            reverse,
            limit: 3,
            ...(after === undefined ? {} : { after }),
          });
          const wanted = KEYS.filter((key) => key.startsWith(prefix) && beyond(key));
          sameList(
            `prefix ${show(prefix)} after ${show(after)}, reverse ${reverse}`,
            found.filter((key) => key.startsWith(prefix)),
            turned(wanted, reverse),
          );
        }
      }
    }
  },
  async "what matches a pattern is there"(t) {
    await t.fill(KEYS);
    for (const [pattern, prefix, wanted] of [
      ["**", "", KEYS],
      ["a.*", "a.", ["a.b", "a.b ", "a.b-c", "a.b/c", "a.bc"]],
      ["**.b", "", ["A.b", "a.b"]],
      [
        "?",
        "",
        [
          " ",
          "*",
          "0",
          "9",
          "A",
          "Z",
          "_",
          "a",
          "z",
          "~",
          "\u00a0",
          "\u00e9",
          "\ufffd",
          "\u{1f600}",
          "\u{10fffd}",
        ],
      ],
      ["{a,A}.b", "", ["A.b", "a.b"]],
    ] as const) {
      for (const [reverse, limit] of [
        [false, 1],
        [false, 100],
        [true, 3],
      ] as const) {
        const found = await t.keys({ pattern, prefix, reverse, limit });
        sameList(
          `what matches ${show(pattern)}`,
          found.filter((key) => (wanted as readonly string[]).includes(key)),
          turned(wanted, reverse),
        );
      }
    }
  },
  async "keys and records"(t) {
    const written: Record<string, Made> = {};
    for (const [at, key] of ["a", "b", "c.d"].entries()) {
      const made = await t.make(key, at > 0 ? 700 + at : undefined);
      written[key] = made;
      await t.put(key, made);
    }
    for (const records of BOTH) {
      const items = await t.scan({ records });
      sameList(
        "the keys",
        items.map((item) => item.key),
        Object.keys(written),
      );
      for (const { key, record, version, expiresAt } of items) {
        const made = written[key] as Made;
        ensure(
          (expiresAt === undefined && records) || expiresAt === made.expiresAt,
          () => `a scan tells that ${key} expires at ${expiresAt}, not ${made.expiresAt}`,
        );
        if (!records) continue;
        ensure(
          record instanceof Uint8Array && sameBytes(record, made.record),
          () => `a scan gives another record of ${key} than was written`,
        );
        ensure(version === (await t.read(key))?.version, () => `a scan tells another version of ${key}`);
      }
    }
  },
  async "sees every write that was acknowledged"(t) {
    const made = await t.make(1);
    const wanted: string[] = [];
    for (let round = 0; round < 12; round++) {
      const key = `k${(round * 7) % 12}.x`;
      await t.put(key, made);
      wanted.push(key);
      wanted.sort(compare);
      if (round % 3 === 2) await t.delete(wanted.splice(round % wanted.length, 1)[0] as string);
      sameList("what was just written", await t.keys(), wanted);
    }
  },
  async "a key that nobody touches appears once"(t) {
    const keys = Array.from({ length: 30 }, (_, at) => `k.${at + 10}`);
    await t.fill(keys);
    const made = await t.make(1);
    for (const reverse of BOTH) {
      const seen: string[] = [];
      let after: string | undefined;
      for (let page = 0; page < 100; page++) {
        const query = { namespace: "", prefix: "", limit: 4, reverse, records: false };
        const found = await t.backend.scan(after === undefined ? query : { ...query, after });
        seen.push(...found.items.map((item) => item.key));
        // Others come and go between the pages, on both sides of where the scan is.
        for (let other = 0; other < 5; other++) {
          const key = `k.${10 + ((page * 7 + other * 11) % 30)}.${other}`;
          if ((page + other) % 3 === 0) await t.delete(key);
          else await t.put(key, made);
        }
        if (found.resume === undefined) break;
        after = found.resume;
      }
      sameList(
        "keys that nobody touched",
        seen.filter((key) => keys.includes(key)),
        turned(keys, reverse),
      );
    }
  },
};

const spaces: Record<string, Check> = {
  async "never see each other"(t) {
    for (const space of ["", "a", "b"]) await t.put("k", await t.make(space), space);
    for (const space of ["", "a", "b"]) {
      await t.holds("k", await t.make(space), space);
      sameList("a namespace's keys", await t.keys({ namespace: space }), ["k"]);
    }
    ensure(
      "versions" in (await t.commit(put("other", await t.make(1), null, "b"))),
      () => "a new key met a conflict",
    );
    await t.lacks("other");
    await t.delete("k", "a");
    await t.holds("k", await t.make(""));
    await t.holds("k", await t.make("b"), "b");
    await t.lacks("k", "a");
  },
  async "whatever the names"(t) {
    const names = [
      "",
      " ",
      "*",
      "A",
      "__proto__",
      "a",
      "a ",
      "a/b",
      "a:b",
      "constructor",
      "default",
      "e\u0301",
      "null",
      "\u00e9",
      "\u{1f600}",
      "n".repeat(64),
      "n".repeat(63),
    ];
    const keys = ["a", "a.b.c", "b.c", "b:c", "c"];
    for (const space of names)
      for (const key of keys) await t.put(key, await t.make(`${space} ${key}`), space);
    for (const space of names) {
      for (const key of keys) await t.holds(key, await t.make(`${space} ${key}`), space);
      sameList(`the keys of ${show(space)}`, await t.keys({ namespace: space }), keys);
    }
  },
  async "are listed"(t) {
    const names = ["", "A", "a", "b-c", "é"];
    for (const space of names) await t.put("k", await t.make(1), space);
    sameList("the namespaces", [...(await t.backend.namespaces())].sort(compare), names);
  },
};

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

const store: Record<string, Check> = {
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

/**
 * Runs every check over a backend of its own, which `make` makes and which is empty. A backend that
 * tells small `limits` is asked for little.
 */
export async function conformance(
  make: () => Backend | Promise<Backend>,
  KVStore: StoreClass,
  options: ConformanceOptions = {},
): Promise<ConformanceReport> {
  const recorder = new Recorder();
  const recording = await KVStore.open({ backend: recorder, autoCleanup: false });
  const memo = new Map<string, Made>();
  const makeRecord = async (value: unknown, seconds?: number): Promise<Made> => {
    // The same value gives the same bytes: they hold times.
    const name = typeof value === "string" && seconds === undefined ? value : undefined;
    const made =
      (name === undefined ? undefined : memo.get(name)) ?? (await recorder.make(recording, value, seconds));
    if (name !== undefined) memo.set(name, made);
    return made;
  };
  const failures: string[] = [];
  let passed = 0;
  for (const [group, checks] of Object.entries({ read, commit, scan, spaces, store })) {
    for (const [name, check] of Object.entries(checks)) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(
          () => reject(new Fault("no end after the time that a check may take")),
          options.timeout ?? 30_000,
        );
      });
      let opened: Store<any> | undefined;
      const run = async (): Promise<void> => {
        const backend = await make();
        opened = await KVStore.open({ backend, autoCleanup: false });
        await check(new Bench(backend, opened, makeRecord));
      };
      try {
        await Promise.race([run(), late]);
        passed += 1;
      } catch (error) {
        failures.push(
          `${group}: ${name}: ${error instanceof Fault ? error.message : `threw ${String(error)}`}`,
        );
      } finally {
        clearTimeout(timer);
        await opened?.close().catch(() => undefined);
      }
    }
  }
  await recording.close();
  return { passed, failed: failures.length, failures };
}

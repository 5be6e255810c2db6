/// <reference lib="esnext.disposable" preserve="true" />
/** The store. It holds types, copies and the crossing; what an operation means is in the core. */
import { Atomic } from "./atomic.js";
import { copyIn, copyOut } from "./copy.js";
import { KVError, refused } from "./error.js";
import { check, isKey, isPattern, known, metadataIn, setWords, type SetWords } from "./options.js";
import { register } from "./serializer.js";
import type {
  Abortable,
  DeleteOptions,
  Entry,
  KeyMap,
  KeysOptions,
  Metadata,
  OpenOptions,
  ScanOptions,
  SetOptions,
  ValueOf,
  WriteOptions,
} from "./types.js";
import { glue, load, numbers, texts, values, writeText } from "./wasm.js";

const { Op } = glue;
const ABSENT = -1;
const TAKE = -2;
const THROW = -4;
/** How many entries a scan fetches at a time. */
const PAGE = 500;

/** What a `setMany` takes. */
type Many<M> =
  | { readonly [key: string]: unknown }
  | ReadonlyMap<string, unknown>
  | Iterable<readonly [key: string, value: unknown, options?: WriteOptions]>
  | M;

/** The result, or the signal's reason where that comes first; the call itself goes on. */
function abortable<T>(result: T | Promise<T>, options: Abortable | undefined): T | Promise<T> {
  const signal = options?.signal;
  if (signal === undefined || !(result instanceof Promise)) return result;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    result.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

/** The result of a call that answered with a code for `take`. */
function taken(code: number): unknown {
  const result = glue.take();
  if (code === THROW) throw result;
  return result;
}

const flag = (code: number): boolean | Promise<boolean> =>
  code >= 0 ? code === 1 : (taken(code) as Promise<boolean>);

function text(key: unknown): string {
  isKey(key);
  return key;
}

function glob(pattern: unknown): string {
  isPattern(pattern);
  return pattern;
}

/** Writes the keys of a batch into the scratch buffer, joined by NUL, which no key may hold. */
function writeKeys(keys: readonly string[]): number {
  for (const key of keys) if (typeof key !== "string") isKey(key);
  const joined = keys.join("\0");
  if (!joined.isWellFormed()) keys.forEach(isKey);
  return writeText(joined);
}

/**
 * A key/value store. Every method returns a Promise and rejects with a {@link KVError}; absent is
 * `undefined`, `null` is a value.
 *
 * @example
 * const store = await KVStore.open();
 * await store.set("users.1.name", "Ada");
 * await store.get("users.1.name"); // "Ada"
 * await store.keys("users.*.name"); // ["users.1.name"]
 */
export class KVStore<M = KeyMap> {
  readonly #core: glue.Store;
  /** Texts of keys that a pattern has found, under the core's numbers for them. */
  readonly #texts: string[];
  readonly #immediate: boolean;

  private constructor(core: glue.Store, keyTexts: string[]) {
    this.#core = core;
    this.#texts = keyTexts;
    this.#immediate = core.is_immediate();
  }

  /** Opens a store. Unknown options are refused. */
  static async open<M = KeyMap>(options: OpenOptions = {}): Promise<KVStore<M>> {
    const words = check.open(options);
    options.signal?.throwIfAborted();
    if (options.serializers !== undefined) register(options.serializers);
    await abortable(load(), options);
    const core = glue.open(...words);
    return new KVStore<M>(core, []);
  }

  /** A pattern that matches exactly this text. */
  static async escape(text: string): Promise<string> {
    isPattern(text);
    await load();
    return glue.escape(text);
  }

  /** The value under `key`, or `undefined`. */
  async get<K extends string>(key: K, options?: Abortable): Promise<ValueOf<M, K> | undefined> {
    if (options !== undefined) this.#begin(options, "get");
    if (typeof key !== "string") isKey(key);
    const code = this.#core.get(this.#key(key));
    if (code >= 0) {
      const value = values[code];
      return (typeof value === "object" ? copyOut(value) : value) as ValueOf<M, K>;
    }
    if (code === ABSENT) return undefined;
    return abortable(taken(code) as ValueOf<M, K>, options);
  }

  /** Writes a new entry. False: a condition was not met. */
  async set<K extends string>(key: K, value: ValueOf<M, K>, options?: SetOptions): Promise<boolean> {
    if (typeof key !== "string") isKey(key);
    let ttl: number | undefined;
    if (options !== undefined || !this.#immediate) {
      const words = setWords(options === undefined ? {} : options, "set", true);
      options?.signal?.throwIfAborted();
      if (!this.#immediate || words[1] !== undefined || words[2] !== 0 || words[3] !== undefined) {
        const kept = copyIn(value, key);
        return abortable(this.#core.call(Op.SetWith, [text(key), kept, ...words]) as boolean, options);
      }
      ttl = words[0];
    }
    const kept = typeof value === "number" || typeof value === "boolean" ? value : copyIn(value, key);
    const slot = this.#core.set(this.#key(key), ttl);
    if (slot < 0) throw glue.take();
    values[slot] = kept;
    return true;
  }

  /** Removes the entry under `key`. False: there was none, or the condition was not met. */
  async delete(key: string, options?: DeleteOptions): Promise<boolean> {
    if (options !== undefined) {
      check.delete(options);
      options.signal?.throwIfAborted();
      if (options.ifVersion !== undefined)
        return abortable(
          this.#slow(() => this.#core.call(Op.DeleteIf, [text(key), options.ifVersion as string])),
          options,
        );
    }
    const code = this.#core.delete(this.#key(text(key)));
    return abortable(flag(code), options);
  }

  /** Is there an entry under `key`? */
  async exists(key: string, options?: Abortable): Promise<boolean> {
    if (options !== undefined) this.#begin(options, "exists");
    return abortable(flag(this.#core.exists(this.#key(text(key)))), options);
  }

  /** The entry under `key`: value, metadata and the system fields. */
  async getEntry<K extends string>(key: K, options?: Abortable): Promise<Entry<ValueOf<M, K>> | undefined> {
    return this.#call(options, "getEntry", () => this.#core.call(Op.GetEntry, [text(key)]));
  }

  /** Takes the value under `key` out. */
  async getAndDelete<K extends string>(key: K, options?: Abortable): Promise<ValueOf<M, K> | undefined> {
    return this.#call(options, "getAndDelete", () => this.#core.call(Op.GetAndDelete, [text(key)]));
  }

  /** Moves the entry under `from` to `to`. False: there was none. */
  async rename(from: string, to: string, options?: Abortable): Promise<boolean> {
    return this.#call(options, "rename", () => this.#core.call(Op.Rename, [text(from), text(to)]));
  }

  /** Copies the entry under `from` to `to`. False: there was none. */
  async copy(from: string, to: string, options?: Abortable): Promise<boolean> {
    return this.#call(options, "copy", () => this.#core.call(Op.Copy, [text(from), text(to)]));
  }

  /** The values under `keys`, in their order, repeats included. */
  async getMany<T = any>(keys: Iterable<string>, options?: Abortable): Promise<(T | undefined)[]> {
    if (options !== undefined) this.#begin(options, "getMany");
    const list = Array.isArray(keys) ? (keys as string[]) : listOf(keys, "getMany");
    const count = this.#core.get_many(writeKeys(list), list.length);
    if (count < 0) return abortable(taken(count) as T[], options);
    const slots = numbers(count);
    const found = new Array<T | undefined>(count).fill(undefined);
    let inline: T[] | undefined;
    let used = 0;
    for (let at = 0; at < count; at++) {
      const slot = slots[at] as number;
      if (slot >= 0) {
        const value = values[slot];
        found[at] = (typeof value === "object" ? copyOut(value) : value) as T;
      } else if (slot === TAKE) {
        inline ??= glue.take() as T[];
        found[at] = inline[used++] as T;
      }
    }
    return found;
  }

  /**
   * Writes an entry for each key, each for itself; of a repeated key the last wins. A failure in
   * the middle rejects with `.results` per key.
   */
  async setMany(entries: Many<Partial<M>>, options?: WriteOptions & Abortable): Promise<boolean[]> {
    if (options !== undefined) check.many(options);
    const { signal, ...write } = options ?? {};
    signal?.throwIfAborted();
    const batch = batchOf(entries, write);
    const { keys } = batch;
    const results =
      batch.words === undefined && this.#immediate
        ? this.#setPlain(keys, batch.kept, batch.shared[0])
        : await abortable(this.#setEach(batch), { signal } as Abortable);
    if (results === undefined) return new Array<boolean>(keys.length).fill(true);
    return allDone(results, "setMany", keys);
  }

  #setPlain(
    keys: readonly string[],
    kept: readonly unknown[],
    ttl: number | undefined,
  ): (boolean | KVError)[] | undefined {
    const length = writeKeys(keys);
    const count = this.#core.set_many(length, keys.length, ttl);
    if (count < 0) throw glue.take();
    const results = count === keys.length ? undefined : (glue.take() as (boolean | KVError)[]);
    const slots = numbers(keys.length);
    for (let at = 0; at < keys.length; at++) values[slots[at] as number] = kept[at];
    return results;
  }

  #setEach({ keys, kept, words, shared }: Batch): Promise<(boolean | KVError)[]> {
    keys.forEach(isKey);
    const rows = keys.map((key, at) => [key, kept[at], ...(words?.[at] ?? shared)]);
    return this.#slow(() => this.#core.call(Op.SetManyWith, [rows]));
  }

  /** Removes the entries under `keys`: how many there were. */
  async deleteMany(keys: Iterable<string>, options?: Abortable): Promise<number> {
    if (options !== undefined) this.#begin(options, "deleteMany");
    const list = listOf(keys, "deleteMany");
    const rows = await abortable(
      this.#slow<[string, boolean | KVError][]>(() => this.#core.call(Op.DeleteMany, [list])),
      options,
    );
    const done = allDone(
      rows.map((row) => row[1]),
      "deleteMany",
      rows.map((row) => row[0]),
    );
    return done.reduce((count, one) => count + (one ? 1 : 0), 0);
  }

  /** The keys that match `pattern`, in the order of their UTF-8 bytes. */
  async keys(pattern = "**", options?: KeysOptions): Promise<string[]> {
    isPattern(pattern);
    if (options !== undefined) {
      check.keys(options, "keys");
      options.signal?.throwIfAborted();
    }
    const limit = options?.limit === Infinity ? undefined : options?.limit;
    const count = this.#core.keys(writeText(pattern), limit, options?.after, options?.reverse ?? false);
    if (count < 0) return abortable(taken(count) as string[], options);
    const known = this.#texts;
    const ids = numbers(count);
    const found = new Array<string>(count);
    let fresh: string[] | undefined;
    let used = 0;
    for (let at = 0; at < count; at++) {
      const id = ids[at] as number;
      if (id < 0) {
        fresh ??= texts();
        known[~id] = found[at] = fresh[used++] as string;
      } else {
        found[at] = known[id] as string;
      }
    }
    return found;
  }

  /** Keys and values that match `pattern`, in the order of the keys. */
  async getPattern<T = any>(pattern: string, options?: Abortable): Promise<Map<string, T>> {
    return this.#call(options, "getPattern", () => this.#core.call(Op.GetPattern, [glob(pattern)]));
  }

  /** Removes the entries whose keys match `pattern`: how many there were. */
  async deletePattern(pattern: string, options?: Abortable): Promise<number> {
    return this.#call(options, "deletePattern", () => this.#core.call(Op.DeletePattern, [glob(pattern)]));
  }

  /** How many keys match `pattern`. */
  async countPattern(pattern: string, options?: Abortable): Promise<number> {
    return this.#call(options, "countPattern", () => this.#core.call(Op.CountPattern, [glob(pattern)]));
  }

  /** Entries (or, with `values: false`, keys) that match `pattern`, fetched in pages. */
  scan(pattern: string, options: ScanOptions & { readonly values: false }): AsyncIterableIterator<string>;
  scan<T = any>(pattern?: string, options?: ScanOptions): AsyncIterableIterator<Entry<T>>;
  async *scan(pattern = "**", options: ScanOptions = {}): AsyncIterableIterator<unknown> {
    isPattern(pattern);
    check.keys(options, "scan");
    const entries = options.values ?? true;
    let after = options.after;
    let left = options.limit ?? Infinity;
    while (left > 0) {
      options.signal?.throwIfAborted();
      const limit = Math.min(PAGE, left);
      const page = await abortable(
        this.#slow<(string | Entry)[]>(() =>
          this.#core.call(Op.ScanPage, [pattern, limit, after, options.reverse ?? false, entries]),
        ),
        options,
      );
      for (const item of page) {
        options.signal?.throwIfAborted();
        yield item;
      }
      if (page.length < limit) return;
      left -= page.length;
      const last = page[page.length - 1] as string | Entry;
      after = typeof last === "string" ? last : last.key;
    }
  }

  /** Every entry: `for await (const { key, value } of store)`. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Entry> {
    return this.scan();
  }

  /** The user's fields of the entry under `key`. */
  async getMetadata(key: string, options?: Abortable): Promise<{ [name: string]: any } | undefined> {
    return this.#call(options, "getMetadata", () => this.#core.call(Op.GetMetadata, [text(key)]));
  }

  /** Merges `fields` into the metadata of the entry under `key`, shallow. False: there is no entry. */
  async setMetadata(key: string, fields: Metadata, options?: Abortable): Promise<boolean> {
    return this.#call(options, "setMetadata", () =>
      this.#core.call(Op.SetMetadata, [text(key), metadataIn(fields)]),
    );
  }

  /** Puts `fields` in the place of the metadata of the entry under `key`. False: there is no entry. */
  async replaceMetadata(key: string, fields: Metadata, options?: Abortable): Promise<boolean> {
    return this.#call(options, "replaceMetadata", () =>
      this.#core.call(Op.ReplaceMetadata, [text(key), metadataIn(fields)]),
    );
  }

  /** How many seconds the entry under `key` has left; `null`: it does not expire; `undefined`: there is none. */
  async ttl(key: string, options?: Abortable): Promise<number | null | undefined> {
    return this.#call(options, "ttl", () => this.#core.call(Op.Ttl, [text(key)]));
  }

  /** Lets the entry under `key` expire after `seconds`. False: there is none. */
  async expire(key: string, seconds: number, options?: Abortable): Promise<boolean> {
    return this.#call(options, "expire", () => {
      if (typeof seconds !== "number")
        throw refused(`a time to live is a number of seconds; got ${typeof seconds}`, key);
      return this.#core.call(Op.Expire, [text(key), seconds]);
    });
  }

  /** Lets the entry under `key` never expire. False: there is none. */
  async persist(key: string, options?: Abortable): Promise<boolean> {
    return this.#call(options, "persist", () => this.#core.call(Op.Persist, [text(key)]));
  }

  /** Removes what has expired in this namespace: how many entries. */
  async cleanupExpired(options?: Abortable): Promise<number> {
    return this.#call(options, "cleanupExpired", () => this.#core.call(Op.CleanupExpired, []));
  }

  /** Puts `next` in the place of `old`, where the value under `key` equals it; `undefined` is absent. */
  async compareAndSwap<K extends string>(
    key: K,
    old: ValueOf<M, K> | undefined,
    next: ValueOf<M, K> | undefined,
    options?: Abortable,
  ): Promise<boolean> {
    return this.#call(options, "compareAndSwap", () => {
      const before = old === undefined ? undefined : copyIn(old, key);
      const after = next === undefined ? undefined : copyIn(next, key);
      return this.#core.call(Op.CompareAndSwap, [text(key), before, after]);
    });
  }

  /** Puts what `f` makes of the value under `key` in its place: the new value. `f` may run again. */
  async update<K extends string>(
    key: K,
    f: (old: ValueOf<M, K> | undefined) => ValueOf<M, K> | Promise<ValueOf<M, K>>,
    options?: Abortable,
  ): Promise<ValueOf<M, K>> {
    return this.#call(options, "update", () => {
      if (typeof f !== "function") throw refused(`update takes a function; got ${typeof f}`, key);
      let failure: { error: unknown } | undefined;
      const made = this.#core.call(Op.Update, [
        text(key),
        async (old: ValueOf<M, K> | undefined) => {
          let value: unknown;
          try {
            value = await f(old);
          } catch (error) {
            failure = { error };
            throw error;
          }
          if (value === undefined)
            throw refused("the function given to update returned undefined: is a return missing?", key);
          return copyIn(value, key);
        },
      ]) as Promise<ValueOf<M, K>>;
      // What the caller's function throws comes out as it is.
      return Promise.resolve(made).catch((error: unknown) => {
        throw failure === undefined ? error : failure.error;
      });
    });
  }

  /** Adds `delta` to the number under `key`; absent counts as 0. The sum; a `bigint` beyond ±(2⁵³ − 1). */
  async increment(key: string, delta: number | bigint = 1, options?: Abortable): Promise<number | bigint> {
    return this.#call(options, "increment", () => {
      if (typeof delta !== "number" && typeof delta !== "bigint")
        throw refused(`a delta is a number; got ${typeof delta}`, key);
      return this.#core.call(Op.Increment, [text(key), delta]);
    });
  }

  /** Adds text to the text, or bytes to the bytes, under `key`; absent counts as empty. The new value. */
  async append<T extends string | Uint8Array>(key: string, tail: T, options?: Abortable): Promise<T> {
    return this.#call(options, "append", () => this.#core.call(Op.Append, [text(key), copyIn(tail, key)]));
  }

  /** Begins a change of several keys that is made all or nothing. */
  atomic(): Atomic {
    return new Atomic((checks, writes) => this.#slow(() => this.#core.call(Op.Atomic, [checks, writes])));
  }

  /** The store of another namespace over the same connection; closing it leaves this one open. */
  async namespace<N = M>(name: string): Promise<KVStore<N>> {
    if (typeof name !== "string" || !name.isWellFormed())
      throw new KVError("invalid-key", "a namespace is a string of Unicode text");
    return new KVStore<N>(this.#core.namespace(name), this.#texts);
  }

  /** The names of the namespaces that hold entries; the default one is `""`. */
  async namespaces(options?: Abortable): Promise<string[]> {
    return this.#call(options, "namespaces", () => this.#core.call(Op.Namespaces, []));
  }

  /** Removes every entry of this namespace: how many there were. */
  async clear(options?: Abortable): Promise<number> {
    return this.#call(options, "clear", () => this.#core.call(Op.Clear, []));
  }

  /** Closes the store: every later call is refused with `closed`. */
  async close(): Promise<void> {
    await this.#slow(() => this.#core.call(Op.Close, []));
  }

  /** `await using store = await KVStore.open()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #begin(options: Abortable, method: string): void {
    check.signal(options, method);
    options.signal?.throwIfAborted();
  }

  /** A key in the scratch buffer. */
  #key(key: string): number {
    const length = writeText(key);
    // Only what is not ASCII can be ill-formed, and takes more bytes than characters.
    if (length !== key.length) isKey(key);
    return length;
  }

  async #call<T>(options: Abortable | undefined, method: string, call: () => unknown): Promise<T> {
    if (options !== undefined) this.#begin(options, method);
    return abortable(this.#slow<T>(call), options);
  }

  /** A call whose result is ready or a promise; what it throws rejects. */
  async #slow<T>(call: () => unknown): Promise<T> {
    return call() as T | Promise<T>;
  }
}

function listOf(keys: Iterable<string>, method: string): string[] {
  if (typeof keys === "string" || typeof keys?.[Symbol.iterator] !== "function") {
    throw refused(`${method} takes an array of keys`);
  }
  const list = [...keys];
  list.forEach(isKey);
  return list;
}

/** The entries of a `setMany` as `[key, value, options?]`. */
function entriesOf(entries: unknown): readonly unknown[] {
  if (Array.isArray(entries)) return entries;
  if (typeof entries !== "object" || entries === null) {
    throw refused("setMany takes an object, a Map, or an iterable of [key, value, options?]");
  }
  return Symbol.iterator in entries ? [...(entries as Iterable<unknown>)] : Object.entries(entries);
}

/** The entries of a `setMany`, taken apart and checked. */
interface Batch {
  readonly keys: string[];
  readonly kept: unknown[];
  /** The options of the call. */
  readonly shared: SetWords;
  /** The options of each, where not all are a mere time to live of the call's. */
  readonly words: SetWords[] | undefined;
}

function batchOf(entries: unknown, options: WriteOptions): Batch {
  const list = entriesOf(entries);
  const shared = setWords(options, "setMany", false);
  const keys = new Array<string>(list.length);
  const kept = new Array<unknown>(list.length);
  let words = shared[1] === undefined ? undefined : new Array<SetWords>(list.length).fill(shared);
  for (let at = 0; at < list.length; at++) {
    const entry = list[at];
    if (!Array.isArray(entry) || entry.length < 2 || entry.length > 3) {
      throw refused("setMany takes entries of the form [key, value, options?]");
    }
    const key: unknown = entry[0];
    const value: unknown = entry[1];
    if (typeof key !== "string") isKey(key);
    if (entry[2] !== undefined) {
      words ??= new Array<SetWords>(list.length).fill(shared);
      // Its own options over those of the call.
      known(entry[2], ["ttl", "metadata"], "setMany");
      words[at] = setWords({ ...options, ...entry[2] }, "setMany", false);
    }
    keys[at] = key;
    kept[at] = typeof value === "number" || typeof value === "boolean" ? value : copyIn(value, key);
  }
  return { keys, kept, shared, words };
}

/** The results of a batch; a failure among them is thrown, with all of them. */
function allDone(
  results: readonly (boolean | KVError)[],
  method: string,
  keys: readonly string[],
): boolean[] {
  const at = results.findIndex((result) => typeof result !== "boolean");
  if (at < 0) return results as boolean[];
  const first = results[at] as KVError;
  const failed = results.filter((result) => typeof result !== "boolean").length;
  const error = new KVError(
    first.code,
    `${method}: ${failed} of ${results.length} failed; the first: ${first.message}`,
    first.key ?? keys[at],
  );
  error.results = results.map((one, place) =>
    typeof one === "boolean" || one.key !== undefined ? one : new KVError(one.code, one.message, keys[place]),
  );
  throw error;
}

/// <reference lib="esnext.disposable" preserve="true" />
/** The store. It holds types, copies and the crossing; what an operation means is in the core. */
import { abortable } from "./abort.js";
import { Atomic } from "./atomic.js";
import { allDone, type Batch, batchOf, listOf } from "./batch.js";
import { connect } from "./connect.js";
import { copyIn, copyOut } from "./copy.js";
import { KVError, kindOf, refused } from "./error.js";
import type { Gate } from "./gate.js";
import { deleteNow, existsNow, getManyNow, getNow, keysNow, setManyNow, setNow } from "./hot.js";
import { check, metadataIn, setWords } from "./options.js";
import { scan } from "./scan.js";
import { register } from "./serializer.js";
import { isKey, isNamespace, isPattern } from "./texts.js";
import type {
  Abortable,
  DeleteOptions,
  Entries,
  EntriesOf,
  Entry,
  Fields,
  KeyMap,
  KeysOptions,
  OpenOptions,
  ScanOptions,
  SetOptions,
  Stored,
  ValueOf,
  WatchEvent,
  WatchOptions,
  WriteOptions,
} from "./types.js";
import * as glue from "./wasm/dataknobs_kv.js";
import { Op } from "./wasm/op.js";
import { Changes } from "./watch.js";
import { load } from "./wasm.js";

/** What the handles of one connection share. */
interface Shared {
  /** Texts of keys that a pattern has found, under the core's numbers for them. */
  readonly texts: string[];
  closed: boolean;
  /** The turns of a store that is written down. */
  gate?: Gate;
}

/** The calls that only read. */
const READS = new Set([
  Op.GetEntry,
  Op.GetPattern,
  Op.CountPattern,
  Op.ScanPage,
  Op.GetMetadata,
  Op.Ttl,
  Op.Namespaces,
  Op.Close,
]);

/**
 * A key/value store. Every method returns a Promise and rejects with a {@link KVError}; absent is
 * `undefined`, `null` is a value.
 *
 * Beside the errors that a method names there are: `invalid-argument` for options that it has not,
 * `closed` after `close`, the signal's reason, and what the backend says (`unavailable`, `timeout`,
 * `access-denied`, `conflict`, `corrupt`, `outcome-unknown`).
 *
 * @example
 * const store = await KVStore.open();
 * await store.set("users.1.name", "Ada");
 * await store.get("users.1.name"); // "Ada"
 * await store.keys("users.*.name"); // ["users.1.name"]
 */
export class KVStore<M = KeyMap> {
  readonly #core: glue.Store;
  readonly #shared: Shared;
  /** Of this handle; the one that was opened first has that of the connection. */
  readonly #own: { closed: boolean };
  readonly #texts: string[];
  readonly #immediate: boolean;
  readonly #gate: Gate | undefined;

  /** @internal A minifier makes the class's own name a letter. */
  static get name(): string {
    return "KVStore";
  }

  private constructor(core: glue.Store, shared: Shared, own: { closed: boolean }) {
    if (!(core instanceof glue.Store)) throw refused("a store is opened by KVStore.open()");
    this.#core = core;
    this.#shared = shared;
    this.#own = own;
    this.#texts = shared.texts;
    this.#immediate = core.is_immediate();
    this.#gate = shared.gate;
  }

  /**
   * Opens a store. Unknown options are refused.
   * Errors: `invalid-argument`; `invalid-key` (the namespace); `unsupported` (no timer may start here);
   * `unavailable` (the WebAssembly module cannot be loaded).
   */
  static async open<M = KeyMap>(options: OpenOptions = {}): Promise<KVStore<M>> {
    const words = check.open(options);
    options.signal?.throwIfAborted();
    if (options.serializers !== undefined) register(options.serializers);
    await abortable(load(), options);
    const shared: Shared = { texts: [], closed: false };
    const { core, gate } = await abortable(connect(words), options);
    if (gate !== undefined) shared.gate = gate;
    return new KVStore<M>(core, shared, shared);
  }

  /** A pattern that matches exactly this text. Errors: `invalid-pattern` (no Unicode text). */
  static async escape(text: string): Promise<string> {
    isPattern(text);
    await load();
    return glue.escape(text);
  }

  /** The value under `key`, or `undefined`. Errors: `invalid-key`. */
  async get<K extends string>(key: K, options?: Abortable): Promise<ValueOf<M, K> | undefined> {
    if (typeof key !== "string") isKey(key);
    if (options !== undefined) this.#begin(options, "get", key);
    return abortable(this.#turn(true, options, () => getNow(this.#core, key)) as ValueOf<M, K>, options);
  }

  /**
   * Writes a new entry. False: a condition was not met.
   * Errors: `invalid-key`; `invalid-argument` (what cannot be stored, options that contradict each other);
   * `quota-exceeded`.
   */
  async set<K extends string, V extends ValueOf<M, K>, F extends object>(
    key: K,
    value: Stored<V>,
    options?: SetOptions<Fields<F>>,
  ): Promise<boolean> {
    if (typeof key !== "string") isKey(key);
    let ttl: number | undefined;
    if (options !== undefined || !this.#immediate) {
      const words = setWords(options === undefined ? {} : options, "set", true, key);
      options?.signal?.throwIfAborted();
      if (!this.#immediate || words[1] !== undefined || words[2] !== 0 || words[3] !== undefined) {
        isKey(key);
        return this.#slow(options, Op.SetWith, key, copyIn(value, key), ...words);
      }
      ttl = words[0];
    }
    const kept = typeof value === "number" || typeof value === "boolean" ? value : copyIn(value, key);
    if (this.#gate === undefined) return setNow(this.#core, key, kept, ttl);
    return abortable(
      this.#turn(false, options, () => setNow(this.#core, key, kept, ttl)) as Promise<boolean>,
      options,
    );
  }

  /**
   * Removes the entry under `key`. False: there was none, or the condition was not met.
   * Errors: `invalid-key`.
   */
  async delete(key: string, options?: DeleteOptions): Promise<boolean> {
    isKey(key);
    if (options !== undefined) {
      check.delete(options, key);
      options.signal?.throwIfAborted();
      if (options.ifVersion !== undefined) return this.#slow(options, Op.DeleteIf, key, options.ifVersion);
    }
    return abortable(this.#turn(false, options, () => deleteNow(this.#core, key)) as boolean, options);
  }

  /** Is there an entry under `key`? Errors: `invalid-key`. */
  async exists(key: string, options?: Abortable): Promise<boolean> {
    isKey(key);
    if (options !== undefined) this.#begin(options, "exists", key);
    return abortable(this.#turn(true, options, () => existsNow(this.#core, key)) as boolean, options);
  }

  /** The entry under `key`: value, metadata and the system fields. Errors: `invalid-key`. */
  async getEntry<K extends string>(key: K, options?: Abortable): Promise<Entry<ValueOf<M, K>> | undefined> {
    return this.#keyed(Op.GetEntry, "getEntry", options, key);
  }

  /** Takes the value under `key` out. Errors: `invalid-key`. */
  async getAndDelete<K extends string>(key: K, options?: Abortable): Promise<ValueOf<M, K> | undefined> {
    return this.#keyed(Op.GetAndDelete, "getAndDelete", options, key);
  }

  /** Moves the entry under `from` to `to`. False: there was none. Errors: `invalid-key`; `quota-exceeded`. */
  async rename(from: string, to: string, options?: Abortable): Promise<boolean> {
    return this.#keyed(Op.Rename, "rename", options, from, () => {
      isKey(to);
      return [to];
    });
  }

  /**
   * Copies the entry under `from` to `to`. False: there was none.
   * Errors: `invalid-key`; `quota-exceeded`.
   */
  async copy(from: string, to: string, options?: Abortable): Promise<boolean> {
    return this.#keyed(Op.Copy, "copy", options, from, () => {
      isKey(to);
      return [to];
    });
  }

  /** The values under `keys`, in their order, repeats included. Errors: `invalid-key`. */
  async getMany<T = any>(keys: Iterable<string>, options?: Abortable): Promise<(T | undefined)[]> {
    if (options !== undefined) this.#begin(options, "getMany");
    const list = Array.isArray(keys) ? (keys as string[]) : listOf(keys, "getMany");
    const found = this.#turn(true, options, () => getManyNow(this.#core, list));
    return abortable(found as (T | undefined)[], options);
  }

  /**
   * Writes an entry for each key, each for itself; of a repeated key the last wins. A failure in
   * the middle rejects with `.results` per key.
   * Errors: `invalid-key` and `invalid-argument`, before anything is written; `quota-exceeded`.
   */
  async setMany<const E extends Entries>(
    entries: E & EntriesOf<M, E>,
    options?: WriteOptions & Abortable,
  ): Promise<boolean[]> {
    if (options !== undefined) check.many(options);
    const { signal, ...write } = options ?? {};
    signal?.throwIfAborted();
    const batch = batchOf(entries, write);
    const { keys } = batch;
    const results =
      batch.words === undefined && this.#immediate
        ? await abortable(
            this.#turn(false, options, () => setManyNow(this.#core, keys, batch.kept, batch.shared[0])),
            options,
          )
        : await this.#setEach(batch, { signal } as Abortable);
    if (results === undefined) return new Array<boolean>(keys.length).fill(true);
    return allDone(results, "setMany", keys);
  }

  #setEach({ keys, kept, words, shared }: Batch, options: Abortable): Promise<(boolean | KVError)[]> {
    keys.forEach(isKey);
    const rows = keys.map((key, at) => [key, kept[at], ...(words?.[at] ?? shared)]);
    return this.#slow(options, Op.SetManyWith, rows);
  }

  /**
   * Removes the entries under `keys`: how many there were.
   * A failure in the middle rejects with `.results` per key. Errors: `invalid-key`.
   */
  async deleteMany(keys: Iterable<string>, options?: Abortable): Promise<number> {
    if (options !== undefined) this.#begin(options, "deleteMany");
    const list = listOf(keys, "deleteMany");
    const rows = await this.#slow<[string, boolean | KVError][]>(options, Op.DeleteMany, list);
    const found = new Map(rows);
    allDone(
      list.map((key) => found.get(key) as boolean | KVError),
      "deleteMany",
      list,
    );
    return rows.filter((row) => row[1]).length;
  }

  /**
   * The keys that match `pattern`, in the order of their UTF-8 bytes.
   * Errors: `invalid-pattern`; `invalid-key` (`after`).
   */
  async keys(pattern = "**", options?: KeysOptions): Promise<string[]> {
    isPattern(pattern);
    if (options !== undefined) {
      check.keys(options, "keys");
      options.signal?.throwIfAborted();
    }
    const limit = options?.limit === Infinity ? undefined : options?.limit;
    // A backend that answers later is asked more than once: an abort ends that.
    if (!this.#immediate) {
      const { after, reverse = false } = options ?? {};
      return this.#slow(options, Op.ScanPage, pattern, limit, after, reverse, false);
    }
    const { after, reverse } = options ?? {};
    const query = { limit, after, reverse } as KeysOptions;
    const found = this.#turn(true, options, () => keysNow(this.#core, this.#texts, pattern, query));
    return abortable(found as string[], options);
  }

  /** Keys and values that match `pattern`, in the order of the keys. Errors: `invalid-pattern`. */
  async getPattern<T = any>(pattern: string, options?: Abortable): Promise<Map<string, T>> {
    isPattern(pattern);
    return this.#call(Op.GetPattern, "getPattern", options, pattern);
  }

  /** Removes the entries whose keys match `pattern`: how many there were. Errors: `invalid-pattern`. */
  async deletePattern(pattern: string, options?: Abortable): Promise<number> {
    isPattern(pattern);
    return this.#call(Op.DeletePattern, "deletePattern", options, pattern);
  }

  /** How many keys match `pattern`. Errors: `invalid-pattern`. */
  async countPattern(pattern: string, options?: Abortable): Promise<number> {
    isPattern(pattern);
    return this.#call(Op.CountPattern, "countPattern", options, pattern);
  }

  /**
   * Entries (or, with `values: false`, keys) that match `pattern`, fetched in pages.
   * Errors, of each `next()`: `invalid-pattern`; `invalid-key` (`after`).
   */
  scan(pattern: string, options: ScanOptions & { readonly values: false }): AsyncIterableIterator<string>;
  scan<T = any>(pattern?: string, options?: ScanOptions): AsyncIterableIterator<Entry<T>>;
  scan(pattern = "**", options: ScanOptions = {}): AsyncIterableIterator<unknown> {
    const items = scan((...query) => this.#slow(options, Op.ScanPage, ...query), pattern, options);
    const { next } = items;
    // Also in the middle of a page, and after the end.
    items.next = () =>
      this.#own.closed || this.#shared.closed ? this.#slow(undefined, Op.Namespaces) : next.call(items);
    return items;
  }

  /**
   * Watches the keys that match `pattern`, from the call on: each change of a key is one event, also within a
   * batch, in order per key. What has expired is told when it is cleaned up or written over. It ends with the
   * loop, with the store, and with `signal`'s reason.
   * Errors, of the first `next()`: `invalid-pattern`; `unsupported`: the backend cannot tell of changes.
   *
   * @example
   * for await (const { type, key, value } of store.watch("users.**", { values: true })) console.log(type, key, value);
   */
  watch<T = any>(pattern = "**", options: WatchOptions = {}): AsyncIterableIterator<WatchEvent<T>> {
    return new Changes<T>(() => {
      isPattern(pattern);
      check.watch(options);
      options.signal?.throwIfAborted();
      return [options, this.#core.watch(pattern, options.values ?? false, options.buffer)];
    });
  }

  /** Every entry: `for await (const { key, value } of store)`. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Entry> {
    return this.scan();
  }

  /** The user's fields of the entry under `key`. Errors: `invalid-key`. */
  async getMetadata(key: string, options?: Abortable): Promise<{ [name: string]: any } | undefined> {
    return this.#keyed(Op.GetMetadata, "getMetadata", options, key);
  }

  /**
   * Merges `fields` into the metadata of the entry under `key`, shallow. False: there is no entry.
   * Errors: `invalid-key`; `invalid-argument` (what is no JSON, a field `ttl`).
   */
  async setMetadata<F extends object>(key: string, fields: Fields<F>, options?: Abortable): Promise<boolean> {
    return this.#keyed(Op.SetMetadata, "setMetadata", options, key, () => [metadataIn(fields, key)]);
  }

  /**
   * Puts `fields` in the place of the metadata of the entry under `key`. False: there is no entry.
   * Errors: `invalid-key`; `invalid-argument` (what is no JSON, a field `ttl`).
   */
  async replaceMetadata<F extends object>(
    key: string,
    fields: Fields<F>,
    options?: Abortable,
  ): Promise<boolean> {
    return this.#keyed(Op.ReplaceMetadata, "replaceMetadata", options, key, () => [metadataIn(fields, key)]);
  }

  /**
   * How many seconds the entry under `key` has left; `null`: it does not expire; `undefined`: there is none.
   * Errors: `invalid-key`.
   */
  async ttl(key: string, options?: Abortable): Promise<number | null | undefined> {
    return this.#keyed(Op.Ttl, "ttl", options, key);
  }

  /**
   * Lets the entry under `key` expire after `seconds`. False: there is none.
   * Errors: `invalid-key`; `invalid-argument` (not more than 0, or over 10 years).
   */
  async expire(key: string, seconds: number, options?: Abortable): Promise<boolean> {
    return this.#keyed(Op.Expire, "expire", options, key, () => {
      if (typeof seconds !== "number")
        throw refused(`a time to live is a number of seconds; got ${typeof seconds}`, key);
      return [seconds];
    });
  }

  /** Lets the entry under `key` never expire. False: there is none. Errors: `invalid-key`. */
  async persist(key: string, options?: Abortable): Promise<boolean> {
    return this.#keyed(Op.Persist, "persist", options, key);
  }

  /** Removes what has expired in this namespace: how many entries. */
  async cleanupExpired(options?: Abortable): Promise<number> {
    return this.#call(Op.CleanupExpired, "cleanupExpired", options);
  }

  /**
   * Puts `next` in the place of `old`, where the value under `key` equals it; `undefined` is absent.
   * Errors: `invalid-key`; `invalid-argument` (what cannot be stored); `quota-exceeded`.
   */
  async compareAndSwap<K extends string>(
    key: K,
    old: ValueOf<M, K> | undefined,
    next: ValueOf<M, K> | undefined,
    options?: Abortable,
  ): Promise<boolean> {
    return this.#keyed(Op.CompareAndSwap, "compareAndSwap", options, key, () =>
      [old, next].map((value) => (value === undefined ? undefined : copyIn(value, key))),
    );
  }

  /**
   * Puts what `f` makes of the value under `key` in its place: the new value. `f` may run again.
   * Errors: `invalid-key`; `invalid-argument` (it returned `undefined`, or what cannot be stored);
   * `quota-exceeded`; what `f` throws comes out as it is.
   */
  async update<K extends string>(
    key: K,
    f: (old: ValueOf<M, K> | undefined) => ValueOf<M, K> | Promise<ValueOf<M, K>>,
    options?: Abortable,
  ): Promise<ValueOf<M, K>> {
    let failure: { error: unknown } | undefined;
    const step = async (old: ValueOf<M, K> | undefined) => {
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
    };
    try {
      return await this.#keyed(Op.Update, "update", options, key, () => {
        if (typeof f !== "function") throw refused(`update takes a function; got ${kindOf(f)}`, key);
        return [step];
      });
    } catch (error) {
      if (options?.signal?.aborted) throw options.signal.reason;
      // What the caller's function throws comes out as it is.
      throw failure === undefined ? error : failure.error;
    }
  }

  /**
   * Adds `delta` to the number under `key`; absent counts as 0. The sum; a `bigint` beyond ±(2⁵³ − 1).
   * Errors: `invalid-key`; `type-mismatch` (there is no number); `invalid-argument` (not finite, beyond 64 bits).
   */
  async increment(key: string, delta: number | bigint = 1, options?: Abortable): Promise<number | bigint> {
    return this.#keyed(Op.Increment, "increment", options, key, () => {
      if (typeof delta !== "number" && typeof delta !== "bigint")
        throw refused(`a delta is a number; got ${typeof delta}`, key);
      return [delta];
    });
  }

  /**
   * Adds text to the text, or bytes to the bytes, under `key`; absent counts as empty. The new value.
   * Errors: `invalid-key`; `type-mismatch` (there is something else).
   */
  async append<T extends string | Uint8Array>(key: string, tail: T, options?: Abortable): Promise<T> {
    return this.#keyed(Op.Append, "append", options, key, () => [copyIn(tail, key)]);
  }

  /** Begins a change of several keys that is made all or nothing. */
  atomic(): Atomic<M> {
    return new Atomic((options, checks, writes) => this.#slow(options, Op.Atomic, checks, writes));
  }

  /**
   * The store of another namespace over the same connection; closing it leaves this one open.
   * Errors: `invalid-key` (the name).
   */
  async namespace<N = M>(name: string): Promise<KVStore<N>> {
    isNamespace(name);
    return new KVStore<N>(this.#core.namespace(name), this.#shared, { closed: false });
  }

  /** The names of the namespaces that hold entries; the default one is `""`. */
  async namespaces(options?: Abortable): Promise<string[]> {
    return this.#call(Op.Namespaces, "namespaces", options);
  }

  /** Removes every entry of this namespace: how many there were. */
  async clear(options?: Abortable): Promise<number> {
    return this.#call(Op.Clear, "clear", options);
  }

  /**
   * Closes the store: every later call is refused with `closed`.
   * What the backend says rejects; the store is closed all the same.
   */
  async close(): Promise<void> {
    this.#own.closed = true;
    try {
      // The handle that was opened closes the connection.
      if (this.#own === this.#shared) await this.#gate?.close();
    } finally {
      await this.#slow(undefined, Op.Close);
    }
  }

  /** `await using store = await KVStore.open()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #begin(options: Abortable, method: string, key?: string): void {
    check.signal(options, method, key);
    options.signal?.throwIfAborted();
  }

  /** A call about a key; `more` checks and gives its other arguments. */
  async #keyed<T>(
    op: Op,
    method: string,
    options: Abortable | undefined,
    key: string,
    more?: () => unknown[],
  ): Promise<T> {
    isKey(key);
    if (options !== undefined) this.#begin(options, method, key);
    return this.#slow(options, op, key, ...(more?.() ?? []));
  }

  async #call<T>(op: Op, method: string, options: Abortable | undefined, ...args: unknown[]): Promise<T> {
    if (options !== undefined) this.#begin(options, method);
    return this.#slow(options, op, ...args);
  }

  /** Makes a call of the core: now, or in its turn where the store is written down. */
  #turn<T>(reads: boolean, options: Abortable | undefined, work: () => T): T | Promise<Awaited<T>> {
    const gate = this.#gate;
    if (gate === undefined) return work();
    const { signal } = options ?? {};
    const turn = () => {
      signal?.throwIfAborted();
      return work();
    };
    return gate.run(signal === undefined ? work : turn, reads) as T | Promise<Awaited<T>>;
  }

  /** A call whose result is ready or a promise; what it throws rejects, and so does an abort. */
  async #slow<T>(options: Abortable | undefined, op: Op, ...args: unknown[]): Promise<T> {
    const call = () => this.#core.call(op, args, options?.signal) as T | Promise<T>;
    if (op === Op.Update && this.#gate !== undefined) {
      const [key, step] = args as [string, (old: unknown) => Promise<unknown>];
      return this.#replace(options, key, step) as Promise<T>;
    }
    return abortable(this.#turn(READS.has(op), options, call) as T | Promise<T>, options);
  }

  /** An `update` in two turns, as nobody else's may wait for the caller's function. */
  async #replace(
    options: Abortable | undefined,
    key: string,
    step: (old: unknown) => Promise<unknown>,
  ): Promise<unknown> {
    for (let tries = 0; tries < 10_000; tries++) {
      const entry = await this.#slow<Entry | undefined>(options, Op.GetEntry, key);
      const value = await step(entry?.value);
      if (await this.#slow(options, Op.Replace, key, entry?.version, value)) return copyOut(value);
    }
    throw new KVError("conflict", "others kept writing the key while the function ran", key);
  }
}

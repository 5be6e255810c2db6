/// <reference lib="esnext.disposable" preserve="true" />
/** The store. It holds types, copies and the crossing; what an operation means is in the core. */
import { abortable } from "./abort.js";
import { Atomic } from "./atomic.js";
import { allDone, type Batch, batchOf, listOf } from "./batch.js";
import { begin, Calls } from "./calls.js";
import { connect } from "./connect.js";
import { refused, type KVError } from "./error.js";
import { OneKey } from "./one-key.js";
import { check, openWords, setWords } from "./options.js";
import { scan } from "./scan.js";
import { register } from "./serializer.js";
import { storage } from "./storage.js";
import { isKey, isNamespace, isPattern } from "./texts.js";
import type {
  Abortable,
  Entries,
  EntriesOf,
  Entry,
  KeyMap,
  KeysOptions,
  OpenOptions,
  PlainNames,
  ScanOptions,
  StorageInfo,
  StorageOptions,
  ValueOf,
  WatchEvent,
  WatchOptions,
  WriteOptions,
} from "./types.js";
import { Op } from "./wasm/op.js";
import { Changes } from "./watch.js";
import { ask } from "./torn.js";
import { load } from "./wasm.js";

/** What the handles of one connection share. */
interface Shared {
  /** Texts of keys that a pattern has found, under the core's numbers for them. */
  readonly texts: string[];
  closed: boolean;
  /** Ends the clean-up by a timer. */
  readonly stop: () => void;
}

/**
 * A key/value store. Every method returns a Promise and rejects with a {@link KVError}; absent is
 * `undefined`, `null` is a value.
 *
 * Beside the errors that a method names there are: `invalid-argument` for options that it has not,
 * `closed` after `close`, the signal's reason, and what the backend says (`unavailable`, `timeout`,
 * `access-denied`, `conflict`, `corrupt`, `outcome-unknown`). Where the stack or the memory is used up in the middle
 * of a call, that one rejects with `outcome-unknown` and every later one, of all stores of the program, with `closed`:
 * open new ones. What was acknowledged is in their files and databases.
 *
 * @example
 * const store = await KVStore.open();
 * await store.set("users.1.name", "Ada");
 * await store.get("users.1.name"); // "Ada"
 * await store.keys("users.*.name"); // ["users.1.name"]
 */
export class KVStore<M = KeyMap> extends OneKey<M> {
  readonly #calls: Calls;
  readonly #shared: Shared;
  /** Of this handle; the one that was opened first has that of the connection. */
  readonly #own: { closed: boolean };
  readonly #texts: string[];

  /** @internal A minifier makes the class's own name a letter. */
  static override get name(): string {
    return "KVStore";
  }

  private constructor(calls: Calls, shared: Shared, own: { closed: boolean }) {
    if (!(calls instanceof Calls)) throw refused("a store is opened by KVStore.open()");
    super(calls);
    this.#calls = calls;
    this.#shared = shared;
    this.#own = own;
    this.#texts = shared.texts;
  }

  /**
   * Opens a store. Unknown options are refused.
   * Errors: `invalid-argument`; `invalid-key` (the namespace); `unsupported` (no timer may start here);
   * `unavailable` (the WebAssembly module cannot be loaded).
   */
  static async open<M extends PlainNames<M> = KeyMap>(options: OpenOptions = {}): Promise<KVStore<M>> {
    const own = check.open(options);
    const words = openWords(own);
    own.signal?.throwIfAborted();
    if (own.serializers !== undefined) register(own.serializers);
    const module = await abortable(load(words[0]), own);
    const { core, gate, stop } = await abortable(connect(module, words, own.signal), own);
    const shared: Shared = { texts: [], closed: false, stop };
    return new KVStore<M>(new Calls(core, module, gate), shared, shared);
  }

  /** A pattern that matches exactly this text. Errors: `invalid-pattern` (no Unicode text). */
  static async escape(text: string): Promise<string> {
    isPattern(text);
    const { glue } = await load("memory");
    return ask(() => glue.escape(text));
  }

  /** The values under `keys`, in their order, repeats included. Errors: `invalid-key`. */
  getMany<const L extends readonly string[]>(
    keys: L & (string extends keyof M ? never : unknown),
    options?: Abortable,
  ): Promise<{ -readonly [I in keyof L]: ValueOf<M, L[I]> | undefined }>;
  /** The values under `keys`, in their order, repeats included. Errors: `invalid-key`. */
  getMany<T = any>(keys: Iterable<string> & object, options?: Abortable): Promise<(T | undefined)[]>;
  async getMany(keys: Iterable<string>, options?: Abortable): Promise<unknown> {
    if (options !== undefined) options = begin(options, "getMany");
    const list = listOf(keys, "getMany");
    const found = this.#calls.turn(true, options, () =>
      this.#calls.module.getManyNow(this.#calls.core, list),
    );
    return abortable(found, options);
  }

  /**
   * Writes an entry for each key, each for itself; of a repeated key the last wins. A failure in
   * the middle rejects with `.results` per key; what an iterator of yours throws comes out as it is.
   * Errors: `invalid-key` and `invalid-argument`, before anything is written; `quota-exceeded`.
   */
  async setMany<const E extends Entries>(
    entries: E & EntriesOf<M, E>,
    options?: WriteOptions & Abortable,
  ): Promise<boolean[]> {
    if (options !== undefined) options = check.many(options);
    options?.signal?.throwIfAborted();
    const batch = batchOf(entries, setWords(options ?? {}));
    const { keys } = batch;
    const results =
      batch.words === undefined && this.#calls.immediate
        ? await abortable(
            this.#calls.turn(false, options, () =>
              this.#calls.module.setManyNow(this.#calls.core, keys, batch.kept, batch.shared[0]),
            ),
            options,
          )
        : await this.#setEach(batch, options);
    if (results === undefined) return new Array<boolean>(keys.length).fill(true);
    return allDone(results, "setMany", keys);
  }

  #setEach(
    { keys, kept, words, shared }: Batch,
    options: Abortable | undefined,
  ): Promise<(boolean | KVError)[]> {
    keys.forEach(isKey);
    const rows = keys.map((key, at) => [key, kept[at], ...(words?.[at] ?? shared)]);
    return this.#calls.slow(options, Op.SetManyWith, rows);
  }

  /**
   * Removes the entries under `keys`: how many there were.
   * A failure in the middle rejects with `.results` per key. Errors: `invalid-key`.
   */
  async deleteMany(keys: Iterable<string> & object, options?: Abortable): Promise<number> {
    if (options !== undefined) options = begin(options, "deleteMany");
    const list = listOf(keys, "deleteMany");
    list.forEach(isKey);
    const rows = await this.#calls.slow<[string, boolean | KVError][]>(options, Op.DeleteMany, list);
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
      options = check.keys(options, "keys");
      options.signal?.throwIfAborted();
    }
    const limit = options?.limit === Infinity ? undefined : options?.limit;
    // A backend that answers later is asked more than once: an abort ends that.
    if (!this.#calls.immediate) {
      const { after, reverse = false } = options ?? {};
      return this.#calls.slow(options, Op.ScanPage, pattern, limit, after, reverse, false);
    }
    const { after, reverse } = options ?? {};
    const query = { limit, after, reverse } as KeysOptions;
    const found = this.#calls.turn(true, options, () =>
      this.#calls.module.keysNow(this.#calls.core, this.#texts, pattern, query),
    );
    return abortable(found as string[], options);
  }

  /** Keys and values that match `pattern`, in the order of the keys. Errors: `invalid-pattern`. */
  async getPattern<T = any>(pattern: string, options?: Abortable): Promise<Map<string, T>> {
    isPattern(pattern);
    return this.#calls.call(Op.GetPattern, "getPattern", options, pattern);
  }

  /** Removes the entries whose keys match `pattern`: how many there were. Errors: `invalid-pattern`. */
  async deletePattern(pattern: string, options?: Abortable): Promise<number> {
    isPattern(pattern);
    return this.#calls.call(Op.DeletePattern, "deletePattern", options, pattern);
  }

  /** How many keys match `pattern`. Errors: `invalid-pattern`. */
  async countPattern(pattern: string, options?: Abortable): Promise<number> {
    isPattern(pattern);
    return this.#calls.call(Op.CountPattern, "countPattern", options, pattern);
  }

  /**
   * Entries (or, with `values: false`, keys) that match `pattern`, fetched in pages.
   * Errors, of each `next()`: `invalid-pattern`; `invalid-key` (`after`).
   */
  scan(pattern: string, options: ScanOptions & { readonly values: false }): AsyncIterableIterator<string>;
  scan<T = any>(pattern?: string, options?: ScanOptions): AsyncIterableIterator<Entry<T>>;
  scan(pattern = "**", options: ScanOptions = {}): AsyncIterableIterator<unknown> {
    const items = scan((own, ...query) => this.#calls.slow(own, Op.ScanPage, ...query), pattern, options);
    const { next } = items;
    // Also in the middle of a page, and after the end.
    items.next = () =>
      this.#own.closed || this.#shared.closed ? this.#calls.slow(undefined, Op.Namespaces) : next.call(items);
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
      const own = check.watch(options);
      own.signal?.throwIfAborted();
      const { core, opened } = this.#calls;
      return [own, ask(() => core.watch(pattern, own.values ?? false, own.buffer)), opened];
    });
  }

  /** Every entry: `for await (const { key, value } of store)`. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Entry> {
    return this.scan();
  }

  /** Removes what has expired in this namespace: how many entries. */
  async cleanupExpired(options?: Abortable): Promise<number> {
    return this.#calls.call(Op.CleanupExpired, "cleanupExpired", options);
  }

  /** Begins a change of several keys that is made all or nothing. */
  atomic(): Atomic<M> {
    return new Atomic((options, checks, writes) => this.#calls.slow(options, Op.Atomic, checks, writes));
  }

  /**
   * The store of another namespace over the same connection; closing it leaves this one open.
   * Errors: `invalid-key` (the name).
   */
  namespace(name: string): Promise<KVStore<M>>;
  /**
   * The store of another namespace over the same connection; closing it leaves this one open.
   * Errors: `invalid-key` (the name).
   */
  namespace<N extends PlainNames<N>>(name: string): Promise<KVStore<N>>;
  async namespace<N>(name: string): Promise<KVStore<N>> {
    isNamespace(name);
    const { core, module, gate, opened } = this.#calls;
    return new KVStore<N>(
      new Calls(
        ask(() => core.namespace(name)),
        module,
        gate,
        opened,
      ),
      this.#shared,
      { closed: false },
    );
  }

  /** The names of the namespaces that hold entries; the default one is `""`. */
  async namespaces(options?: Abortable): Promise<string[]> {
    return this.#calls.call(Op.Namespaces, "namespaces", options);
  }

  /** Removes every entry of this namespace: how many there were. */
  async clear(options?: Abortable): Promise<number> {
    return this.#calls.call(Op.Clear, "clear", options);
  }

  /**
   * Closes the store: every later call is refused with `closed`.
   * What the backend says rejects; the store is closed all the same.
   */
  async close(): Promise<void> {
    this.#own.closed = true;
    try {
      // The handle that was opened closes the connection.
      if (this.#own === this.#shared) {
        this.#shared.stop();
        await this.#calls.gate?.close();
      }
    } finally {
      // Of the whole connection at once: nothing is to come between.
      await (this.#own === this.#shared
        ? ask(() => this.#calls.core.call(Op.Close, []))
        : this.#calls.slow(undefined, Op.Close));
    }
  }

  /**
   * What the browser gives this site, all its stores together; with `persist` it is asked first never to throw them
   * away. Errors: `unsupported` (no browser, no secure context; a worker cannot ask for `persist`).
   */
  async storage(options: StorageOptions = {}): Promise<StorageInfo> {
    const own = check.storage(options);
    own.signal?.throwIfAborted();
    if (this.#own.closed || this.#shared.closed) return this.#calls.slow(undefined, Op.Namespaces);
    return abortable(storage(own.persist), own);
  }

  /** `await using store = await KVStore.open()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** The operations on one key. */
import { abortable } from "./abort.js";
import { begin, type Calls } from "./calls.js";
import { copyIn } from "./copy.js";
import { kindOf, refused } from "./error.js";
import { check, metadataIn, setWords } from "./options.js";
import { isKey } from "./texts.js";
import type {
  Abortable,
  Counter,
  DeleteOptions,
  Entry,
  Fields,
  KeyMap,
  Made,
  SetOptions,
  SetWith,
  Storable,
  Stored,
  Tail,
  Unnamed,
  ValueOf,
} from "./types.js";
import { told, trap } from "./torn.js";
import { Op } from "./wasm/op.js";

/** The part of a store that is about one key. */
export abstract class OneKey<M = KeyMap> {
  readonly #calls: Calls;

  /** @internal */
  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** The value under `key`, or `undefined`. Errors: `invalid-key`. */
  async get<K extends string>(key: K, options?: Abortable): Promise<ValueOf<M, K> | undefined> {
    // This and `set` are short, so that an engine puts them where they are called.
    const { module, core, ahead } = this.#calls;
    if (ahead && options === undefined && typeof key === "string") {
      try {
        return module.getNow(core, key) as ValueOf<M, K> | undefined;
      } catch (error) {
        trap.thrown = error;
        throw told(error);
      }
    }
    return this.#getWith(key, options) as ValueOf<M, K> | undefined;
  }

  /**
   * Writes a new entry. False: a condition was not met.
   * Errors: `invalid-key`; `invalid-argument` (what cannot be stored, options that contradict each other);
   * `quota-exceeded`.
   */
  async set<K extends string, V extends ValueOf<M, K>, F extends object>(
    key: K,
    value: Stored<V>,
    options?: SetWith<Fields<F>, Fields<F, number>>,
  ): Promise<boolean> {
    const { module, core, ahead } = this.#calls;
    if (ahead && options === undefined && typeof key === "string") {
      const kept = typeof value === "number" || typeof value === "boolean" ? value : copyIn(value, key);
      try {
        return module.setNow(core, key, kept, undefined);
      } catch (error) {
        trap.thrown = error;
        throw told(error);
      }
    }
    return await this.#setWith(key, value, options);
  }

  /**
   * Removes the entry under `key`. False: there was none, or the condition was not met.
   * Errors: `invalid-key`.
   */
  async delete(key: string, options?: DeleteOptions): Promise<boolean> {
    isKey(key);
    if (options !== undefined) {
      options = check.delete(options, key);
      options.signal?.throwIfAborted();
      if (options.ifVersion !== undefined)
        return this.#calls.slow(options, Op.DeleteIf, key, options.ifVersion);
    }
    return abortable(
      this.#calls.turn(false, options, () => this.#calls.module.deleteNow(this.#calls.core, key)) as boolean,
      options,
    );
  }

  /** Is there an entry under `key`? Errors: `invalid-key`. */
  async exists(key: string, options?: Abortable): Promise<boolean> {
    isKey(key);
    if (options !== undefined) options = begin(options, "exists", key);
    return abortable(
      this.#calls.turn(true, options, () => this.#calls.module.existsNow(this.#calls.core, key)) as boolean,
      options,
    );
  }

  #getWith(key: string, options: Abortable | undefined): unknown {
    isKey(key);
    if (options !== undefined) options = begin(options, "get", key);
    const { module, core } = this.#calls;
    return abortable(
      this.#calls.turn(true, options, () => module.getNow(core, key)),
      options,
    );
  }

  #setWith(key: string, value: unknown, options: SetOptions | undefined): boolean | Promise<boolean> {
    isKey(key);
    if (options !== undefined) options = check.set(options, key) as SetOptions;
    const words = setWords(options ?? {}, key);
    options?.signal?.throwIfAborted();
    const { module, core, immediate } = this.#calls;
    const [ttl] = words;
    const kept = copyIn(value, key);
    if (!immediate || words[1] !== undefined || words[2] !== 0 || words[3] !== undefined)
      return this.#calls.slow(options, Op.SetWith, key, kept, ...words);
    return abortable(
      this.#calls.turn(false, options, () => module.setNow(core, key, kept, ttl)) as boolean,
      options,
    );
  }

  /** The entry under `key`: value, metadata and the system fields. Errors: `invalid-key`. */
  async getEntry<K extends string>(key: K, options?: Abortable): Promise<Entry<ValueOf<M, K>> | undefined> {
    return this.#calls.keyed(Op.GetEntry, "getEntry", options, key);
  }

  /** Takes the value under `key` out. Errors: `invalid-key`. */
  async getAndDelete<K extends string>(key: K, options?: Abortable): Promise<ValueOf<M, K> | undefined> {
    return this.#calls.keyed(Op.GetAndDelete, "getAndDelete", options, key);
  }

  /** Moves the entry under `from` to `to`. False: there was none. Errors: `invalid-key`; `quota-exceeded`. */
  async rename(from: string, to: string, options?: Abortable): Promise<boolean> {
    return this.#calls.keyed(Op.Rename, "rename", options, from, () => {
      isKey(to);
      return [to];
    });
  }

  /**
   * Copies the entry under `from` to `to`. False: there was none.
   * Errors: `invalid-key`; `quota-exceeded`.
   */
  async copy(from: string, to: string, options?: Abortable): Promise<boolean> {
    return this.#calls.keyed(Op.Copy, "copy", options, from, () => {
      isKey(to);
      return [to];
    });
  }

  /** The user's fields of the entry under `key`. Errors: `invalid-key`. */
  async getMetadata(key: string, options?: Abortable): Promise<{ [name: string]: any } | undefined> {
    return this.#calls.keyed(Op.GetMetadata, "getMetadata", options, key);
  }

  /**
   * Merges `fields` into the metadata of the entry under `key`, shallow. False: there is no entry.
   * Errors: `invalid-key`; `invalid-argument` (what is no JSON, a field `ttl`).
   */
  async setMetadata<F extends object>(key: string, fields: Fields<F>, options?: Abortable): Promise<boolean> {
    return this.#calls.keyed(Op.SetMetadata, "setMetadata", options, key, () => [metadataIn(fields, key)]);
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
    return this.#calls.keyed(Op.ReplaceMetadata, "replaceMetadata", options, key, () => [
      metadataIn(fields, key),
    ]);
  }

  /**
   * How many seconds the entry under `key` has left; `null`: it does not expire; `undefined`: there is none.
   * Errors: `invalid-key`.
   */
  async ttl(key: string, options?: Abortable): Promise<number | null | undefined> {
    return this.#calls.keyed(Op.Ttl, "ttl", options, key);
  }

  /**
   * Lets the entry under `key` expire after `seconds`. False: there is none.
   * Errors: `invalid-key`; `invalid-argument` (not more than 0, or over 10 years).
   */
  async expire(key: string, seconds: number, options?: Abortable): Promise<boolean> {
    return this.#calls.keyed(Op.Expire, "expire", options, key, () => {
      if (typeof seconds !== "number")
        throw refused(`a time to live is a number of seconds; got ${kindOf(seconds)}`, key);
      return [seconds];
    });
  }

  /** Lets the entry under `key` never expire. False: there is none. Errors: `invalid-key`. */
  async persist(key: string, options?: Abortable): Promise<boolean> {
    return this.#calls.keyed(Op.Persist, "persist", options, key);
  }

  /**
   * Puts `next` in the place of `old`, where the value under `key` equals it; `undefined` is absent.
   * Errors: `invalid-key`; `invalid-argument` (what cannot be stored); `quota-exceeded`.
   */
  async compareAndSwap<K extends string, O extends ValueOf<M, K>, V extends ValueOf<M, K>>(
    key: K,
    old: Stored<O> | undefined,
    next: Stored<V> | undefined,
    options?: Abortable,
  ): Promise<boolean> {
    return this.#calls.keyed(Op.CompareAndSwap, "compareAndSwap", options, key, () =>
      [old, next].map((value) => (value === undefined ? undefined : copyIn(value, key))),
    );
  }

  /**
   * Puts what `f` makes of the value under `key` in its place: the new value. `f` may run again.
   * Errors: `invalid-key`; `invalid-argument` (it returned `undefined`, or what cannot be stored);
   * `quota-exceeded`; what `f` throws comes out as it is.
   */
  update<K extends string>(
    key: K,
    f: (old: ValueOf<M, K> | undefined) => ValueOf<M, K, never> | Promise<ValueOf<M, K, never>>,
    options?: Abortable,
  ): Promise<ValueOf<M, K>>;
  /**
   * Puts what `f` makes of the value under `key` in its place: the new value. `f` may run again.
   * Errors: `invalid-key`; `invalid-argument` (it returned `undefined`, or what cannot be stored);
   * `quota-exceeded`; what `f` throws comes out as it is.
   */
  update<K extends string, R>(
    key: K & Unnamed<M, K>,
    f: (old: any) => Made<R>,
    options?: Abortable,
  ): Promise<any>;
  // Either once more: the last one is what a compiler's message is about.
  update<K extends string>(
    key: K,
    f: (old: ValueOf<M, K> | undefined) => ValueOf<M, K, Storable> | Promise<ValueOf<M, K, Storable>>,
    options?: Abortable,
  ): Promise<ValueOf<M, K>>;
  async update(key: string, f: (old: any) => unknown, options?: Abortable): Promise<any> {
    isKey(key);
    const own = options === undefined ? undefined : begin(options, "update", key);
    if (typeof f !== "function") throw refused(`update takes a function; got ${kindOf(f)}`, key);
    let failure: { error: unknown } | undefined;
    const step = async (old: unknown) => {
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
      return await this.#calls.slow(own, Op.Update, key, step);
    } catch (error) {
      if (own?.signal?.aborted) throw own.signal.reason;
      // What the caller's function throws comes out as it is.
      throw failure === undefined ? error : failure.error;
    }
  }

  /**
   * Adds `delta` to the number under `key`; absent counts as 0. The sum; a `bigint` beyond ±(2⁵³ − 1).
   * Errors: `invalid-key`; `type-mismatch` (there is no number); `invalid-argument` (not finite, beyond 64 bits).
   */
  async increment<K extends string>(
    key: K & Counter<M, K>,
    delta: number | bigint = 1,
    options?: Abortable,
  ): Promise<number | bigint> {
    return this.#calls.keyed(Op.Increment, "increment", options, key, () => {
      if (typeof delta !== "number" && typeof delta !== "bigint")
        throw refused(`a delta is a number; got ${kindOf(delta)}`, key);
      return [delta];
    });
  }

  /**
   * Adds text to the text, or bytes to the bytes, under `key`; absent counts as empty. The new value.
   * Errors: `invalid-key`; `type-mismatch` (there is something else).
   */
  async append<K extends string, T extends string | Uint8Array>(
    key: K,
    tail: T & Tail<M, K, T>,
    options?: Abortable,
  ): Promise<T extends string ? string : Uint8Array> {
    return this.#calls.keyed(Op.Append, "append", options, key, () => [copyIn(tail, key)]);
  }
}

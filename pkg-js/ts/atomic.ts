/** Checks and writes over several keys, all or nothing. */
import { begin } from "./calls.js";
import { copyIn } from "./copy.js";
import { readable } from "./error.js";
import { check, setWords } from "./options.js";
import { isKey, isVersion } from "./texts.js";
import type { Abortable, AtomicResult, Entry, Fields, KeyMap, Stored, ValueOf, WriteWith } from "./types.js";

type Send = (
  options: Abortable | undefined,
  checks: unknown[][],
  writes: unknown[][],
) => Promise<AtomicResult>;

/** Collects checks and writes; nothing happens before `commit`, which also reports what was wrong. */
export class Atomic<M = KeyMap> {
  readonly #checks: [string, string | null][] = [];
  readonly #writes: unknown[][] = [];
  readonly #send: Send;
  #fault: { error: unknown } | undefined;

  /** @internal A minifier makes the class's own name a letter. */
  static get name(): string {
    return "Atomic";
  }

  /** Use `store.atomic()`. */
  constructor(send: Send) {
    this.#send = send;
  }

  /** Everything depends on `key` being of this version (or this entry), or, with `null`, absent. */
  check(key: string, version: string | Entry | null | undefined): this {
    return this.#add(() => {
      isKey(key);
      const text =
        typeof version === "object" && version !== null
          ? readable(() => version.version, "a version", key)
          : (version ?? null);
      if (text !== null) isVersion(text, key);
      this.#checks.push([key, text]);
    });
  }

  /** Writes a new entry with `value` under `key`. */
  set<K extends string, V extends ValueOf<M, K>, F extends object>(
    key: K,
    value: Stored<V>,
    options: WriteWith<Fields<F>, Fields<F, number>> = {},
  ): this {
    return this.#add(() => {
      isKey(key);
      const words = setWords(check.write(options, "atomic().set", key), key);
      this.#writes.push([key, copyIn(value, key), words[0], words[1]]);
    });
  }

  /** Removes the entry under `key`. */
  delete(key: string): this {
    return this.#add(() => {
      isKey(key);
      this.#writes.push([key]);
    });
  }

  /**
   * Makes every write if every check holds, or nothing. Errors: `invalid-key`; `invalid-argument` (what
   * cannot be stored, a key twice); `unsupported` (more than the backend changes at once); `quota-exceeded`.
   */
  async commit(options?: Abortable): Promise<AtomicResult> {
    if (this.#fault !== undefined) throw this.#fault.error;
    const own = options === undefined ? undefined : begin(options, "atomic().commit");
    return this.#send(own, this.#checks, this.#writes);
  }

  /** Nothing throws synchronously: what is wrong is said by `commit`. */
  #add(step: () => void): this {
    try {
      step();
    } catch (error) {
      this.#fault ??= { error };
    }
    return this;
  }
}

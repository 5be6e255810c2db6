/** Checks and writes over several keys, all or nothing. */
import { copyIn } from "./copy.js";
import { refused } from "./error.js";
import { isKey, setWords } from "./options.js";
import type { AtomicResult, Entry, WriteOptions } from "./types.js";

/** Collects checks and writes; nothing happens before `commit`, which also reports what was wrong. */
export class Atomic {
  readonly #checks: [string, string | null][] = [];
  readonly #writes: unknown[][] = [];
  readonly #send: (checks: unknown[][], writes: unknown[][]) => Promise<AtomicResult>;
  #fault: { error: unknown } | undefined;

  /** Use `store.atomic()`. */
  constructor(send: (checks: unknown[][], writes: unknown[][]) => Promise<AtomicResult>) {
    this.#send = send;
  }

  /** Everything depends on `key` being of this version (or this entry), or, with `null`, absent. */
  check(key: string, version: string | Entry | null | undefined): this {
    return this.#add(() => {
      isKey(key);
      const text = typeof version === "object" ? (version?.version ?? null) : (version ?? null);
      if (text !== null && typeof text !== "string")
        throw refused("a check takes a version, an entry, or null for absent", key);
      this.#checks.push([key, text]);
    });
  }

  /** Writes a new entry with `value` under `key`. */
  set(key: string, value: unknown, options: WriteOptions = {}): this {
    return this.#add(() => {
      isKey(key);
      const words = setWords(options, "atomic().set", false);
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

  /** Makes every write if every check holds, or nothing. */
  async commit(): Promise<AtomicResult> {
    if (this.#fault !== undefined) throw this.#fault.error;
    return this.#send(this.#checks, this.#writes);
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

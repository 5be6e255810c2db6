/** The calls that must be fast, on a store in memory: keys cross in the scratch buffer, numbers come back. */
import { copyOut } from "./copy.js";
import { about, KVError } from "./error.js";
import { isKey, isPattern } from "./texts.js";
import type { KeysOptions } from "./types.js";
import type { Store } from "./wasm/dataknobs_kv.js";
import { later } from "./torn.js";
import type { Glue } from "./wasm/glue.js";
import type { Crossing } from "./wasm.js";

const ABSENT = -1;
const TAKE = -2;
const THROW = -4;

/** What a batch is refused with: the core cannot tell which key holds the NUL that joins them. */
const named = (error: unknown, keys: readonly string[]) =>
  about(
    error,
    keys.find((one) => one.includes("\0")),
  );

/** A copy of what is under `key`. Where the stack is used up by then, nothing has happened to the module. */
function handedOut(value: unknown, key: string | undefined): unknown {
  try {
    return copyOut(value);
  } catch (error) {
    if (error instanceof KVError) throw about(error, key);
    throw new KVError(
      "unavailable",
      "the value could not be copied, as the stack or the memory is used up",
      key,
    );
  }
}

export type Hot = ReturnType<typeof hotCalls>;

/** The calls of one module. */
export function hotCalls(glue: Glue, crossing: Crossing) {
  const { numbers, numbersAt, release, texts, values, writeKeys, writeText } = crossing;

  /** The result of a call that answered with a code for `take`. */
  function taken(code: number): unknown {
    const result = glue.take();
    if (code === THROW) throw result;
    return later(result);
  }

  const flag = (code: number): boolean | Promise<boolean> =>
    code >= 0 ? code === 1 : (taken(code) as Promise<boolean>);

  /** The value under `key`, or a promise of it. */
  function getNow(core: Store, key: string): unknown {
    const code = core.get(writeText(key, isKey));
    if (code >= 0) {
      const value = values[code];
      return typeof value === "object" ? handedOut(value, key) : value;
    }
    return code === ABSENT ? undefined : taken(code);
  }

  /** Writes what `copyIn` gave. */
  function setNow(core: Store, key: string, kept: unknown, ttl: number | undefined): true {
    const length = writeText(key, isKey);
    const slot = ttl === undefined ? core.set(length) : core.set_for(length, ttl);
    if (slot < 0) throw glue.take();
    values[slot] = kept;
    return true;
  }

  const deleteNow = (core: Store, key: string) => flag(core.delete(writeText(key, isKey)));

  const existsNow = (core: Store, key: string) => flag(core.exists(writeText(key, isKey)));

  /** The values under `keys`, or a promise of them. */
  function getManyNow(core: Store, keys: readonly string[]): unknown[] | Promise<unknown[]> {
    const count = core.get_many(writeKeys(keys), keys.length);
    release();
    if (count === THROW) throw named(glue.take(), keys);
    if (count < 0) return later(glue.take()) as Promise<unknown[]>;
    const from = numbersAt();
    const slots = numbers();
    const found = new Array<unknown>(count).fill(undefined);
    let inline: unknown[] | undefined;
    let used = 0;
    for (let at = 0; at < count; at++) {
      const slot = slots[from + at] as number;
      if (slot >= 0) {
        found[at] = values[slot];
      } else if (slot === TAKE) {
        inline ??= glue.take() as unknown[];
        found[at] = inline[used++];
      }
    }
    // Only now: a serializer of the user's may call the store, and then other numbers lie there. What
    // came inline is bytes at most, of which a copy more does no harm.
    for (let at = 0; at < count; at++) {
      const value = found[at];
      if (typeof value === "object") found[at] = handedOut(value, keys[at]);
    }
    return found;
  }

  /** Writes what `copyIn` gave under each key; the results where not all are true. */
  function setManyNow(
    core: Store,
    keys: readonly string[],
    kept: readonly unknown[],
    ttl: number | undefined,
  ): (boolean | KVError)[] | undefined {
    const count = core.set_many(writeKeys(keys), keys.length, ttl);
    release();
    if (count < 0) throw named(glue.take(), keys);
    const results = count === keys.length ? undefined : (glue.take() as (boolean | KVError)[]);
    const from = numbersAt();
    const slots = numbers();
    for (let at = 0; at < keys.length; at++) values[slots[from + at] as number] = kept[at];
    return results;
  }

  /** The keys that match, their texts kept in `known` under the core's numbers for them. */
  function keysNow(
    core: Store,
    known: string[],
    pattern: string,
    { limit, after, reverse = false }: KeysOptions,
  ): string[] | Promise<string[]> {
    const count = core.keys(writeText(pattern, isPattern), limit, after, reverse);
    if (count < 0) return taken(count) as Promise<string[]>;
    const from = numbersAt();
    const ids = numbers();
    const found = new Array<string>(count);
    let fresh: string[] | undefined;
    let used = 0;
    for (let at = 0; at < count; at++) {
      const id = ids[from + at] as number;
      if (id < 0) {
        fresh ??= texts();
        // With gaps, an engine would make a dictionary of the array: ten times slower.
        while (known.length < ~id) known.push("");
        known[~id] = found[at] = fresh[used++] as string;
      } else {
        found[at] = known[id] as string;
      }
    }
    return found;
  }

  return { getNow, setNow, deleteNow, existsNow, getManyNow, setManyNow, keysNow };
}

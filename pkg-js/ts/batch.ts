/** Many keys in one call: what goes in, and how a failure in the middle comes out. */
import { copyIn, isPlain } from "./copy.js";
import { KVError, kindOf, readable, refused, unreadable } from "./error.js";
import { check, setWords, type SetWords } from "./options.js";
import { isKey } from "./texts.js";

/** The items of an array or iterable. A copy: what is read once more may be something else. */
function itemsOf(list: Iterable<unknown>, what: string): unknown[] {
  let failure: { error: unknown } | undefined;
  try {
    if (Array.isArray(list)) return [...list];
    const iterator = list[Symbol.iterator]();
    if (typeof iterator.next !== "function") throw refused(`${what} has no iterator`);
    const next = () => {
      try {
        return iterator.next();
      } catch (error) {
        failure = { error };
        throw error;
      }
    };
    return [...{ [Symbol.iterator]: () => ({ next }) }];
  } catch (error) {
    // What the caller's own iterator throws comes out as it is.
    throw failure === undefined ? unreadable(error, what) : failure.error;
  }
}

/** The keys of a call that takes many, unchecked. */
export function listOf(keys: Iterable<string>, method: string): string[] {
  const what = `what ${method} was given`;
  if (typeof keys === "string" || readable(() => typeof keys?.[Symbol.iterator] !== "function", what))
    throw refused(`${method} takes an array of keys`);
  return itemsOf(keys, what) as string[];
}

/** The entries of a `setMany` as `[key, value, options?]`. */
function entriesOf(entries: unknown): readonly unknown[] {
  const what = "what setMany was given";
  if (typeof entries === "object" && entries !== null) {
    if (readable(() => Symbol.iterator in entries, what)) return itemsOf(entries as Iterable<unknown>, what);
    // What is awaited or iterated otherwise has no entries of its own, and nothing would be written.
    if (readable(() => isPlain(entries) && Object.getOwnPropertySymbols(entries).length === 0, what))
      return readable(() => Object.entries(entries), what);
  }
  throw refused(
    `setMany takes a plain object, a Map, or an iterable of [key, value, options?]; got ${kindOf(entries)}`,
  );
}

/** The entries of a `setMany`, taken apart and checked. */
export interface Batch {
  readonly keys: string[];
  readonly kept: unknown[];
  /** The options of the call. */
  readonly shared: SetWords;
  /** The options of each, where not all are a mere time to live of the call's. */
  readonly words: SetWords[] | undefined;
}

/** Takes the entries of a `setMany` apart and checks them. */
export function batchOf(entries: unknown, shared: SetWords): Batch {
  const list = entriesOf(entries);
  const keys = new Array<string>(list.length);
  const kept = new Array<unknown>(list.length);
  let words = shared[1] === undefined ? undefined : new Array<SetWords>(list.length).fill(shared);
  for (let at = 0; at < list.length; at++) {
    const entry = list[at] as unknown[];
    let key: unknown;
    let value: unknown;
    let options: object | undefined;
    try {
      if (!Array.isArray(entry) || entry.length < 2 || entry.length > 3)
        throw refused("setMany takes entries of the form [key, value, options?]");
      key = entry[0];
      value = entry[1];
      options = entry[2] as object | undefined;
    } catch (error) {
      throw unreadable(error, `entry ${at} of setMany`);
    }
    if (typeof key !== "string") isKey(key);
    if (options !== undefined) {
      words ??= new Array<SetWords>(list.length).fill(shared);
      // Its own options over those of the call.
      const own = setWords(check.write(options, "an entry of setMany", key), key);
      words[at] = [own[0] ?? shared[0], own[1] ?? shared[1], 0, undefined];
    }
    keys[at] = key;
    kept[at] = typeof value === "number" || typeof value === "boolean" ? value : copyIn(value, key);
  }
  return { keys, kept, shared, words };
}

/** The results of a batch; a failure among them is thrown, with all of them. */
export function allDone(
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

/** Many keys in one call: what goes in, and how a failure in the middle comes out. */
import { copyIn } from "./copy.js";
import { KVError, refused } from "./error.js";
import { check, setWords, type SetWords } from "./options.js";
import { isKey } from "./texts.js";
import type { WriteOptions } from "./types.js";

/** The keys of a call that takes many. */
export function listOf(keys: Iterable<string>, method: string): string[] {
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
export interface Batch {
  readonly keys: string[];
  readonly kept: unknown[];
  /** The options of the call. */
  readonly shared: SetWords;
  /** The options of each, where not all are a mere time to live of the call's. */
  readonly words: SetWords[] | undefined;
}

/** Takes the entries of a `setMany` apart and checks them. */
export function batchOf(entries: unknown, options: WriteOptions): Batch {
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
      check.entry(entry[2], key);
      words[at] = setWords({ ...options, ...entry[2] }, "setMany", false, key);
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

/** Many keys in one call: what goes in, and how a failure in the middle comes out. */
import { copyIn } from "./copy.js";
import { KVError, refused } from "./error.js";
import { check, setWords, type SetWords } from "./options.js";
import { isKey } from "./texts.js";

/** What reading a batch threw: what the caller's iterable throws comes out as it is, but not that it is none. */
const unread = (cause: unknown, method: string): unknown =>
  cause instanceof TypeError ? refused(`what ${method} was given cannot be read`, undefined, { cause }) : cause;

/** The keys of a call that takes many, of which nothing is checked. A copy: it may be a proxy. */
export function listOf(keys: Iterable<string>, method: string): string[] {
  try {
    if (typeof keys === "string" || typeof keys?.[Symbol.iterator] !== "function")
      throw refused(`${method} takes an array of keys`);
    return [...keys];
  } catch (error) {
    throw unread(error, method);
  }
}

/** The entries of a `setMany` as `[key, value, options?]`. */
function entriesOf(entries: unknown): readonly unknown[] {
  if (typeof entries !== "object" || entries === null)
    throw refused("setMany takes an object, a Map, or an iterable of [key, value, options?]");
  try {
    return Symbol.iterator in entries ? [...(entries as Iterable<unknown>)] : Object.entries(entries);
  } catch (error) {
    throw unread(error, "setMany");
  }
}

/** An entry of a `setMany`, taken apart. */
function partsOf(entry: unknown): readonly unknown[] {
  try {
    if (Array.isArray(entry) && (entry.length === 2 || entry.length === 3))
      return [entry[0], entry[1], entry[2]];
  } catch (error) {
    throw unread(error, "setMany");
  }
  throw refused("setMany takes entries of the form [key, value, options?]");
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
    const [key, value, options] = partsOf(list[at]);
    if (typeof key !== "string") isKey(key);
    if (options !== undefined) {
      words ??= new Array<SetWords>(list.length).fill(shared);
      // Its own options over those of the call.
      const own = setWords(check.write(options as object, "an entry of setMany", key), key);
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

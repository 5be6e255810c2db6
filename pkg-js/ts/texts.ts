/** Keys, patterns, names and versions: what must be a text. What else is wrong with it the core says. */
import { KVError, kindOf, refused } from "./error.js";

/**
 * Longer texts do not cross: the core refuses them anyway, and copies of them could take all of its
 * memory, which the module never gives back.
 */
export const LONGEST = 65_536;
const cut = (text: string): string => (text.length > 100 ? `${text.slice(0, 100)}…` : text);

function isText(text: unknown, what: string, most: number): asserts text is string {
  const code = what === "pattern" ? "invalid-pattern" : "invalid-key";
  const key = typeof text === "string" && what === "key" ? cut(text) : undefined;
  if (typeof text !== "string") throw new KVError(code, `a ${what} is a string; got ${kindOf(text)}`);
  if (text.length > LONGEST)
    throw new KVError(
      code,
      `a ${what} has at most ${most} bytes of UTF-8; this one has over ${LONGEST} characters`,
      key,
    );
  if (!text.isWellFormed())
    throw new KVError(
      code,
      `${what} ${JSON.stringify(cut(text))}: a lone surrogate is no Unicode text`,
      key && text,
    );
}

/** A text that may be a key. */
export function isKey(key: unknown): asserts key is string {
  isText(key, "key", 512);
}

/** A text that may be a pattern. */
export function isPattern(pattern: unknown): asserts pattern is string {
  isText(pattern, "pattern", 4096);
}

/** A text that may name a namespace. */
export function isNamespace(name: unknown): asserts name is string {
  isText(name, "namespace", 64);
}

/** A version; it is opaque, and any text of a fair length may be one. */
export function isVersion(version: unknown, key: string | undefined): asserts version is string {
  if (typeof version !== "string" || version.length > LONGEST)
    throw refused("a version is a text, as an entry has it; this one is no version", key);
}

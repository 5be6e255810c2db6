/** Options by name: an unknown one is refused, so that a typing error is not a silent default. */
import { copyIn } from "./copy.js";
import { KVError, refused } from "./error.js";
import type { Metadata, OpenOptions, SetOptions } from "./types.js";

/** Refuses names that a method does not know. */
export function known(options: object, names: readonly string[], method: string): void {
  if (typeof options !== "object" || options === null) {
    throw refused(
      `the options of ${method} are an object; got ${options === null ? "null" : typeof options}`,
    );
  }
  for (const name in options) {
    if (!names.includes(name)) {
      throw refused(`${method} has no option ${JSON.stringify(name)}; it has: ${names.join(", ")}`);
    }
  }
}

const isType = (value: unknown, type: string): boolean => {
  if (value === undefined) return true;
  // `AbortSignal` by what is used of it: it may come from another realm.
  if (type === "AbortSignal") return typeof (value as AbortSignal | null)?.throwIfAborted === "function";
  return type === "" || typeof value === type;
};

function typed(options: Record<string, unknown>, method: string, types: Record<string, string>): void {
  known(options, Object.keys(types), method);
  for (const name in types) {
    const type = types[name] as string;
    if (!isType(options[name], type)) {
      throw refused(
        `the option ${name} of ${method} is of the type ${type}; got ${options[name] === null ? "null" : typeof options[name]}`,
      );
    }
  }
}

const SET = {
  ttl: "number",
  metadata: "object",
  ifAbsent: "boolean",
  ifVersion: "string",
  keepTtl: "boolean",
  keepMetadata: "boolean",
  signal: "AbortSignal",
};
const WRITE = { ttl: "number", metadata: "object" };

/** The options of a `set` by position, as the core takes them. */
export type SetWords = [
  ttl: number | undefined,
  metadata: unknown,
  flags: number,
  ifVersion: string | undefined,
];

/** Checks the options of a `set`. */
export function setWords(options: SetOptions, method: string, conditions: boolean): SetWords {
  typed(options as Record<string, unknown>, method, conditions ? SET : WRITE);
  const flags = (options.ifAbsent ? 1 : 0) | (options.keepTtl ? 2 : 0) | (options.keepMetadata ? 4 : 0);
  return [
    options.ttl,
    options.metadata === undefined ? undefined : metadataIn(options.metadata),
    flags,
    options.ifVersion,
  ];
}

/** A copy of metadata, checked. */
export function metadataIn(metadata: Metadata): unknown {
  if (typeof metadata !== "object" || metadata === null || Array.isArray(metadata)) {
    throw refused("metadata is an object");
  }
  return copyIn(metadata, undefined);
}

const OPEN = {
  backend: "",
  namespace: "string",
  autoCleanup: "boolean",
  cleanupInterval: "number",
  config: "object",
  serializers: "object",
  signal: "AbortSignal",
};
const MEMORY = { maxEntries: "number" };

/** The options of `open` by position, as the core takes them. */
type OpenWords = [
  namespace: string,
  cleanupInterval: number | undefined,
  maxEntries: number | undefined,
  custom: object | undefined,
];

/** May a timer start here? Not at workerd's module scope, where every attempt throws. */
function canWait(): boolean {
  try {
    clearTimeout(setTimeout(() => {}, 0));
    return true;
  } catch {
    return false;
  }
}

function openWords(options: OpenOptions): OpenWords {
  typed(options as Record<string, unknown>, "open", OPEN);
  const timers = options.autoCleanup !== false && canWait();
  const {
    backend = "memory",
    namespace = "",
    autoCleanup = timers,
    cleanupInterval = 60,
    config = {},
  } = options;
  const custom = typeof backend === "object" && backend !== null ? backend : undefined;
  if (custom === undefined && backend !== "memory") {
    throw refused(
      `there is no backend ${JSON.stringify(backend)} in this build; there is: memory, or an object of your own`,
    );
  }
  if (!namespace.isWellFormed())
    throw new KVError("invalid-key", "a namespace with a lone surrogate is no Unicode text");
  if (custom !== undefined) known(config, [], "a custom backend's config");
  else typed(config as Record<string, unknown>, "the memory backend's config", MEMORY);
  if (autoCleanup && !timers) {
    throw new KVError(
      "unsupported",
      "no timer may start here (workerd's module scope): open the store inside a request, or with autoCleanup: false",
    );
  }
  return [namespace, autoCleanup ? cleanupInterval : undefined, config.maxEntries, custom];
}

const DELETE = { ifVersion: "string", signal: "AbortSignal" };
const KEYS = { limit: "number", after: "", reverse: "boolean", signal: "AbortSignal" };
const SCAN = { ...KEYS, values: "boolean" };
const SIGNAL = { signal: "AbortSignal" };
const MANY = { ...WRITE, ...SIGNAL };

/** Checks options other than those of `set`. */
export const check = {
  open: openWords,
  delete: (options: object) => typed(options as Record<string, unknown>, "delete", DELETE),
  many: (options: object) => typed(options as Record<string, unknown>, "setMany", MANY),
  signal: (options: object, method: string) => typed(options as Record<string, unknown>, method, SIGNAL),
  keys(options: { limit?: number; after?: string }, method: "keys" | "scan") {
    typed(options as Record<string, unknown>, method, method === "keys" ? KEYS : SCAN);
    if (
      options.limit !== undefined &&
      !(options.limit >= 0 && (Number.isInteger(options.limit) || options.limit === Infinity))
    ) {
      throw refused(`the option limit of ${method} is a whole number of at least 0; got ${options.limit}`);
    }
    if (options.after !== undefined) isKey(options.after);
  },
};

/** A text that may be a key; the core checks the rest. */
export function isKey(key: unknown): asserts key is string {
  if (typeof key !== "string")
    throw new KVError("invalid-key", `a key is a string; got ${key === null ? "null" : typeof key}`);
  if (!key.isWellFormed())
    throw new KVError("invalid-key", `key ${JSON.stringify(key)}: a lone surrogate is no Unicode text`, key);
}

/** A pattern; the core checks the rest. */
export function isPattern(pattern: unknown): asserts pattern is string {
  if (typeof pattern !== "string")
    throw new KVError(
      "invalid-pattern",
      `a pattern is a string; got ${pattern === null ? "null" : typeof pattern}`,
    );
  if (!pattern.isWellFormed())
    throw new KVError("invalid-pattern", "a pattern with a lone surrogate is no Unicode text");
}

/** Options by name: an unknown one is refused, so that a typing error is not a silent default. */
import { copyIn, isPlain } from "./copy.js";
import { KVError, kindOf, readable, refused } from "./error.js";
import { isKey, isNamespace, isVersion } from "./texts.js";
import type {
  Abortable, DeleteOptions, KeysOptions, OpenOptions, SetOptions, Signal, WatchOptions, WriteOptions } from "./types.js";

const isType = (value: unknown, type: string): boolean => {
  if (value === undefined || type === "") return true;
  // `AbortSignal` by what is used of it: it may come from another realm.
  if (type === "AbortSignal") {
    const signal = value as Signal | null;
    return (
      typeof signal?.aborted === "boolean" &&
      typeof signal.throwIfAborted === "function" &&
      typeof signal.addEventListener === "function" &&
      typeof signal.removeEventListener === "function"
    );
  }
  return typeof value === type && value !== null;
};

/**
 * Refuses names that a method does not know, and types that they do not have. A copy, as what is read
 * once more may be something else.
 */
function typed<T extends object>(options: T, method: string, types: Record<string, string>, key?: string): T {
  return readable(
    () => {
      if (!isPlain(options))
        throw refused(`the options of ${method} are a plain object; got ${kindOf(options)}`, key);
      const own: T = { ...options };
      for (const name in own) {
        const type = Object.hasOwn(types, name) ? types[name] : undefined;
        if (type === undefined)
          throw refused(
            `${method} has no option ${JSON.stringify(name)}; it has: ${Object.keys(types).join(", ") || "none"}`,
            key,
          );
        const value = own[name];
        if (!isType(value, type))
          throw refused(`the option ${name} of ${method} is of the type ${type}; got ${kindOf(value)}`, key);
      }
      return own;
    },
    `the options of ${method}`,
    key,
  );
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

/** The options of a `set`, whose names and types have been checked. */
export function setWords(options: SetOptions<unknown>, key?: string): SetWords {
  const { ttl, metadata, ifAbsent, ifVersion, keepTtl, keepMetadata } = options;
  if (ifVersion !== undefined) isVersion(ifVersion, key);
  return [
    ttl,
    metadata === undefined ? undefined : metadataIn(metadata, key),
    (ifAbsent ? 1 : 0) | (keepTtl ? 2 : 0) | (keepMetadata ? 4 : 0),
    ifVersion,
  ];
}

/** A copy of metadata, checked. */
export function metadataIn(metadata: unknown, key: string | undefined): unknown {
  const copy = typeof metadata === "object" ? copyIn(metadata, key, "metadata") : null;
  if (copy === null || Array.isArray(copy))
    throw refused(`metadata is an object; got ${kindOf(metadata)}`, key);
  return copy;
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

/** The options of `open`, checked, and by position, as the core takes them. */
type OpenWords = [
  backend: string | object,
  namespace: string,
  cleanupInterval: number | undefined,
  maxEntries: number | undefined,
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

function openWords(given: OpenOptions): [OpenOptions, OpenWords] {
  const options = typed(given, "open", OPEN);
  const timers = options.autoCleanup !== false && canWait();
  const {
    backend = "memory",
    namespace = "",
    autoCleanup = timers,
    cleanupInterval = 60,
    config = {},
  } = options;
  isNamespace(namespace);
  let most: number | undefined;
  if (typeof backend === "object") typed(config, "the config of a custom backend", {});
  else if (backend === "memory") most = typed(config, "the config of the memory backend", MEMORY).maxEntries;
  // The longest wait of a JavaScript timer is 2^31 - 1 ms.
  if (!(cleanupInterval > 0 && cleanupInterval <= 2_147_483))
    throw refused("cleanupInterval is a number of seconds, more than 0 and at most 2147483");
  if (autoCleanup && !timers) {
    throw new KVError(
      "unsupported",
      "no timer may start here (workerd's module scope): open the store inside a request, or with autoCleanup: false",
    );
  }
  return [options, [backend, namespace, autoCleanup ? cleanupInterval : undefined, most]];
}

const DELETE = { ifVersion: "string", signal: "AbortSignal" };
const KEYS = { limit: "number", after: "", reverse: "boolean", signal: "AbortSignal" };
const SCAN = { ...KEYS, values: "boolean" };
const SIGNAL = { signal: "AbortSignal" };
const WATCH = { values: "boolean", buffer: "number", ...SIGNAL };
const MANY = { ...WRITE, ...SIGNAL };

/** Checks options by name and type: a copy of them. */
export const check = {
  open: openWords,
  set: <T extends object>(options: T, key: string) => typed(options, "set", SET, key),
  write: <T extends object>(options: T, method: string, key: string) => typed(options, method, WRITE, key),
  many: (options: WriteOptions & Abortable) => typed(options, "setMany", MANY),
  delete(options: DeleteOptions, key: string) {
    const own = typed(options, "delete", DELETE, key);
    if (own.ifVersion !== undefined) isVersion(own.ifVersion, key);
    return own;
  },
  watch: (options: WatchOptions) => typed(options, "watch", WATCH),
  keys<T extends KeysOptions>(options: T, method: "keys" | "scan"): T {
    const own = typed(options, method, method === "keys" ? KEYS : SCAN);
    const { limit, after } = own;
    if (limit !== undefined && !(limit >= 0 && (Number.isInteger(limit) || limit === Infinity)))
      throw refused(`the option limit of ${method} is a whole number of at least 0; got ${limit}`);
    if (after !== undefined) isKey(after);
    return own;
  },
};

/** Checks the options of a call that has none but a signal, which ends it. */
export function begin(options: Abortable, method: string, key?: string): Abortable {
  const own = typed(options, method, SIGNAL, key);
  own.signal?.throwIfAborted();
  return own;
}

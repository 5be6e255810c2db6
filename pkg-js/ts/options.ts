/** Options by name: an unknown one is refused, so that a typing error is not a silent default. */
import { copyIn, isPlain } from "./copy.js";
import { KVError, kindOf, refused } from "./error.js";
import { isKey, isNamespace, isVersion } from "./texts.js";
import type { DeleteOptions, KeysOptions, OpenOptions, SetOptions, Signal } from "./types.js";

const isType = (value: unknown, type: string): boolean => {
  if (value === undefined || type === "") return true;
  // `AbortSignal` by what is used of it: it may come from another realm.
  if (type === "AbortSignal") {
    const signal = value as Signal | null;
    return (
      typeof signal?.throwIfAborted === "function" &&
      typeof signal.addEventListener === "function" &&
      typeof signal.removeEventListener === "function"
    );
  }
  return typeof value === type && value !== null;
};

/** Refuses names that a method does not know, and types that they do not have. */
function typed(options: object, method: string, types: Record<string, string>, key?: string): void {
  if (!isPlain(options))
    throw refused(`the options of ${method} are a plain object; got ${kindOf(options)}`, key);
  for (const name in options) {
    const type = Object.hasOwn(types, name) ? types[name] : undefined;
    if (type === undefined)
      throw refused(
        `${method} has no option ${JSON.stringify(name)}; it has: ${Object.keys(types).join(", ") || "none"}`,
        key,
      );
    const value = (options as Record<string, unknown>)[name];
    if (!isType(value, type))
      throw refused(`the option ${name} of ${method} is of the type ${type}; got ${kindOf(value)}`, key);
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
export function setWords(
  options: SetOptions<unknown>,
  method: string,
  conditions: boolean,
  key?: string,
): SetWords {
  typed(options, method, conditions ? SET : WRITE, key);
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
  if (typeof metadata !== "object" || metadata === null || Array.isArray(metadata))
    throw refused(`metadata is an object; got ${kindOf(metadata)}`, key);
  return copyIn(metadata, key, "metadata");
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
/** What `config` may hold, by backend. */
const CONFIG: Record<string, Record<string, string>> = {
  memory: { maxEntries: "number" },
  indexeddb: { database: "string", durability: "string", consistency: "string" },
  file: { path: "string", format: "string", compression: "string", durability: "string" },
};
/** The words that an option takes. */
const WORDS: Record<string, readonly string[]> = {
  durability: ["relaxed", "strict"],
  consistency: ["cached", "strong"],
  format: ["json"],
  compression: ["gzip"],
};

function configOf(backend: string, config: object): void {
  const types = Object.hasOwn(CONFIG, backend) ? CONFIG[backend] : undefined;
  if (types === undefined) return;
  typed(config, `the config of the ${backend} backend`, types);
  for (const [name, value] of Object.entries(config)) {
    const words = WORDS[name];
    if (value !== undefined && words !== undefined && !words.includes(value))
      throw refused(`the option ${name} is one of ${words.join(", ")}; got ${JSON.stringify(value)}`);
    if (value === "") throw refused(`the option ${name} of the ${backend} backend is empty`);
  }
  if (backend === "file" && (config as { path?: string }).path === undefined)
    throw refused("the file backend needs config: { path }");
}

/** The options of `open` by position, as the core takes them. */
export type OpenWords = [
  backend: string | object,
  namespace: string,
  cleanupInterval: number | undefined,
  maxEntries: number | undefined,
  config: object,
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
  typed(options, "open", OPEN);
  const timers = options.autoCleanup !== false && canWait();
  const {
    backend = "memory",
    namespace = "",
    autoCleanup = timers,
    cleanupInterval = 60,
    config = {},
  } = options;
  isNamespace(namespace);
  if (typeof backend === "object") typed(config, "the config of a custom backend", {});
  else configOf(backend, config);
  // The longest wait of a JavaScript timer is 2^31 - 1 ms.
  if (!(cleanupInterval > 0 && cleanupInterval <= 2_147_483))
    throw refused("cleanupInterval is a number of seconds, more than 0 and at most 2147483");
  if (autoCleanup && !timers) {
    throw new KVError(
      "unsupported",
      "no timer may start here (workerd's module scope): open the store inside a request, or with autoCleanup: false",
    );
  }
  return [
    backend,
    namespace,
    autoCleanup ? cleanupInterval : undefined,
    (config as { maxEntries?: number }).maxEntries,
    config,
  ];
}

const DELETE = { ifVersion: "string", signal: "AbortSignal" };
const KEYS = { limit: "number", after: "", reverse: "boolean", signal: "AbortSignal" };
const SCAN = { ...KEYS, values: "boolean" };
const SIGNAL = { signal: "AbortSignal" };
const WATCH = { values: "boolean", buffer: "number", ...SIGNAL };
const MANY = { ...WRITE, ...SIGNAL };

/** Checks options other than those of `set`. */
export const check = {
  open: openWords,
  delete(options: DeleteOptions, key: string) {
    typed(options, "delete", DELETE, key);
    if (options.ifVersion !== undefined) isVersion(options.ifVersion, key);
  },
  many: (options: object) => typed(options, "setMany", MANY),
  entry: (options: object, key: string) => typed(options, "an entry of setMany", WRITE, key),
  watch: (options: object) => typed(options, "watch", WATCH),
  signal: (options: object, method: string, key?: string) => typed(options, method, SIGNAL, key),
  keys(options: KeysOptions, method: "keys" | "scan") {
    typed(options, method, method === "keys" ? KEYS : SCAN);
    const { limit, after } = options;
    if (limit !== undefined && !(limit >= 0 && (Number.isInteger(limit) || limit === Infinity)))
      throw refused(`the option limit of ${method} is a whole number of at least 0; got ${limit}`);
    if (after !== undefined) isKey(after);
  },
};

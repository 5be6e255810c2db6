/** Options by name: an unknown one is refused, so that a typing error is not a silent default. */
import { copyIn, isPlain } from "./copy.js";
import { KVError, kindOf, refused, unreadable } from "./error.js";
import { isKey, isNamespace, isVersion } from "./texts.js";
import type {
  Abortable,
  DeleteOptions,
  KeysOptions,
  OpenOptions,
  SetOptions,
  Signal,
  StorageOptions,
  WatchOptions,
  WriteOptions,
} from "./types.js";

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

/**
 * Refuses names that a method does not know, and types that they do not have. It gives a copy: what is
 * read once more may be something else.
 */
function typed<T extends object>(options: T, method: string, types: Record<string, string>, key?: string): T {
  let at: string | undefined;
  try {
    if (!isPlain(options))
      throw refused(`the options of ${method} are a plain object; got ${kindOf(options)}`, key);
    const own = { ...options };
    for (const name in own) {
      at = name;
      const type = Object.hasOwn(types, name) ? types[name] : undefined;
      if (type === undefined)
        throw refused(
          `${method} has no option ${JSON.stringify(name)}; it has: ${Object.keys(types).join(", ") || "none"}`,
          key,
        );
      const value: unknown = own[name];
      if (!isType(value, type))
        throw refused(`the option ${name} of ${method} is of the type ${type}; got ${kindOf(value)}`, key);
    }
    return own;
  } catch (error) {
    throw unreadable(
      error,
      at === undefined ? `the options of ${method}` : `the option ${at} of ${method}`,
      key,
    );
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

/** The options of a `set`, which have been checked. */
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
  const kept = typeof metadata === "object" ? copyIn(metadata, key, "metadata") : undefined;
  if (!isPlain(kept)) throw refused(`metadata is an object; got ${kindOf(metadata)}`, key);
  return kept;
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

function configOf(backend: unknown, given: object): object {
  if (typeof backend === "object") return typed(given, "the config of a custom backend", {});
  if (typeof backend !== "string" || !Object.hasOwn(CONFIG, backend)) return {};
  const types = CONFIG[backend] as Record<string, string>;
  const config = typed(given, `the config of the ${backend} backend`, types);
  for (const [name, value] of Object.entries(config)) {
    const words = WORDS[name];
    if (value !== undefined && words !== undefined && !words.includes(value))
      throw refused(`the option ${name} is one of ${words.join(", ")}; got ${JSON.stringify(value)}`);
    if (value === "") throw refused(`the option ${name} of the ${backend} backend is empty`);
  }
  if (backend === "file" && (config as { path?: string }).path === undefined)
    throw refused("the file backend needs config: { path }");
  return config;
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

/** What opens a store, of options that have been checked by name. */
export function openWords(options: OpenOptions): OpenWords {
  const timers = options.autoCleanup !== false && canWait();
  const { backend = "memory", namespace = "", autoCleanup = timers, cleanupInterval = 60 } = options;
  isNamespace(namespace);
  const config = configOf(backend, options.config ?? {});
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

/** Checks the options of a method, and gives a copy of them. */
export const check = {
  open: (options: OpenOptions) => typed(options, "open", OPEN),
  set: (options: SetOptions<unknown>, key: string) => typed(options, "set", SET, key),
  write: <O extends WriteOptions<unknown>>(options: O, method: string, key?: string) =>
    typed(options, method, WRITE, key),
  many: (options: WriteOptions & Abortable) => typed(options, "setMany", MANY),
  delete(options: DeleteOptions, key: string) {
    const own = typed(options, "delete", DELETE, key);
    if (own.ifVersion !== undefined) isVersion(own.ifVersion, key);
    return own;
  },
  watch: (options: WatchOptions) => typed(options, "watch", WATCH),
  signal: (options: Abortable, method: string, key?: string) => typed(options, method, SIGNAL, key),
  storage: (options: StorageOptions) => typed(options, "storage", { persist: "boolean", ...SIGNAL }),
  keys<O extends KeysOptions>(options: O, method: "keys" | "scan") {
    const own = typed(options, method, method === "keys" ? KEYS : SCAN);
    const { limit, after } = own;
    if (limit !== undefined && !(limit >= 0 && (Number.isInteger(limit) || limit === Infinity)))
      throw refused(`the option limit of ${method} is a whole number of at least 0; got ${limit}`);
    if (after !== undefined) isKey(after);
    return own;
  },
};

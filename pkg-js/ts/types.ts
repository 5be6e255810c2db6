/** The public types: options, entries, a typed key map, and what a custom backend implements. */

/** A value that can be stored. Class instances need a serializer. */
export type Storable =
  | string
  | number
  | boolean
  | null
  | bigint
  | Date
  | ArrayBuffer
  | TypedArray
  | readonly Storable[]
  | { readonly [name: string]: Storable }
  | ReadonlyMap<Storable, Storable>
  | ReadonlySet<Storable>;

/** Every typed array; a `DataView` is none. */
export type TypedArray =
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array;

/** JSON, as metadata holds it. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

/** Any JSON object; in the metadata of a `set` the field `ttl` is the time to live in seconds. */
export type Metadata = { readonly [name: string]: Json };

/** `T` where it is JSON, also where an `interface` describes it; else something that `T` is not. */
export type JsonOf<T> = T extends Json
  ? T
  : T extends Unstorable | bigint
    ? never
    : { readonly [N in keyof T]: JsonOf<T[N]> };

/** Which keys hold values of which type: `{ "users.*.name": string }`. `*` is one segment. */
export type KeyMap = Record<string, unknown>;

type Split<S extends string> = S extends `${infer Head}.${infer Tail}` ? [Head, ...Split<Tail>] : [S];
type Fits<K extends string[], P extends string[]> = P extends ["**", ...infer Rest extends string[]]
  ? Rest extends []
    ? K extends []
      ? false
      : true
    : Fits<K, Rest> extends true
      ? true
      : K extends [string, ...infer Tail extends string[]]
        ? Fits<Tail, P>
        : false
  : P extends [infer Q extends string, ...infer Ps extends string[]]
    ? K extends [infer C extends string, ...infer Cs extends string[]]
      ? Q extends "*"
        ? Fits<Cs, Ps>
        : C extends Q
          ? Fits<Cs, Ps>
          : string extends C
            ? Fits<Cs, Ps>
            : false
      : false
    : K extends []
      ? true
      : false;
type Found<M, K extends string> = {
  [P in keyof M & string]: Fits<Split<K>, Split<P>> extends true ? M[P] : never;
}[keyof M & string];

/** The type of the value under a key; `any` where the map does not name it. */
export type ValueOf<M, K extends string> = string extends keyof M
  ? any
  : string extends K
    ? any
    : [Found<M, K>] extends [never]
      ? any
      : Found<M, K>;

type Unstorable =
  | ((...args: never[]) => unknown)
  | (abstract new (
      ...args: never[]
    ) => unknown)
  | symbol
  | undefined;

/** A value as a method takes it: functions, symbols and `undefined` cannot be stored. */
export type Stored<V> = V extends Unstorable ? never : V;

type AnyEntry = readonly [key: string, value: unknown, options?: WriteOptions];
/** What `setMany` takes. */
export type Entries = { readonly [key: string]: unknown } | ReadonlyMap<string, unknown> | Iterable<AnyEntry>;
type EntryOf<M, E> = E extends readonly [infer K extends string, ...unknown[]]
  ? readonly [key: K, value: ValueOf<M, K>, options?: WriteOptions]
  : E;

/** The entries `E` with each value of the type that its key has. */
export type EntriesOf<M, E> = string extends keyof M
  ? unknown
  : E extends readonly AnyEntry[]
    ? { readonly [I in keyof E]: EntryOf<M, E[I]> }
    : E extends Iterable<infer One>
      ? Iterable<EntryOf<M, One>>
      : { readonly [K in keyof E]: ValueOf<M, K & string> };

/** An entry: the value, the user's metadata and the system fields. */
export interface Entry<T = any> {
  readonly key: string;
  readonly value: T;
  readonly metadata: { [name: string]: any };
  /** Which write the entry comes from: opaque, never the same twice for a key. */
  readonly version: string;
  /** Epoch milliseconds. */
  readonly createdAt: number;
  /** Epoch milliseconds. */
  readonly updatedAt: number;
  /** Epoch milliseconds; null: never. */
  readonly expiresAt: number | null;
}

/** How instances of a class are stored, under a tag that every binding sees. */
export interface Serializer<T = any> {
  /** The name of the type in the store; not one of the built-in ones. */
  readonly tag: string;
  /** Is this value one of the type? */
  readonly test: (value: object) => boolean;
  /** What the value is made of: anything that can be stored. */
  readonly serialize: (value: T) => unknown;
  /** The value made of it. */
  readonly deserialize: (body: any) => T;
}

/** An abort rejects with `signal.reason`; what was already sent may have happened. */
export interface Abortable {
  readonly signal?: Signal;
}

/** What is used of an `AbortSignal`: every runtime's own is one. */
export interface Signal {
  readonly aborted: boolean;
  readonly reason: any;
  throwIfAborted(): void;
  addEventListener(type: "abort", listener: () => void): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** How a value is written. */
export interface SetOptions extends Abortable {
  /** Seconds, fractions allowed; more than 0, at most 10 years. */
  readonly ttl?: number;
  readonly metadata?: Metadata;
  /** Only if there is no entry. */
  readonly ifAbsent?: boolean;
  /** Only if the entry is of this version. */
  readonly ifVersion?: string;
  /** Keep the expiry of what is there. */
  readonly keepTtl?: boolean;
  /** Keep the metadata of what is there. */
  readonly keepMetadata?: boolean;
}

/** How values are written by `setMany` and inside `atomic()`: without conditions. */
export type WriteOptions = Pick<SetOptions, "ttl" | "metadata">;

export interface DeleteOptions extends Abortable {
  /** Only if the entry is of this version. */
  readonly ifVersion?: string;
}

export interface KeysOptions extends Abortable {
  /** At most so many. */
  readonly limit?: number;
  /** Only keys beyond this one, in the direction of travel, whether or not it exists. */
  readonly after?: string;
  /** From the last key to the first. */
  readonly reverse?: boolean;
}

export interface ScanOptions extends KeysOptions {
  /** Entries (the default), or keys only? */
  readonly values?: boolean;
}

/** How `atomic().commit()` ended. */
export type AtomicResult =
  | {
      readonly ok: true /** Of each write in its order; of a delete undefined. */;
      readonly versions: (string | undefined)[];
    }
  | {
      readonly ok: false /** The check that did not hold. */;
      readonly index: number;
      readonly entry: Entry | undefined;
    };

export interface OpenOptions extends Abortable {
  /** The name of a backend, or one of your own. Default: `"memory"`. */
  readonly backend?: "memory" | Backend;
  /** 1 to 64 bytes without a dot; `""` is the default namespace. */
  readonly namespace?: string;
  /** Remove what has expired by a timer, which never keeps a process alive. Default: true, but not at workerd's module scope. */
  readonly autoCleanup?: boolean;
  /** Seconds between two clean-ups. Default: 60. */
  readonly cleanupInterval?: number;
  /** The backend's own options. */
  readonly config?: MemoryConfig;
  /** Types of your own, for the whole program. */
  readonly serializers?: readonly Serializer[];
}

export interface MemoryConfig {
  /** More entries are refused with `quota-exceeded`; nothing is evicted. */
  readonly maxEntries?: number;
}

/** A key with its namespace, as a backend gets it. */
export interface BackendKey {
  readonly namespace: string;
  readonly key: string;
}

/** A record as a backend keeps it: opaque bytes, and a version that is never used twice. */
export interface BackendRecord {
  readonly record: Uint8Array;
  readonly version: string;
}

/** One change of a commit. */
export interface BackendMutation extends BackendKey {
  /** Absent: whatever is there. Null: no record. A version: the record of that version. */
  readonly expect?: string | null;
  readonly change: "put" | "delete" | "keep";
  /** Of a put. */
  readonly record?: Uint8Array;
  /** Of a put, derived from the record: epoch milliseconds. */
  readonly expiresAt?: number;
}

/**
 * Of each change in its order: a put's new version; of a delete false where there was no record, when
 * it expires (epoch milliseconds) or true where it never does, `undefined` where the engine does not
 * tell. Or which change's expectation failed: the first one's place.
 */
export type BackendCommit =
  | { readonly versions: readonly (string | boolean | number | undefined)[] }
  | { readonly conflict: number };

export interface BackendScan {
  readonly namespace: string;
  readonly prefix: string;
  readonly after?: string;
  readonly limit: number;
  readonly reverse: boolean;
  /** A hint: keys that do not match may be left out. */
  readonly pattern?: string;
  /** Keys, or records too? */
  readonly records: boolean;
}

export interface BackendItem extends Partial<BackendRecord> {
  readonly key: string;
  readonly expiresAt?: number;
}

type Awaitable<T> = T | Promise<T>;

/**
 * A backend of your own. An error of `commit` and `write` that is no `KVError` counts as
 * `outcome-unknown`: throw `new KVError("unavailable", …)` where nothing was changed.
 */
export interface Backend {
  readonly limits?: {
    /** How many changes one commit makes all or nothing. */
    readonly maxBatch?: number;
    /** Bytes of UTF-8. */
    readonly maxKey?: number;
    /** Bytes of a record. */
    readonly maxValue?: number;
    /** Milliseconds. */
    readonly clockSkew?: number;
    /** Can the answer to a commit be lost? Default: true. */
    readonly losesAnswers?: boolean;
  };
  /** The records under keys, in their order; expired ones too. */
  read(
    keys: readonly BackendKey[],
    fresh: "cached" | "latest",
  ): Awaitable<readonly (BackendRecord | undefined)[]>;
  /** All or nothing. */
  commit(batch: readonly BackendMutation[]): Awaitable<BackendCommit>;
  /** Each for itself; of one that failed its Error. Default: a commit for each. */
  write?(batch: readonly BackendMutation[]): Awaitable<readonly (BackendCommit | Error)[]>;
  /** A page of keys by their UTF-8 bytes; too much is allowed, too little is not. `resume`: the key after which to go on. */
  scan(query: BackendScan): Awaitable<{ readonly items: readonly BackendItem[]; readonly resume?: string }>;
  /** The names of the namespaces that may hold keys. */
  namespaces(): Awaitable<readonly string[]>;
  close?(): Awaitable<void>;
}

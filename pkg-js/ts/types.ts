/** The public types: options, entries, and what a custom backend implements; those of values are in `values.ts`. */
import type { FileConfig, IndexedDBConfig, MemoryConfig } from "./config.js";
import type { Metadata } from "./values.js";

export type * from "./config.js";
export type * from "./values.js";

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

/**
 * How instances of a class are stored, under a tag that every binding sees. Where `test` or `serialize` throws, the
 * call is refused with `invalid-argument`; where `deserialize` does, the value cannot be read, with `corrupt`. Either
 * names the tag, and its `cause` is what was thrown; a `KVError` of their own comes out with its code.
 */
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

/** Seconds, beside metadata without `ttl`; or metadata, in which `ttl` is the seconds. */
type Lifetime<Beside, Alone> =
  | {
      /** Seconds, fractions allowed; more than 0, at most 10 years. */
      readonly ttl?: number;
      readonly metadata?: Beside;
    }
  | { readonly ttl?: undefined; readonly metadata?: Alone };

/** How a value is written, with the metadata beside a `ttl` and that without one. */
export type SetWith<Beside, Alone> = Abortable &
  Lifetime<Beside, Alone> &
  (
    | {
        /** Only if there is no entry. */
        readonly ifAbsent?: boolean;
        readonly ifVersion?: undefined;
      }
    | {
        readonly ifAbsent?: false;
        /** Only if the entry is of this version. */
        readonly ifVersion?: string;
      }
  ) &
  (
    | {
        /** Keep the expiry of what is there. */
        readonly keepTtl?: boolean;
        readonly ttl?: undefined;
      }
    | { readonly keepTtl?: false }
  ) &
  (
    | {
        /** Keep the metadata of what is there. */
        readonly keepMetadata?: boolean;
        readonly metadata?: undefined;
      }
    | { readonly keepMetadata?: false }
  );

/** How a value is written: on one condition, with one time to live, and with new metadata or the old ones. */
export type SetOptions<F = Metadata> = SetWith<F & { readonly ttl?: never }, F & { readonly ttl?: number }>;

/** How values are written by `setMany` and inside `atomic()`: without conditions. */
export type WriteOptions<F = Metadata> = Lifetime<
  F & { readonly ttl?: never },
  F & { readonly ttl?: number }
>;
/** The same, with the metadata beside a `ttl` and that without one. */
export type WriteWith<Beside, Alone> = Lifetime<Beside, Alone>;

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

export interface WatchOptions extends Abortable {
  /** Do events of a `set` hold the value? Default: no. */
  readonly values?: boolean;
  /** How many events wait for a slow reader: a whole number of at least 1; default 1024. */
  readonly buffer?: number;
}

/** One change of one key, or that changes are missing here. */
export type WatchEvent<T = any> =
  | {
      /** It has a new entry, or its entry was changed. */
      readonly type: "set";
      readonly key: string;
      /** The version that was written. */
      readonly version: string;
      /** The value, where `values` asked for it. */
      readonly value?: T;
    }
  | {
      /** Its entry was removed; or had expired, and was cleaned up or written over. */
      readonly type: "delete" | "expire";
      readonly key: string;
      /** The version of the entry that went. */
      readonly version: string;
    }
  | {
      /** More came than the buffer holds: read what you need again. */
      readonly type: "overflow";
    };

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

/** What any store is opened with. */
export interface AnyOpenOptions extends Abortable {
  /** 1 to 64 bytes without a dot; `""` is the default namespace. */
  readonly namespace?: string;
  /** Remove what has expired by a timer, which never keeps a process alive. Default: true, but not at workerd's module scope. */
  readonly autoCleanup?: boolean;
  /** Seconds between two clean-ups. Default: 60. */
  readonly cleanupInterval?: number;
  /** Types of your own, for the whole program. */
  readonly serializers?: readonly Serializer[];
}

/** A backend, by its name or one of your own, and what it takes. Default: `"memory"`. */
export type BackendOptions =
  | { readonly backend?: "memory"; readonly config?: MemoryConfig }
  | { readonly backend: "indexeddb"; readonly config?: IndexedDBConfig }
  | { readonly backend: "file"; readonly config: FileConfig }
  | { readonly backend: Backend; readonly config?: { readonly [name: string]: never } };

export type OpenOptions = AnyOpenOptions & BackendOptions;

export interface StorageOptions extends Abortable {
  /** Ask the browser, which may ask the user, never to throw the site's data away. Default: false. */
  readonly persist?: boolean;
}

/** What the browser gives a site. */
export interface StorageInfo {
  /** About how many bytes the site uses. */
  readonly usage: number;
  /** About how many bytes it may use. */
  readonly quota: number;
  /** Is its data kept until the user deletes it? */
  readonly persisted: boolean;
}

/** A key with its namespace, as a backend gets it. */
export interface BackendKey {
  /** `""` is the default one. */
  readonly namespace: string;
  /** 1 to 512 bytes of UTF-8; it is to come back character by character. */
  readonly key: string;
}

/** A record as a backend keeps it: opaque bytes, and a version that is never used twice. */
export interface BackendRecord {
  /** What a `put` brought, byte by byte. */
  readonly record: Uint8Array;
  /** Which `put` it comes from: text of the backend's own, never the same twice for a key, also not after a delete. */
  readonly version: string;
}

/** One change of a commit. No key is in one commit twice. */
export interface BackendMutation extends BackendKey {
  /** Absent: whatever is there. Null: no record, not even an expired one. A version: the record of that version. */
  readonly expect?: string | null;
  /** Write the record, remove what is there, or only check what is expected. */
  readonly change: "put" | "delete" | "keep";
  /** Of a put: the bytes to keep. They are the backend's own. */
  readonly record?: Uint8Array;
  /** Of a put whose record expires, derived from the record: epoch milliseconds. Scans give it back. */
  readonly expiresAt?: number;
}

/**
 * `versions`, of each change in its order: of a put the new version; of a delete `false` where there was
 * no record, else when that one expired or expires (epoch milliseconds), or `true` where it never does;
 * of a keep anything. Or `conflict`: the place of the first change whose expectation failed, and nothing
 * was changed.
 */
export type BackendCommit =
  | { readonly versions: readonly (string | boolean | number | undefined)[] }
  | { readonly conflict: number };

/** One page to be read, in the order of the keys' UTF-8 bytes (which is not that of `<`). */
export interface BackendScan {
  /** Whose keys. */
  readonly namespace: string;
  /** Only keys that begin so; it may be empty. */
  readonly prefix: string;
  /** Only keys beyond this one, in the direction of travel, whether or not it exists. */
  readonly after?: string;
  /** So many items at most: more are a fault, fewer are not. */
  readonly limit: number;
  /** From the last key to the first. */
  readonly reverse: boolean;
  /** A hint: keys that do not match may be left out, and no others. */
  readonly pattern?: string;
  /** Are the records wanted too? */
  readonly records: boolean;
}

/** One key of a page. `record` and `version` are needed where `records` was asked. */
export interface BackendItem extends Partial<BackendRecord> {
  /** Without the namespace. */
  readonly key: string;
  /** When the record expires (epoch milliseconds). Also needed where only keys were asked. */
  readonly expiresAt?: number;
}

/** A page of a scan. */
export interface BackendPage {
  /** In the direction of travel; expired ones too. */
  readonly items: readonly BackendItem[];
  /** The key after which to go on; left out when nothing is left. A page may be empty and have one. */
  readonly resume?: string;
}

type Awaitable<T> = T | Promise<T>;

/**
 * A backend of your own: an object that keeps records under keys. What is stored, expires or matches is
 * decided by the store; the suite of `dataknobs-kv/conformance` says whether a backend is right.
 *
 * What a method throws reaches the caller: a `KVError` as it is, anything else as `unavailable`, or, of
 * `commit` and `write`, as `outcome-unknown`. So throw `new KVError("unavailable", …)` where nothing was
 * changed: such calls are tried again.
 */
export interface Backend {
  /** What the engine can do at most; read once, when the store is opened. */
  readonly limits?: {
    /** How many changes one `commit` makes all or nothing. Default: any number. */
    readonly maxBatch?: number;
    /** The longest key, in bytes of UTF-8: 64 to 512, the default. */
    readonly maxKey?: number;
    /** The largest record, in bytes. Default: any size. */
    readonly maxValue?: number;
    /** How long garbage stays after its expiry, in milliseconds: for clocks that differ. Default: 0. */
    readonly clockSkew?: number;
    /** Can the answer to a commit be lost, so that records must remember who wrote them? Default: true. */
    readonly losesAnswers?: boolean;
  };
  /**
   * The record of each key, in the order asked, `undefined` where there is none. A key may be asked twice,
   * and is answered twice. Expired records are records. `"latest"`: not from a cache.
   */
  read(
    keys: readonly BackendKey[],
    fresh: "cached" | "latest",
  ): Awaitable<readonly (BackendRecord | undefined)[]>;
  /** Makes every change, or none; nobody else's may come between looking and writing. */
  commit(batch: readonly BackendMutation[]): Awaitable<BackendCommit>;
  /**
   * Makes each change for itself, in its order: an answer for each, of one that failed its Error. Without
   * this method each is a commit.
   */
  write?(batch: readonly BackendMutation[]): Awaitable<readonly (BackendCommit | Error)[]>;
  /** A page of keys. It may hold keys that were not asked for, but must leave out none that was. */
  scan(query: BackendScan): Awaitable<BackendPage>;
  /** The names of the namespaces that hold records; `""` among them where the default one does. */
  namespaces(): Awaitable<readonly string[]>;
  /** Lets go of connections and files. Nothing is asked afterwards. */
  close?(): Awaitable<void>;
}

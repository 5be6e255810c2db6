/** The database of IndexedDB: opening it, its shape, and what it says when something fails. */
import { KVError, type KVErrorCode } from "../error.js";
import { known } from "../torn.js";

/** Everything is in one object store: a transaction over one is the fastest. */
export const STORE = "kv";
/** The version of the database's shape. */
const SHAPE = 1;
/**
 * The newest format that this build reads and writes. In the second one the log also holds blocks that say which number
 * they were written for (`Early`).
 */
const FORMAT = 2;

/** The record under `"manifest"`: what the pages are, beside the log. */
export interface Manifest {
  readonly format: number;
  /** Counts the times that pages were written: who writes them has seen the last. */
  readonly epoch: number;
  /** The log up to here is in the pages. */
  readonly folded: number;
  /** The pages in their order: their names. */
  readonly pages: readonly string[];
  /** Up to which namespace and key each page but the last goes, one after the other. */
  readonly ends: readonly string[];
}

export const EMPTY: Manifest = { format: FORMAT, epoch: 0, folded: 0, pages: [], ends: [] };

/** Checks what is under `"manifest"`. */
export function manifestOf(found: unknown, name: string): Manifest {
  // In the first format a log that was never folded has none.
  if (found === undefined) return { ...EMPTY, format: 1 };
  const manifest = found as Manifest;
  if (typeof manifest !== "object" || !(manifest?.format >= 1)) throw foreign(name);
  if (manifest.format > FORMAT) throw newer(name);
  return manifest;
}

/** The manifest in this build's format; `undefined`: it is so. */
export const upgraded = (manifest: Manifest): Manifest | undefined =>
  manifest.format < FORMAT ? { ...manifest, format: FORMAT } : undefined;

/** A block of the log that was committed before its number was known. */
export interface Early {
  /** The number that its writer expected: all before it were known to it. Under another one it is void. */
  readonly number: number;
  readonly block: Uint8Array;
}

/** The block under a number of the log; `undefined`: a void one. */
export function blockOf(found: unknown, key: number, name: string): Uint8Array | undefined {
  if (found instanceof Uint8Array) return found;
  const { number, block } = (found ?? {}) as Early;
  if (typeof number !== "number" || !(block instanceof Uint8Array)) throw foreign(name);
  return number === key ? block : undefined;
}

/** What is in the database is nothing that this library wrote. */
export const foreign = (name: string): KVError =>
  new KVError("corrupt", `the IndexedDB database ${JSON.stringify(name)} is no store of this library`);

const newer = (name: string) =>
  new KVError(
    "corrupt",
    `the IndexedDB database ${JSON.stringify(name)} was written by a newer version: update dataknobs-kv`,
  );

const CODES: Record<string, KVErrorCode> = {
  QuotaExceededError: "quota-exceeded",
  VersionError: "corrupt",
  SecurityError: "access-denied",
  NotAllowedError: "access-denied",
};

/** What IndexedDB failed with, as an error of ours. */
export function failure(fault: unknown, name: string): unknown {
  const shown = JSON.stringify(name);
  const error = known(fault);
  if (error instanceof KVError) {
    // The core does not know which database it is about.
    if (error.code !== "corrupt" || error.message.includes(shown)) return error;
    return new KVError("corrupt", `the IndexedDB database ${shown}: ${error.message}`, error.key);
  }
  const { name: kind = "", message = "" } = (error ?? {}) as { name?: string; message?: string };
  if (kind === "VersionError") return newer(name);
  const code = CODES[kind] ?? "unavailable";
  const advice =
    code === "quota-exceeded"
      ? "the browser gives this site no more room: delete something, or ask for more with store.storage()"
      : code === "access-denied"
        ? "the browser lets this page store nothing (a private window, or blocked site data)"
        : "it can be tried again";
  const said = [kind || "failed", message].filter((part) => part !== "").join(": ");
  return new KVError(code, `the IndexedDB database ${shown}: ${said}; ${advice}`);
}

/** The result of a request. */
export function result<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** The browser has closed the database in the middle of a change. */
export const ended = (name: string): KVError =>
  new KVError(
    "outcome-unknown",
    `the browser closed the IndexedDB database ${JSON.stringify(name)} in the middle of a change: read what there is`,
  );

/** So long, in milliseconds, an opening waits for others. */
const PATIENCE = 10_000;

/** The database once the request has it. Whoever deletes it, or gives it another shape, may have to wait for another page. */
function opened(request: IDBOpenDBRequest, name: string): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      // It may come yet.
      request.onsuccess = () => request.result.close();
      const shown = JSON.stringify(name);
      reject(
        new KVError(
          "timeout",
          `the IndexedDB database ${shown} is being deleted or changed, and another page keeps it open: close that page`,
        ),
      );
    }, PATIENCE);
    result(request)
      .then(resolve, reject)
      .finally(() => clearTimeout(timer));
  });
}

/** Opens the database, made where there is none. */
export async function connect(name: string): Promise<IDBDatabase> {
  try {
    // Where a page may store nothing, already this may throw.
    const { indexedDB } = globalThis;
    if (indexedDB === undefined || indexedDB === null)
      throw new KVError("unsupported", "this runtime has no IndexedDB");
    const request = indexedDB.open(name, SHAPE);
    request.onupgradeneeded = () => {
      const { result: db } = request;
      if (db.objectStoreNames.contains(STORE)) return;
      const store = db.createObjectStore(STORE, { autoIncrement: true });
      store.put(EMPTY, "manifest");
      // Numbers begin anywhere, after a void block: what another tab tells of a database that was deleted goes on
      // from none of them.
      store.put(
        { number: 0, block: new Uint8Array() } satisfies Early,
        1 + Math.floor(Math.random() * 2 ** 40),
      );
    };
    const db = await opened(request, name);
    if (db.objectStoreNames.contains(STORE)) return db;
    db.close();
  } catch (error) {
    throw failure(error, name);
  }
  throw foreign(name);
}

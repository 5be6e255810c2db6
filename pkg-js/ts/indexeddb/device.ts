/**
 * A store in IndexedDB: a log of blocks under the numbers that the object store counts up, and pages into
 * which the log is folded (`fold.ts`). The entries themselves are in the module's memory.
 *
 * A group is one `add`, and its transaction is committed at once (a fifth of the time less than when the browser
 * finds out that nothing more comes). The number that the block gets says whether anybody else wrote since. Where it
 * is not the one that was expected the block is void, for everybody: it says which one that was. Then what others
 * wrote is read, and the group made anew, in one transaction. The object store never gives a number twice.
 */
import type { Device, Gate, Step } from "../gate.js";
import type { Journal } from "../wasm/dataknobs_kv.js";
import type { Glue } from "../wasm/glue.js";
import {
  blockOf,
  connect,
  type Early,
  EMPTY,
  ended,
  failure,
  foreign,
  type Manifest,
  manifestOf,
  STORE,
  upgraded,
} from "./database.js";
import { fold, type Plan, SMALL } from "./fold.js";

/** What another tab is told: of a commit, or that somebody is there. */
interface News {
  /** The number before, which it must know. */
  readonly last: number;
  readonly key: number;
  /** Left out where they are large: they are read from the database. */
  readonly blocks?: readonly Uint8Array[];
  /** Who has just come asks who is there. */
  readonly hello?: true;
}

/** More bytes are not sent around: a tab that is frozen keeps what it was sent. */
const LARGE = 1 << 23;

export class IndexedDB implements Device {
  readonly name: string;
  readonly journal: Journal;
  readonly glue: Glue;
  readonly #gate: Gate;
  readonly durability: IDBTransactionDurability;
  readonly #channel: BroadcastChannel | undefined;
  readonly #deaf: AbortController;
  #db: IDBDatabase | undefined;
  #closed = false;
  /** Is there anybody else? While there is not, nobody needs to be told. */
  #others = false;
  /** Does its manifest still say that it is of an older format? */
  #old = false;
  /** Others have written, or may have. */
  stale = false;
  /** The number of the last block that is in memory; -1: everything is to be read. */
  last = -1;
  manifest: Manifest = EMPTY;
  /** How many bytes of log there are beyond the pages, and how many small blocks beyond `merged`. */
  bytes = 0;
  small = 0;
  /** Up to this number, small blocks have become large ones. */
  merged = 0;
  plan: Plan | undefined;
  /** Grows while folding fails. */
  patience = 1;
  /** Ends the wait for the transaction that is going on. */
  cut: ((error: unknown) => void) | undefined;

  constructor(name: string, durability: IDBTransactionDurability, journal: Journal, gate: Gate, glue: Glue) {
    this.name = name;
    this.durability = durability;
    this.journal = journal;
    this.glue = glue;
    this.#gate = gate;
    this.#deaf = new AbortController();
    try {
      this.#channel = new BroadcastChannel(`dataknobs-kv ${name}`);
      this.#channel.onmessage = ({ data }: MessageEvent<News>) => gate.between(() => this.#hear(data));
      this.#tell({ last: 0, key: 0, hello: true });
    } catch {
      // There is none, or not for this page: it sees what others wrote when it writes.
    }
    // Who was frozen has heard nothing.
    const { signal } = this.#deaf;
    const awake = ({ type, persisted }: { readonly type: string; readonly persisted?: boolean }) => {
      if (type === "visibilitychange") {
        if (globalThis.document.visibilityState === "hidden") return;
      } else if (type === "resume" || persisted) {
        // Nor has it heard who came.
        this.#others = true;
      }
      this.stale = true;
      gate.refresh().catch(() => {});
    };
    globalThis.addEventListener?.("pageshow", awake, { signal });
    globalThis.document?.addEventListener("visibilitychange", awake, { signal });
    globalThis.document?.addEventListener("resume", awake, { signal });
  }

  /** The connection, made anew where the browser or another tab has closed it. */
  async #connect(): Promise<IDBDatabase> {
    if (this.#db !== undefined) return this.#db;
    const db = await connect(this.name);
    const lost = () => {
      db.close();
      if (this.#db !== db) return;
      this.#db = undefined;
      this.stale = true;
    };
    db.onversionchange = lost;
    db.onclose = () => {
      lost();
      // What was begun on a connection that the browser closes may never end (Chromium: "clear site data").
      this.cut?.(ended(this.name));
    };
    this.#db = db;
    // It may be another database than before. Not sooner: a group may still be at work on that one.
    this.last = -1;
    return db;
  }

  async #begin(): Promise<IDBTransaction> {
    for (let again = true; ; again = false) {
      const db = await this.#connect();
      try {
        return db.transaction(STORE, "readwrite", { durability: this.durability });
      } catch (error) {
        // The connection is being closed by the browser.
        if (this.#db === db) this.#db = undefined;
        if (!again || this.#closed) throw failure(error, this.name);
      }
    }
  }

  async write(run: Step, undo: () => void, more: Step): Promise<void> {
    const number = await this.#group(await this.#begin(), run, undo, more);
    if (number === undefined) return;
    undo();
    // Numbers begin anew only in another database.
    if (number <= this.last) this.last = -1;
    await this.#group(await this.#begin(), run, undo, more, true);
  }

  /** `behind`: others are known to have been first. Gives the number of its first block where that is void. */
  #group(
    tx: IDBTransaction,
    run: Step,
    undo: () => void,
    more: Step,
    behind = this.last < 0 || this.#old,
  ): Promise<number | undefined> {
    const store = tx.objectStore(STORE);
    return new Promise<number | undefined>((resolve, reject) => {
      this.cut = reject;
      let fault: unknown;
      /** What throws in a handler of IndexedDB would only be reported. */
      const guarded = (work: () => void) => () => {
        try {
          work();
        } catch (error) {
          fault ??= error;
          try {
            tx.abort();
          } catch {
            // It is so already.
          }
        }
      };
      const before = this.last;
      const blocks: Uint8Array[] = [];
      let added: IDBRequest<IDBValidKey> | undefined;
      tx.oncomplete = () => {
        this.#old = false;
        // Where the connection was lost meanwhile, all is to be read again.
        this.stale = this.#db !== tx.db;
        const number = added?.result as number | undefined;
        if (number !== undefined) {
          const first = number - blocks.length + 1;
          if (!behind && first !== before + 1) return resolve(first);
          this.#wrote(number, blocks);
        }
        resolve(undefined);
      };
      tx.onabort = () => {
        // What was read of others in it stays; whether all was read, nobody knows.
        this.stale = true;
        reject(failure(fault ?? tx.error, this.name));
      };
      const add = () => {
        for (let block = run(); block !== undefined; block = more()) {
          blocks.push(block);
          added = store.add(behind ? block : ({ number: before + blocks.length, block } satisfies Early));
        }
      };
      const catchUp = () => {
        behind = true;
        this.#catchUp(store, guarded, add);
      };
      guarded(() => {
        // Before everything has been read, nothing can be run.
        if (behind) return catchUp();
        add();
        if (added !== undefined) return tx.commit?.();
        const news = store.count(IDBKeyRange.bound(before, Infinity, true));
        news.onsuccess = guarded(() => {
          if (news.result === 0) return;
          undo();
          catchUp();
        });
      })();
    }).finally(() => {
      this.cut = undefined;
    });
  }

  /** Reads what others wrote, then goes on. */
  #catchUp(store: IDBObjectStore, guarded: (work: () => void) => () => void, then: () => void): void {
    const whole = this.last < 0;
    if (whole && (!store.autoIncrement || store.keyPath !== null)) throw foreign(this.name);
    const manifest = store.get("manifest");
    const range = whole ? undefined : IDBKeyRange.bound(this.last, Infinity, true);
    const keys = store.getAllKeys(range);
    const found = store.getAll(range);
    found.onsuccess = guarded(() => {
      const now = manifestOf(manifest.result, this.name);
      // The log that was not seen is gone.
      if (!whole && now.folded > this.last) {
        this.last = -1;
        return this.#catchUp(store, guarded, then);
      }
      if (whole) {
        this.journal.forget();
        this.bytes = this.small = this.merged = 0;
        // Where it fails in the middle, all is read again.
        found.result.forEach((page, at) => {
          if (!isPage(keys.result[at])) return;
          if (!(page instanceof Uint8Array)) throw foreign(this.name);
          this.journal.replay(page);
        });
      }
      // Another tab has written pages: not all that is left to fold is known here.
      if (whole || now.epoch !== this.manifest.epoch) this.plan = undefined;
      this.manifest = now;
      // Not before everything could be read: nothing is written into what is not ours.
      const raise = upgraded(now);
      this.#old = raise !== undefined;
      let last = Math.max(this.last, now.folded);
      keys.result.forEach((key, at) => {
        if (typeof key !== "number") return;
        const block = blockOf(found.result[at], key, this.name);
        last = Math.max(last, key);
        if (block === undefined) return;
        this.journal.replay(block);
        this.#count(block);
      });
      this.last = last;
      if (raise !== undefined) store.put(raise, "manifest");
      then();
    });
  }

  #count(block: Uint8Array): void {
    this.bytes += block.length;
    if (block.length < SMALL) this.small++;
  }

  #wrote(key: number, blocks: readonly Uint8Array[]): void {
    let bytes = 0;
    for (const block of blocks) {
      this.#count(block);
      bytes += block.length;
    }
    // What others wrote before is read by now.
    const last = this.last;
    this.last = key;
    if (this.#others) this.#tell(bytes > LARGE ? { last, key } : { last, key, blocks });
  }

  #tell(news: News): void {
    try {
      this.#channel?.postMessage(news);
    } catch {
      // A closed channel; whoever does not hear finds the log.
    }
  }

  /** Between two groups. */
  #hear({ last, key, blocks, hello }: News): void {
    this.#others = true;
    // What was written before this was heard, nobody was told.
    if (hello) this.#tell({ last: this.last, key: this.last });
    if (this.#closed || this.last < 0 || key <= this.last) return;
    if (last === this.last && blocks !== undefined) {
      try {
        for (const block of blocks) {
          this.journal.replay(block);
          this.#count(block);
        }
        this.last = key;
        return;
      } catch {
        // It is read from the database, which says what is wrong.
      }
    }
    this.stale = true;
    this.#gate.refresh().catch(() => {});
  }

  tidy(): Promise<void> | undefined {
    const db = this.#db;
    return db === undefined || this.stale || this.last < 0 ? undefined : fold(this, db);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#deaf.abort();
    this.#channel?.close();
    this.#db?.close();
    this.#db = undefined;
  }
}

const isPage = (key: IDBValidKey | undefined) => typeof key === "string" && key !== "manifest";

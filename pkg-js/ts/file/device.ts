/**
 * A store in a file: one JSON document, and beside it a journal to which each group is appended. What both
 * hold is the core's; here is in which order they are read and written.
 */
import type { Device } from "../gate.js";
import type * as glue from "../wasm/dataknobs_kv.js";

/** How a runtime keeps the two files. Every call but `changed` and `close` is made inside `alone`. */
export interface Medium {
  /** Does `work` while no other process or tab does. */
  alone<T>(work: () => Promise<T>): Promise<T>;
  /** May somebody else have written since? */
  changed(): boolean;
  document(): Promise<Uint8Array | undefined>;
  /** The document, where it is another one than was read or written last; `known`: it is the right one. */
  edited(known?: boolean): Promise<Uint8Array | undefined>;
  journal(): Promise<Uint8Array | undefined>;
  /** The bytes of the journal from `from` on; `undefined`: it is not the one that was read or written last. */
  news(from: number): Promise<Uint8Array | undefined>;
  /** Appends at `from`, where what lies beyond is cut off. False: something else is there as well. */
  append(from: number, frame: Uint8Array): Promise<boolean>;
  /** Puts a document, then a journal, in the place of what is there: each the old or the new one, never half. */
  replaceDocument(bytes: Uint8Array): Promise<void>;
  replaceJournal(bytes: Uint8Array): Promise<void>;
  close(): void;
}

/** What is to be done with what was read: see the core's ledger. */
const FRESH = 1;
const FOLD = 2;
const REREAD = 3;

export class FileDevice implements Device {
  readonly #medium: Medium;
  readonly #ledger: glue.Ledger;
  #foldFrom = 0;
  /** Nothing was read yet, or not to its end. */
  #unread = true;

  constructor(medium: Medium, ledger: glue.Ledger) {
    this.#medium = medium;
    this.#ledger = ledger;
  }

  get stale(): boolean {
    return this.#unread || this.#medium.changed();
  }

  write(run: () => Uint8Array | undefined, undo: () => void): Promise<void> {
    const medium = this.#medium;
    const ledger = this.#ledger;
    return medium.alone(async () => {
      for (;;) {
        await this.#catchUp();
        const frame = run();
        if (frame === undefined) return;
        if (await medium.append(ledger.length(), frame)) return;
        // A writer that had lost its lock was there. Who of us was first?
        const found = await medium.news(ledger.length());
        if (found !== undefined && ledger.settle(found)) return;
        undo();
      }
    });
  }

  async #catchUp(): Promise<void> {
    const medium = this.#medium;
    const ledger = this.#ledger;
    if (!this.#unread && !medium.changed()) return;
    let fit = REREAD;
    if (!this.#unread) {
      this.#unread = true;
      const news = await medium.news(ledger.length());
      if (news !== undefined) {
        ledger.feed(news);
        fit = 0;
      } else {
        const journal = await medium.journal();
        if (journal !== undefined) fit = ledger.switch_journal(journal);
        // Folded by somebody else.
        await medium.edited(true);
      }
    }
    if (fit === REREAD) fit = ledger.open(await medium.document(), await medium.journal(), false);
    if (fit === FOLD) await this.#fold();
    if (fit === FRESH) await this.#fresh(0);
    this.#unread = false;
  }

  /** Whoever is killed between the two loses nothing: the document says which commits it holds. */
  async #fold(): Promise<void> {
    const edited = await this.#medium.edited();
    const journal = edited && (await this.#medium.journal());
    if (journal !== undefined) this.#ledger.open(edited, journal, true);
    const document = this.#ledger.document();
    await this.#medium.replaceDocument(document);
    await this.#fresh(document.length);
  }

  async #fresh(length: number): Promise<void> {
    await this.#medium.replaceJournal(this.#ledger.fresh_journal());
    this.#ledger.folded(length);
  }

  tidy(): Promise<void> | undefined {
    const length = this.#ledger.length();
    if (this.#unread || length < this.#foldFrom || !this.#ledger.should_fold()) return undefined;
    // Where it fails, the journal is to be twice as long before the next attempt.
    this.#foldFrom = length * 2;
    return this.#foldAlone().then(() => {
      this.#foldFrom = 0;
    });
  }

  #foldAlone(): Promise<void> {
    return this.#medium.alone(async () => {
      await this.#catchUp();
      await this.#fold();
    });
  }

  async close(dropped: boolean): Promise<void> {
    try {
      if (!dropped && !this.#unread && this.#ledger.is_ahead()) await this.#foldAlone();
    } finally {
      this.#medium.close();
    }
  }
}

/**
 * What is to be written down, in groups: everything asked for in one tick is one. A call is made on the
 * memory in its turn, and its promise resolves when what it changed stands. Who reads meanwhile waits, so
 * that nobody sees what may yet be taken back.
 */
import type { KVError, KVErrorCode } from "./error.js";
import { enter, known } from "./torn.js";
import type { Signal } from "./types.js";

/** What notes the changes of the memory: the core's `Journal` or `Ledger`. */
export interface Journal {
  /** From now on changes are noted. */
  begin(): void;
  /** The next of what has changed since, as bytes; `undefined`: that was all. */
  changes(): Uint8Array | undefined;
  /** The changes stand, and who watches is told. */
  keep(): void;
  roll_back(): void;
}

export type Step = () => Uint8Array | undefined;

/** Where changes are written down. */
export interface Device {
  /** Does it know that others have written? Then readers wait until that is read. */
  readonly stale: boolean;
  /**
   * Writes down what `run` gives, and what `more` gives then, until that is nothing, all or none of it. Where `run`
   * gives nothing it only looks whether others were first. Where they were, it calls `undo`, reads what they wrote and
   * calls `run` again.
   */
  write(run: Step, undo: () => void, more: Step): Promise<void>;
  /** Something to be put in order, now that nothing is being written? */
  tidy(): Promise<void> | undefined;
  /** `dropped`: nothing more is to be written, as nobody knows what has become of the place. */
  close(dropped: boolean): Promise<void>;
}

/** What is wrong with the place that is written to. */
const DEVICE = new Set<KVErrorCode | undefined>([
  "access-denied",
  "not-found",
  "outcome-unknown",
  "quota-exceeded",
  "timeout",
  "unavailable",
]);

/** A call that waits for its turn; then what came of it. */
interface Job {
  readonly work: () => unknown;
  readonly reads: boolean;
  readonly signal: Signal | undefined;
  result: unknown;
  failed: boolean;
}

/** What is asked for in one tick. One promise for all of it: each call's own hangs on that. */
class Group {
  readonly jobs: Job[] = [];
  end!: () => void;
  readonly ended = new Promise<void>((resolve) => {
    this.end = resolve;
  });
}

function fail(jobs: readonly Job[], error: unknown): void {
  for (const job of jobs) {
    job.result = error;
    job.failed = true;
  }
}

export class Gate {
  readonly #strong: boolean;
  readonly #release: () => void;
  #journal: Journal | undefined;
  #clean: () => void = () => {};
  #device: Device | undefined;
  /** What waits for its turn. */
  #next = new Group();
  /** What is to be done between two groups. */
  #between: (() => void)[] = [];
  /** Waits for nothing to be written. */
  #waiting: (() => void)[] = [];
  #busy = false;
  #closing: Promise<void> | undefined;

  /** `strong`: readers look whether others have written. `release`: gives back what a group took of the module. */
  constructor(strong: boolean, release: () => void) {
    this.#strong = strong;
    this.#release = release;
  }

  /** From now on `device` writes down what changes; `clean` removes what has expired. */
  start(device: Device, journal: Journal, clean: () => void): void {
    this.#device = device;
    this.#journal = journal;
    this.#clean = clean;
  }

  /**
   * Makes a call of the module in its turn, unless it is aborted before: at once, where it only reads and nothing is
   * being written.
   */
  run<T>(work: () => T, reads: boolean, signal?: Signal): T | Promise<T> {
    if (this.#closing !== undefined) {
      const late = () => {
        signal?.throwIfAborted();
        return enter(work);
      };
      return this.#closing.then(late, late);
    }
    if (reads && this.#idle() && !this.#strong && !enter(() => this.#device?.stale)) return enter(work);
    const job: Job = { work, reads, signal, result: undefined, failed: false };
    const { jobs, ended } = this.#next;
    jobs.push(job);
    if (!this.#busy) this.#wake();
    return ended.then(() => {
      if (job.failed) throw job.result;
      return job.result as T;
    });
  }

  /** Removes what has expired. */
  clean(): void {
    // What could not be removed now is so in the next round.
    if (this.#device !== undefined) Promise.resolve(this.run(this.#clean, false)).catch(() => {});
  }

  /** Calls `work` when no group is being written. */
  between(work: () => void): void {
    if (this.#busy) this.#between.push(work);
    else work();
  }

  /** Looks whether others have written. */
  async refresh(): Promise<void> {
    if (this.#closing === undefined) await this.run(() => {}, false);
  }

  /** Writes down what waits, and lets go of everything. `dropped`: the store was collected as garbage. */
  close(dropped = false): Promise<void> {
    if (this.#closing !== undefined) return this.#closing;
    this.#closing = (async () => {
      // Whose writing fails is told by its own call.
      while (!this.#idle()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
      await this.#device?.close(dropped);
    })();
    return this.#closing;
  }

  #idle(): boolean {
    return !this.#busy && this.#next.jobs.length === 0;
  }

  #wake(): void {
    this.#busy = true;
    queueMicrotask(() => this.#flush());
  }

  async #flush(): Promise<void> {
    while (this.#next.jobs.length > 0) {
      const { jobs, end } = this.#next;
      this.#next = new Group();
      await this.#settle(jobs);
      end();
      this.#pass();
      await this.#tidy();
    }
    this.#busy = false;
    this.#pass();
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #pass(): void {
    for (const work of this.#between.splice(0)) {
      try {
        work();
      } catch (error) {
        // It has come from elsewhere; the next group looks what there is.
        known(error);
      }
    }
  }

  async #tidy(): Promise<void> {
    while (this.#next.jobs.length === 0) {
      try {
        const step = this.#device?.tidy();
        if (step === undefined) return;
        await step;
      } catch (error) {
        // It is tried again after a later group.
        known(error);
        return;
      }
    }
  }

  async #settle(jobs: Job[]): Promise<void> {
    try {
      await this.#group(jobs);
    } catch (error) {
      // Not even taking back what was changed was possible: nobody waits for ever.
      fail(jobs, known(error));
    }
  }

  async #group(jobs: Job[]): Promise<void> {
    const journal = this.#journal as Journal;
    let fault: { error: unknown } | undefined;
    const more = () => {
      try {
        return journal.changes();
      } catch (thrown) {
        const error = known(thrown);
        // Of a value, not of what is written to: that would fail for each of them.
        if (!DEVICE.has((error as KVError).code)) fault = { error };
        throw error;
      } finally {
        this.#release();
      }
    };
    const run = () => {
      journal.begin();
      for (const job of jobs) {
        try {
          // Its reason is the caller's own.
          job.signal?.throwIfAborted();
          job.result = enter(job.work);
          job.failed = false;
        } catch (error) {
          job.result = error;
          job.failed = true;
        }
      }
      return more();
    };
    try {
      const device = this.#device as Device;
      const reads = jobs.every((job) => job.reads);
      if (reads && !this.#strong && !device.stale) run();
      else await device.write(run, () => journal.roll_back(), more);
      journal.keep();
    } catch (thrown) {
      const error = known(thrown);
      try {
        journal.roll_back();
      } catch (fault) {
        known(fault);
      }
      const full = (error as KVError).code === "quota-exceeded";
      if ((fault === undefined && !full) || jobs.length === 1) {
        return fail(jobs, error);
      }
      // A value that cannot be expressed, or finds no room, is no fault of the others.
      for (const job of jobs) await this.#settle([job]);
    }
  }
}

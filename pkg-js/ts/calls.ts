/** How a call goes to the core: at once, or in its turn. */
import { abortable } from "./abort.js";
import { copyOut } from "./copy.js";
import { KVError } from "./error.js";
import type { Gate } from "./gate.js";
import { check } from "./options.js";
import { isKey } from "./texts.js";
import type { Abortable, Entry } from "./types.js";
import type { Store } from "./wasm/dataknobs_kv.js";
import { Op } from "./wasm/op.js";
import type { Core } from "./wasm.js";
import { ask, enter } from "./torn.js";

/** The calls that only read. */
const READS = new Set([
  Op.GetEntry,
  Op.GetPattern,
  Op.CountPattern,
  Op.ScanPage,
  Op.GetMetadata,
  Op.Ttl,
  Op.Namespaces,
  Op.Close,
]);

/** Checks the options of a call that has only a signal, and gives a copy of them. */
export function begin(options: Abortable, method: string, key?: string): Abortable {
  const own = check.signal(options, method, key);
  own.signal?.throwIfAborted();
  return own;
}

/** The calls of one store. */
export class Calls {
  /** Is everything ready at once? */
  readonly immediate: boolean;
  /** May a call be made at once, whatever waits? */
  readonly ahead: boolean;

  constructor(
    readonly core: Store,
    /** The module that it is in. */
    readonly module: Core,
    readonly gate: Gate | undefined,
    /** The handle that was opened: as long as it is there, so is the connection. */
    readonly opened: Store = core,
  ) {
    this.immediate = core.is_immediate();
    this.ahead = this.immediate && gate === undefined;
  }

  /** A call about a key; `more` checks and gives its other arguments. */
  async keyed<T>(
    op: Op,
    method: string,
    options: Abortable | undefined,
    key: string,
    more?: () => unknown[],
  ): Promise<T> {
    isKey(key);
    const own = options === undefined ? undefined : begin(options, method, key);
    return this.slow(own, op, key, ...(more?.() ?? []));
  }

  /** A call that is about no single key. */
  async call<T>(op: Op, method: string, options: Abortable | undefined, ...args: unknown[]): Promise<T> {
    const own = options === undefined ? undefined : begin(options, method);
    return this.slow(own, op, ...args);
  }

  /** Makes a call of the core: now, or in its turn where the store is written down. */
  turn<T>(reads: boolean, options: Abortable | undefined, work: () => T): T | Promise<Awaited<T>> {
    const gate = this.gate;
    if (gate === undefined) return enter(work);
    return gate.run(work, reads, options?.signal) as T | Promise<Awaited<T>>;
  }

  /** A call whose result is ready or a promise; what it throws rejects, and so does an abort. */
  async slow<T>(options: Abortable | undefined, op: Op, ...args: unknown[]): Promise<T> {
    const call = () => ask(() => this.core.call(op, args, options?.signal) as T | Promise<T>);
    if (op === Op.Update && this.immediate) {
      const [key, step] = args as [string, (old: unknown) => Promise<unknown>];
      return abortable(this.#replace(options, key, step) as Promise<T>, options);
    }
    return abortable(this.turn(READS.has(op), options, call) as T | Promise<T>, options);
  }

  /** An `update` in two turns, as nobody else's may wait for the caller's function. */
  async #replace(
    options: Abortable | undefined,
    key: string,
    step: (old: unknown) => Promise<unknown>,
  ): Promise<unknown> {
    for (let tries = 0; tries < 10_000; tries++) {
      // A function that writes its own key leaves others their turn.
      if (tries % 100 === 99) await new Promise((resolve) => setTimeout(resolve, 0));
      const entry = await this.slow<Entry | undefined>(options, Op.GetEntry, key);
      const value = await step(entry?.value);
      options?.signal?.throwIfAborted();
      if (await this.slow(options, Op.Replace, key, entry?.version, value)) return copyOut(value);
    }
    throw new KVError("conflict", "others kept writing the key while the function ran", key);
  }
}

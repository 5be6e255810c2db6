/** Changes as they happen. */
import { abortable, onAbort } from "./abort.js";
import type { Abortable, WatchEvent } from "./types.js";
import { enter, known, later, look } from "./torn.js";
import type { Watcher } from "./wasm/dataknobs_kv.js";

/** What a watcher tells next; `undefined` at the end. */
async function next(watcher: Watcher): Promise<unknown> {
  for (;;) {
    let wake = () => {};
    const woken = new Promise<void>((resolve) => {
      wake = resolve;
    });
    look();
    const event = enter(() => watcher.next(wake));
    if (event !== null) return event;
    await later(woken);
  }
}

/** The events that a watcher of the core gives. What is wrong with the call is told by the first `next()`. */
export class Changes<T = any> implements AsyncIterableIterator<WatchEvent<T>> {
  #options: Abortable | undefined;
  #off: (() => void) | undefined;
  /** The watcher, and its store: who waits for changes has that. */
  #watched: readonly [Watcher, unknown] | undefined;
  #fault: { readonly error: unknown } | undefined;
  /** Settles, and never rejects, with the last call of `next` that is not answered yet. */
  #asked: Promise<void> | undefined;

  /** `start` gives the options, checked, the watcher and its store. */
  constructor(start: () => [Abortable, Watcher, unknown]) {
    try {
      const [options, ...watched] = start();
      this.#options = options;
      this.#watched = watched;
      // Also where nobody waits for an event, nothing more is to be kept for it.
      if (options.signal !== undefined) this.#off = onAbort(options.signal, () => this.#end());
    } catch (error) {
      this.#end();
      this.#watched = undefined;
      this.#fault = { error };
    }
  }

  #end(): void {
    try {
      this.#watched?.[0].end();
    } catch (error) {
      // It has ended with its module.
      known(error);
    }
  }

  /** Calls are answered in the order in which they were made, as those of an async generator are. */
  next(): Promise<IteratorResult<WatchEvent<T>, undefined>> {
    const turn = this.#asked === undefined ? this.#next() : this.#asked.then(() => this.#next());
    const over = () => {
      if (this.#asked === asked) this.#asked = undefined;
    };
    const asked = turn.then(over, over);
    this.#asked = asked;
    return turn;
  }

  async #next(): Promise<IteratorResult<WatchEvent<T>, undefined>> {
    const watcher = this.#watched?.[0];
    if (this.#fault !== undefined) {
      const { error } = this.#fault;
      this.#fault = undefined;
      throw error;
    }
    if (watcher === undefined) return { done: true, value: undefined };
    try {
      this.#options?.signal?.throwIfAborted();
      const value = (await abortable(next(watcher), this.#options)) as WatchEvent<T> | undefined;
      if (value !== undefined) return { done: false, value };
    } catch (error) {
      await this.return();
      throw error;
    }
    return this.return();
  }

  async return(): Promise<IteratorReturnResult<undefined>> {
    this.#off?.();
    this.#end();
    this.#watched = undefined;
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}

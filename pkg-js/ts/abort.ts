/** Calls that end early under an AbortSignal. */
import type { Abortable, Signal } from "./types.js";

interface Waiting {
  readonly calls: Set<() => void>;
  readonly end: () => void;
}

/** What waits on a signal: with one listener for all, as Node warns of more than ten. */
const waiting = new WeakMap<Signal, Waiting>();

/** Calls `call` when the signal is aborted. What it returns lets go of the signal. */
export function onAbort(signal: Signal, call: () => void): () => void {
  let one = waiting.get(signal);
  if (one === undefined) {
    const calls = new Set<() => void>();
    one = { calls, end: () => calls.forEach((each) => each()) };
    signal.addEventListener("abort", one.end);
    waiting.set(signal, one);
  }
  const { calls, end } = one;
  calls.add(call);
  return () => {
    if (!calls.delete(call) || calls.size > 0) return;
    waiting.delete(signal);
    signal.removeEventListener("abort", end);
  };
}

/** The result, or the signal's reason where that comes first; the call itself goes on. */
export function abortable<T>(result: T | Promise<T>, options: Abortable | undefined): T | Promise<T> {
  const signal = options?.signal;
  if (signal === undefined || !(result instanceof Promise)) return result;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    // A backend may abort while it is asked: no listener hears of that.
    if (signal.aborted) abort();
    const settled = result.then(resolve, reject);
    const off = onAbort(signal, abort);
    settled.finally(off);
  });
}

/** Calls that end early under an AbortSignal. */
import type { Abortable, Signal } from "./types.js";

interface Waiting {
  readonly calls: Set<() => void>;
  readonly end: () => void;
}

/** What waits on a signal: with one listener for all, as Node warns of more than ten. */
const waiting = new WeakMap<Signal, Waiting>();

function waitingOn(signal: Signal): Waiting {
  let one = waiting.get(signal);
  if (one === undefined) {
    const calls = new Set<() => void>();
    one = { calls, end: () => calls.forEach((call) => call()) };
    waiting.set(signal, one);
    signal.addEventListener("abort", one.end);
  }
  return one;
}

/** The result, or the signal's reason where that comes first; the call itself goes on. */
export function abortable<T>(result: T | Promise<T>, options: Abortable | undefined): T | Promise<T> {
  const signal = options?.signal;
  if (signal === undefined || !(result instanceof Promise)) return result;
  return new Promise((resolve, reject) => {
    const { calls, end } = waitingOn(signal);
    const abort = () => reject(signal.reason);
    calls.add(abort);
    result.then(resolve, reject).finally(() => {
      calls.delete(abort);
      if (calls.size > 0) return;
      waiting.delete(signal);
      signal.removeEventListener("abort", end);
    });
  });
}

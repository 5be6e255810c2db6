/**
 * A call that is torn off in the middle, as the stack or the memory was used up: nothing inside its module can be
 * trusted any more. All modules are given up with their stores, and the next `open` gets a new one. (Before a call
 * nobody can tell how much it will need.)
 */
import { KVError } from "./error.js";

const STOPPED =
  "the stack or the memory was used up in the middle of a call: all stores are closed, and what was in memory only is gone; open a new store";
/** Made while there is room to make it. */
const torn = new KVError("outcome-unknown", STOPPED);
/** What came out of a call, until it is known what it was. Who sets it needs no stack for that. */
export const trap: { thrown: unknown } = { thrown: undefined };
/** How each module is given up. */
const modules = new Set<() => void>();
/** Those who wait for what is going on inside. */
const waiting = new Set<(error: KVError) => void>();
const soon = Promise.resolve();
const traps: unknown[] = [
  RangeError,
  WebAssembly.RuntimeError,
  // What Firefox has in the place of a `RangeError`.
  (globalThis as { InternalError?: unknown }).InternalError ?? RangeError,
];

/** What is thrown in the place of a call of a module that was given up. */
export function gone(): never {
  throw new KVError("closed", STOPPED);
}

/** `giveUp` is called where a call was torn off. */
export function watchOver(giveUp: () => void): void {
  modules.add(giveUp);
}

/** What is to be thrown in the place of `error`, which came out of a module. */
export function known(error: unknown): unknown {
  if (!traps.includes((error as Error | undefined)?.constructor)) {
    if (trap.thrown === error) trap.thrown = undefined;
    return error;
  }
  for (const giveUp of modules) giveUp();
  modules.clear();
  trap.thrown = undefined;
  soon.then(() => {
    for (const reject of waiting) reject(torn);
    waiting.clear();
  });
  return new KVError("outcome-unknown", STOPPED, undefined, { cause: error });
}

/** What to throw in the place of `error`, which came out of a module and is in the trap. */
export function told(error: unknown): unknown {
  try {
    return known(error);
  } catch {
    // It is found out at the next call.
    return (error as KVError | undefined)?.code === undefined ? torn : error;
  }
}

/** Makes a call of a module. */
export function enter<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    // There may be no stack left for even one more call. With this set nobody goes in.
    // (`torn` comes from a call within this one, and stands for what is in the trap already.)
    if (error !== torn) trap.thrown = error;
    throw told(trap.thrown ?? error);
  }
}

/** What came out of a call before is found out now. */
export function look(): void {
  if (trap.thrown !== undefined) known(trap.thrown);
}

/** A call that may answer later: nobody waits for ever. */
export function ask<T>(call: () => T): T {
  look();
  return later(enter(call));
}

/** What a module answers; a promise of it ends with the module. */
export function later<T>(answer: T): T {
  if (!(answer instanceof Promise)) return answer;
  return new Promise((resolve, reject) => {
    waiting.add(reject);
    answer.then(resolve, reject).finally(() => waiting.delete(reject));
  }) as T;
}

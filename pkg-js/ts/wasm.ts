/** The wasm module: loading it once, and how keys and batches cross. */
import { copyOut, define } from "./copy.js";
import { KVError, type KVErrorCode } from "./error.js";
import { failureOf } from "./serializer.js";
import { putTogether, takeApart } from "./tags.js";
import { isKey, LONGEST } from "./texts.js";
import * as glue from "./wasm/dataknobs_kv.js";

/** The values that the store keeps, under the numbers that the core gives out. */
export const values: unknown[] = [];

let memory: WebAssembly.Memory;
let bytes = new Uint8Array(0);
let address = 0;
let room = 0;
const encoder = new TextEncoder();
// A key may begin with what a decoder takes for a byte order mark.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
/** Most keys are shorter, and a loop is faster for them than a call of the encoder. */
const SHORT = 64;
/** So many characters of keys may cross at once: no engine's texts are shorter. */
const MOST = 1 << 28;

/** How a runtime gets at the module. */
export type Source = () => Promise<
  { module: WebAssembly.Module | BufferSource } | { module_or_path: unknown }
>;

let source: Source | undefined;
let loading: Promise<void> | undefined;

/** Says how this runtime gets at the module; it is loaded when the first store is opened. */
export function from(where: Source): void {
  source ??= where;
}

const STOPPED =
  "the stack or the memory was used up in the middle of a call: all stores are closed, and what was in memory only is gone; open a new store";
/** Made while there is room to make it. */
const torn = new KVError("outcome-unknown", STOPPED);
const closed = () => new KVError("closed", STOPPED);
/** Was a call torn off in the middle? Then nothing inside can be trusted. */
let stopped = false;
/** What came out of a call, until it is known what it was. */
let thrown: unknown;
const NOTHING = new Uint8Array(0);
/** Those who wait for what is going on inside. */
const waiting = new Set<(error: KVError) => void>();
const soon = Promise.resolve();
const traps: unknown[] = [
  RangeError,
  WebAssembly.RuntimeError,
  // What Firefox has in the place of a `RangeError`.
  (globalThis as { InternalError?: unknown }).InternalError ?? RangeError,
];

/**
 * What is to be thrown in the place of `error`, which came out of the module. Where a call ran out of stack or memory
 * in the middle, the module's stores are given up, and the next one gets a module of its own. (Before a call nobody
 * can tell how much it will need.)
 */
export function known(error: unknown): unknown {
  if (!traps.includes((error as Error | undefined)?.constructor)) {
    if (thrown === error) thrown = undefined;
    // The glue throws 0 of an object of the module before.
    return error === 0 ? closed() : error;
  }
  stopped = true;
  bytes = NOTHING;
  soon.then(renew).catch(() => {});
  return new KVError("outcome-unknown", STOPPED, undefined, { cause: error });
}

/** Makes a call of the module. */
export function enter<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    // There may be no stack left for even one more call. Without the scratch buffer nobody goes in.
    thrown = error;
    bytes = NOTHING;
    let told: unknown = (error as KVError | undefined)?.code === undefined ? torn : error;
    try {
      told = known(error);
    } catch {
      // It is found out at the next call.
    }
    throw told;
  }
}

/** May the module be called? */
function look(): void {
  if (thrown !== undefined) known(thrown);
  if (stopped) throw closed();
}

/** The same for a call that does not use the scratch buffer. Where it answers later, nobody waits for ever. */
export function ask<T>(call: () => T): T {
  if (bytes === NOTHING) look();
  return later(enter(call));
}

/** What the module answers; a promise of it ends with the module. */
export function later<T>(answer: T): T {
  if (!(answer instanceof Promise)) return answer;
  return new Promise((resolve, reject) => {
    waiting.add(reject);
    answer.then(resolve, reject).finally(() => waiting.delete(reject));
  }) as T;
}

/** Gives up the module's state, with every store in it. */
function renew(): void {
  if (!stopped) return;
  for (const reject of waiting) reject(torn);
  waiting.clear();
  values.length = 0;
  words = new Int32Array(0);
  // In the place of the one before, which nobody calls any more. Where even that fails, the next `open` tries again.
  begin((glue.__wbg_reset_state() as unknown as glue.InitOutput).memory);
}

/** Loads the module, once. */
export async function load(): Promise<void> {
  loading ??= start();
  try {
    await loading;
    renew();
  } catch (error) {
    if (!stopped) loading = undefined;
    throw new KVError("unavailable", `the WebAssembly module could not be loaded: ${String(error)}`);
  }
}

async function start(): Promise<void> {
  if (source === undefined) throw new Error("no entry point of the package was imported");
  const where = await source();
  const exports = "module" in where ? glue.initSync(where) : await glue.default(where as never);
  begin(exports.memory);
}

function begin(its: WebAssembly.Memory): void {
  memory = its;
  glue.start({
    keep(slot: number, value: unknown) {
      values[slot] = value;
    },
    kept(slot: number) {
      return copyOut(values[slot]);
    },
    held(slot: number) {
      return values[slot];
    },
    texts(slots: Uint32Array) {
      const found = new Array<string>(slots.length).fill("");
      for (let at = 0; at < found.length; at++) {
        const value = values[slots[at] as number];
        if (typeof value === "string" && !value.includes("\0")) found[at] = value;
      }
      try {
        return writeText(join.call(found, "\0"), () => {});
      } catch {
        // No room: they cross one by one.
        return 0;
      }
    },
    forget(slots: Uint32Array) {
      for (const slot of slots) values[slot] = undefined;
    },
    take_apart: takeApart,
    put_together: putTogether,
    error(code: KVErrorCode, message: string, key?: string) {
      return failureOf(message) ?? new KVError(code, message, key);
    },
    put: define,
  });
  stopped = false;
  thrown = undefined;
  grow(4096);
}

function grow(size: number): void {
  address = glue.scratch(size);
  room = address === 0 ? 0 : size;
  refresh();
  if (room === 0)
    throw new KVError(
      "quota-exceeded",
      `the WebAssembly module has no ${size} bytes left for keys: hand over fewer at a time`,
    );
}

function refresh(): void {
  bytes = new Uint8Array(memory.buffer, address, room);
}

function refill(): void {
  look();
  room === 0 ? grow(4096) : refresh();
}

/** Writes a text into the scratch buffer: how many bytes it takes. `check`: of one that is not short and ASCII. */
export function writeText(text: string, check: (text: unknown) => void): number {
  // A view is void once the memory has grown; there is no room after it could not.
  if (bytes.length === 0) refill();
  const length = text.length;
  if (length <= SHORT) {
    let at = 0;
    for (; at < length; at++) {
      const unit = text.charCodeAt(at);
      if (unit > 127) break;
      bytes[at] = unit;
    }
    if (at === length) return length;
  }
  check(text);
  return encode(text);
}

function encode(text: string): number {
  if (text.length > room) grow(text.length);
  const { read, written } = encoder.encodeInto(text, bytes);
  if (read === text.length) return written;
  grow(text.length * 3);
  return encoder.encodeInto(text, bytes).written;
}

const { join } = Array.prototype;

/** Writes the keys of a batch into the scratch buffer, joined by NUL, which no key may hold. */
export function writeKeys(keys: readonly string[]): number {
  let size = keys.length;
  for (const key of keys) {
    if (typeof key !== "string" || key.length > LONGEST) isKey(key);
    size += key.length;
  }
  if (size > MOST)
    throw new KVError(
      "quota-exceeded",
      `one call takes ${MOST} characters of keys: hand over fewer at a time`,
    );
  return writeText(join.call(keys, "\0"), (joined) => {
    if (!(joined as string).isWellFormed()) keys.forEach(isKey);
  });
}

/** After a batch: gives back what no single key needs. */
export function release(): void {
  if (room > 1 << 20) grow(4096);
}

let words = new Int32Array(0);

/** The module's memory by words: the numbers that the last call left lie from `numbersAt()` on. A view made anew for
 * each call would cost more than a small call. */
export function numbers(): Int32Array {
  // A view is void once the memory has grown.
  if (words.length === 0) words = new Int32Array(memory.buffer);
  return words;
}

/** Where they lie. */
export function numbersAt(): number {
  return glue.numbers() >>> 2;
}

/** The texts that the last call left. */
export function texts(): string[] {
  const length = glue.texts_len();
  if (length === 0) return [];
  return decoder.decode(new Uint8Array(memory.buffer, glue.texts(), length)).split("\0");
}

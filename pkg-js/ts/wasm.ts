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

/** Loads the module, once. */
export function load(): Promise<void> {
  loading ??= start().catch((error: unknown) => {
    loading = undefined;
    throw new KVError("unavailable", `the WebAssembly module could not be loaded: ${String(error)}`);
  });
  return loading;
}

async function start(): Promise<void> {
  if (source === undefined) throw new Error("no entry point of the package was imported");
  const where = await source();
  const exports = "module" in where ? glue.initSync(where) : await glue.default(where as never);
  memory = exports.memory;
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

/** Writes a text into the scratch buffer: how many bytes it takes. `check`: of one that is not short and ASCII. */
export function writeText(text: string, check: (text: unknown) => void): number {
  // A view is void once the memory has grown; there is no room after it could not.
  if (bytes.length === 0) room === 0 ? grow(4096) : refresh();
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

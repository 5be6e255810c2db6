/** The wasm modules: loading one when it is asked for, and how keys and batches cross. */
import { copyOut, define } from "./copy.js";
import { KVError, type KVErrorCode } from "./error.js";
import { type Hot, hotCalls } from "./hot.js";
import { failureOf } from "./serializer.js";
import { putTogether, takeApart } from "./tags.js";
import { isKey, LONGEST } from "./texts.js";
import { gone, look, trap, watchOver } from "./torn.js";
import { type Glue, make } from "./wasm/glue.js";

const encoder = new TextEncoder();
// A key may begin with what a decoder takes for a byte order mark.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
/** Most keys are shorter, and a loop is faster for them than a call of the encoder. */
const SHORT = 64;
/** So many characters of keys may cross at once: no engine's texts are shorter. */
const MOST = 1 << 28;
/** So many characters of values may cross together, or so many of each. */
const TOGETHER = 1 << 22;
const LARGE = 2048;
const { join } = Array.prototype;

/** Gets at a module: where it is to be fetched from, its bytes, or itself. */
export type Source = () => Promise<URL | BufferSource | WebAssembly.Module>;

/** A module that is running. Each has its own memory, and its own numbers for values. */
export interface Core extends Hot {
  readonly glue: Glue;
  /** After a batch: gives back what no single key needs. */
  release(): void;
}

/** The modules of this runtime that have a backend, the smallest first. */
type Sources = (backend: unknown) => readonly Source[];

let sourcesOf: Sources | undefined;
const loading = new Map<Source, Promise<Core>>();

/** Says which modules there are; one is loaded when the first store that needs it is opened. */
export function from(sources: Sources): void {
  sourcesOf ??= sources;
}

/** A module that has a backend: one that is there already, or the smallest. */
export async function load(backend: unknown): Promise<Core> {
  const sources = sourcesOf?.(backend) ?? [];
  const source = sources.find((one) => loading.has(one)) ?? sources[0] ?? nowhere;
  let core = loading.get(source);
  if (core === undefined) {
    core = start(source).catch((error: unknown) => {
      loading.delete(source);
      throw new KVError("unavailable", `the WebAssembly module could not be loaded: ${String(error)}`);
    });
    loading.set(source, core);
  }
  return core;
}

const nowhere: Source = async () => {
  throw new Error("no entry point of the package was imported");
};

async function instantiate(
  from: Awaited<ReturnType<Source>>,
  imports: WebAssembly.Imports,
): Promise<WebAssembly.WebAssemblyInstantiatedSource> {
  if (from instanceof WebAssembly.Module)
    return { module: from, instance: await WebAssembly.instantiate(from, imports) };
  if (!(from instanceof URL)) return WebAssembly.instantiate(from, imports);
  const response = await fetch(from);
  if (!response.ok) throw new Error(`${response.status} ${response.statusText}: ${from}`);
  // A server that does not know the type of the file keeps it from being compiled while it comes.
  return response.headers.get("content-type") === "application/wasm"
    ? WebAssembly.instantiateStreaming(response, imports)
    : WebAssembly.instantiate(await response.arrayBuffer(), imports);
}

async function start(source: Source): Promise<Core> {
  const glue = make();
  const { instance, module } = await instantiate(await source(), glue.imports());
  const { memory } = glue.begin(instance, module);
  const crossing = crossingTo(glue, memory);
  const { values, writeText, release } = crossing;
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
      let size = 0;
      for (let at = 0; at < found.length; at++) {
        const value = values[slots[at] as number];
        if (typeof value !== "string" || value.includes("\0")) continue;
        found[at] = value;
        size += value.length;
      }
      // Large ones cross one by one: it costs no more, and takes less room.
      if (size > TOGETHER && size > LARGE * found.length) return 0;
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
      return failureOf(message, key) ?? new KVError(code, message, key);
    },
    put: define,
  });
  return { glue, release, ...hotCalls(glue, crossing) };
}

/** How keys, batches and their answers cross. */
export type Crossing = ReturnType<typeof crossingTo>;

function crossingTo(glue: Glue, memory: WebAssembly.Memory) {
  /** The values that the store keeps, under the numbers that the core gives out. */
  const values: unknown[] = [];
  let bytes = new Uint8Array(0);
  let address = 0;
  let room = 0;

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
  function writeText(text: string, check: (text: unknown) => void): number {
    // A view is void once the memory has grown; there is no room after it could not.
    if (bytes.length === 0 || trap.thrown !== undefined) refill();
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

  /** Writes the keys of a batch into the scratch buffer, joined by NUL, which no key may hold. */
  function writeKeys(keys: readonly string[]): number {
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
  function release(): void {
    if (room > 1 << 20) grow(4096);
  }

  let words = new Int32Array(0);

  /** The module's memory by words: the numbers that the last call left lie from `numbersAt()` on. A view made anew for
   * each call would cost more than a small call. */
  function numbers(): Int32Array {
    // A view is void once the memory has grown.
    if (words.length === 0) words = new Int32Array(memory.buffer);
    return words;
  }

  /** Where they lie. */
  function numbersAt(): number {
    return glue.numbers() >>> 2;
  }

  /** The texts that the last call left. */
  function texts(): string[] {
    const length = glue.texts_len();
    if (length === 0) return [];
    return decoder.decode(new Uint8Array(memory.buffer, glue.texts(), length)).split("\0");
  }

  grow(4096);
  watchOver(() => {
    glue.stop(gone);
    loading.clear();
    bytes = new Uint8Array(0);
    words = new Int32Array(0);
    room = values.length = 0;
  });
  return { values, writeText, writeKeys, release, numbers, numbersAt, texts };
}

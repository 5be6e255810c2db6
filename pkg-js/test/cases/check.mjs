// What the cases are written with: the list of them, comparison, and calls that must fail.
import { MapBackend } from "../backend.mjs";
import { show } from "../behaviour.mjs";

export const cases = [];
export const test = (name, run) => cases.push({ name, run, last: false });
/** A case that waits more than it works: it runs beside the others. */
export const aside = (name, run) => cases.push({ name, run, aside: true, last: false });
/** A case after which no store of before can be used: they run in a process of their own, or at the end. */
export const last = (name, run) => cases.push({ name, run, last: true });
export const sleep = (milliseconds) =>
  new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });

/** Same type, same content, at any depth. */
export function same(left, right) {
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null)
    return Object.is(left, right);
  if (Object.getPrototypeOf(left) !== Object.getPrototypeOf(right)) return false;
  const each = (a, b) => a.length === b.length && a.every((item, at) => same(item, b[at]));
  if (Array.isArray(left)) return each(left, right);
  if (left instanceof Date) return Object.is(left.getTime(), right.getTime());
  if (left instanceof ArrayBuffer) return each([...new Uint8Array(left)], [...new Uint8Array(right)]);
  if (ArrayBuffer.isView(left) || left instanceof Map || left instanceof Set)
    return each([...left], [...right]);
  return each(Object.entries(left), Object.entries(right));
}

/** The next `count` events, in short. */
export async function take(events, count) {
  const seen = [];
  while (seen.length < count) {
    const { done, value } = await events.next();
    if (done) return [...seen, "end"];
    seen.push(value.type === "overflow" ? "overflow" : `${value.type} ${value.key}`);
  }
  return seen;
}

export class Check {
  checks = 0;
  #opened = [];
  #after = [];

  /** `defaults`: the options of a store that names no backend. */
  constructor({ KVStore, KVError }, defaults) {
    this.KVStore = KVStore;
    this.KVError = KVError;
    this.defaults = defaults;
  }

  /** Is a store that names no backend written down? */
  get kept() {
    return this.defaults().backend !== undefined;
  }

  async open(options) {
    const named = options?.backend !== undefined || options?.config !== undefined;
    const store = await this.KVStore.open(named ? options : { ...this.defaults(), ...options });
    this.#opened.push(store);
    return store;
  }

  ok(holds, what) {
    if (!holds) throw new Error(`not so: ${what}`);
    this.checks += 1;
  }

  equal(found, wanted, what = "the result") {
    if (!same(found, wanted)) throw new Error(`${what} is ${show(found)}, not ${show(wanted)}`);
    this.checks += 1;
  }

  /** `call` gives a promise, which rejects: with a KVError of this code whose message says this. */
  async rejects(call, code, says) {
    let promise;
    try {
      promise = call();
    } catch (error) {
      throw new Error(`${call} threw synchronously: ${show(error)}`);
    }
    if (typeof promise?.then !== "function") throw new Error(`${call} gave no promise, but ${show(promise)}`);
    let error;
    try {
      const value = await promise;
      throw new Error(`${call} gave ${show(value)}, where it should fail`);
    } catch (thrown) {
      error = thrown;
    }
    if (!(error instanceof this.KVError))
      throw new Error(`${call} failed with what is no KVError: ${show(error)}`);
    if (error.code !== code) throw new Error(`${call} failed with ${show(error)}, not with ${code}`);
    for (const part of says === undefined ? [] : [says].flat()) {
      if (!error.message.includes(part))
        throw new Error(`the message ${JSON.stringify(error.message)} does not say ${JSON.stringify(part)}`);
    }
    this.checks += 1;
    return error;
  }

  /** Calls `work` once the stores are closed. */
  after(work) {
    this.#after.push(work);
  }

  async close() {
    try {
      for (const store of this.#opened) await store.close();
    } finally {
      for (const work of this.#after) await work();
    }
  }
}

/** The backends that values go through: memory keeps them here, the other takes them apart. */
export const BOTH = [
  ["memory", () => ({})],
  ["a custom backend", () => ({ backend: new MapBackend() })],
];

/** A right call of each method that takes options last. */
export const CALLS = {
  get: ["a"],
  set: ["a", 1],
  delete: ["a"],
  exists: ["a"],
  getEntry: ["a"],
  getAndDelete: ["a"],
  rename: ["a", "b"],
  copy: ["a", "b"],
  getMany: [["a"]],
  setMany: [[["a", 1]]],
  deleteMany: [["a"]],
  keys: ["**"],
  getPattern: ["**"],
  deletePattern: ["nothing.*"],
  countPattern: ["**"],
  scan: ["**"],
  getMetadata: ["a"],
  setMetadata: ["a", {}],
  replaceMetadata: ["a", {}],
  ttl: ["a"],
  expire: ["a", 10],
  persist: ["a"],
  cleanupExpired: [],
  compareAndSwap: ["a", undefined, 1],
  update: ["a", () => 1],
  increment: ["n", 1],
  append: ["t", "x"],
  namespaces: [],
  clear: [],
};
export const call = (store, method, args) =>
  method === "scan" ? store.scan(...args).next() : store[method](...args);

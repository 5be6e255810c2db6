/** What every entry point gives. */
export { Atomic } from "./atomic.js";
export { KVError, type KVErrorCode } from "./error.js";
export { KVStore } from "./store.js";
export type * from "./types.js";

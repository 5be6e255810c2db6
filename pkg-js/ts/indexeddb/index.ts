/** Opening a store in IndexedDB. */
import type { Connect } from "../connect.js";
import type { IndexedDBConfig } from "../types.js";
import type * as glue from "../wasm/dataknobs_kv.js";
import { IndexedDB } from "./device.js";

export const indexeddb: Connect = async (config: IndexedDBConfig, core, gate) => {
  const { database = "dataknobs-kv", durability = "relaxed" } = config;
  const journal = core.journal() as glue.Journal;
  return { device: new IndexedDB(database, durability, journal, gate), journal };
};

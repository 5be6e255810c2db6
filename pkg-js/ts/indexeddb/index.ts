/** Opening a store in IndexedDB. */
import type { Connect } from "../connect.js";
import type { IndexedDBConfig } from "../types.js";
import { Journal } from "../wasm/dataknobs_kv.js";
import { IndexedDB } from "./device.js";

export const indexeddb: Connect = async (config: IndexedDBConfig, gate) => {
  const { database = "dataknobs-kv", durability = "relaxed" } = config;
  const memory = new Journal();
  return { device: new IndexedDB(database, durability, memory, gate), journal: memory, memory };
};

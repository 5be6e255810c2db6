/** Opening a store in IndexedDB. */
import type { Connect } from "../connect.js";
import type { IndexedDBConfig } from "../types.js";
import { IndexedDB } from "./device.js";

export const indexeddb: Connect = async (config: IndexedDBConfig, journal, gate) => {
  const { database = "dataknobs-kv", durability = "relaxed" } = config;
  return new IndexedDB(database, durability, journal, gate);
};

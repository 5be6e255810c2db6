/** Opening a store in IndexedDB. */
import { keptBy } from "../kept.js";
import type { IndexedDBConfig } from "../types.js";
import { IndexedDB } from "./device.js";

export const indexeddb = keptBy(async ({ glue }, config: IndexedDBConfig, gate) => {
  const { database = "dataknobs-kv", durability = "relaxed" } = config;
  const memory = new glue.Journal();
  return { device: new IndexedDB(database, durability, memory, gate, glue), journal: memory, memory };
});

/** What the browser gives a site. */
import { KVError } from "./error.js";
import type { StorageInfo } from "./types.js";

/** Asks the browser; what it has not, is said. */
export async function storage(persist = false): Promise<StorageInfo> {
  const manager = globalThis.navigator?.storage;
  if (manager === undefined || (persist && manager.persist === undefined))
    throw new KVError(
      "unsupported",
      `no ${persist ? "persistence" : "storage"} of a browser can be asked for here`,
    );
  const persisted = persist ? await manager.persist() : await manager.persisted();
  const { usage = 0, quota = 0 } = await manager.estimate();
  return { usage, quota, persisted };
}

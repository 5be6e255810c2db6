/** Browsers and bundlers: the script of a backend is fetched with the first store on it. */
import { type Connect, devices } from "./connect.js";
import { KVError, said } from "./error.js";
import { fromBeside } from "./modules.js";

/** A device whose script comes when it is asked for. */
const fetched =
  (script: () => Promise<Connect>): Connect =>
  async (...given) => {
    const connect = await script().catch((cause: unknown) => {
      const service = "ServiceWorkerGlobalScope" in globalThis;
      throw new KVError(
        service ? "unsupported" : "unavailable",
        service
          ? "a service worker fetches no script later: take KVStore from dataknobs-kv/service-worker there"
          : `the script of the backend could not be loaded: ${said(cause)}`,
        undefined,
        { cause },
      );
    });
    return connect(...given);
  };

fromBeside();
// Where they are there already they stay.
devices["indexeddb"] ??= fetched(async () => (await import("./indexeddb/indexeddb.js")).indexeddb);
devices["file"] ??= fetched(async () => (await import("./file/opfs.js")).opfs);

export * from "./core.js";

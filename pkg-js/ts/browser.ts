/** Browsers and bundlers: the module is fetched from beside this file. */
import { devices } from "./connect.js";
import { opfs } from "./file/opfs.js";
import { indexeddb } from "./indexeddb/index.js";
import { from } from "./wasm.js";

from(async () => ({ module_or_path: new URL("./wasm/dataknobs_kv_bg.wasm", import.meta.url) }));

devices["indexeddb"] = indexeddb;
devices["file"] = opfs;

export * from "./core.js";

/** Browsers and bundlers: the module is fetched from beside this file. */
import { from } from "./wasm.js";

from(async () => ({ module_or_path: new URL("./wasm/dataknobs_kv_bg.wasm", import.meta.url) }));

export * from "./core.js";

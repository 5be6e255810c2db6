/** Cloudflare's workerd: a `.wasm` file is imported as a module. */
// @ts-expect-error: workerd's own kind of import
import module from "./wasm/dataknobs_kv_bg.wasm";
import { from } from "./wasm.js";

from(async () => ({ module: module as WebAssembly.Module }));

export * from "./core.js";

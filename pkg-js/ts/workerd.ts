/** Cloudflare's workerd: a `.wasm` file is imported as a module. */
// @ts-expect-error: workerd's own kind of import
import module from "./wasm/dataknobs_kv_whole_bg.wasm";
import { from } from "./wasm.js";

const whole = async () => module as WebAssembly.Module;
from(() => [whole]);

export * from "./core.js";

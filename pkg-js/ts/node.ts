/** Node, Deno and Bun: the module lies beside this file. */
import { readFile } from "node:fs/promises";
import { from } from "./wasm.js";

from(async () => ({ module: await readFile(new URL("./wasm/dataknobs_kv_bg.wasm", import.meta.url)) }));

export * from "./core.js";

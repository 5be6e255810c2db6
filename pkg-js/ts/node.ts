/** Node, Deno and Bun: the module lies beside this file. */
import { readFile } from "node:fs/promises";
import { devices } from "./connect.js";
import { file } from "./file/node.js";
import { from } from "./wasm.js";

const whole = () => readFile(new URL("./wasm/dataknobs_kv_node_bg.wasm", import.meta.url));
from(() => [whole]);
devices["file"] = file;

export * from "./core.js";

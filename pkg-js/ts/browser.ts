/** Browsers and bundlers: the smallest module that has the backend is fetched from beside this file. */
import { devices } from "./connect.js";
import { opfs } from "./file/opfs.js";
import { indexeddb } from "./indexeddb/index.js";
import { from } from "./wasm.js";

/** Memory, IndexedDB. */
const kept = async () => new URL("./wasm/dataknobs_kv_bg.wasm", import.meta.url);
/** The same, and files. */
const file = async () => new URL("./wasm/dataknobs_kv_file_bg.wasm", import.meta.url);
/** All of it: backends of one's own. */
const whole = async () => new URL("./wasm/dataknobs_kv_whole_bg.wasm", import.meta.url);

const modules = [kept, file, whole];
from((backend) => modules.slice(typeof backend !== "string" ? 2 : backend === "file" ? 1 : 0));

devices["indexeddb"] = indexeddb;
devices["file"] = opfs;

export * from "./core.js";

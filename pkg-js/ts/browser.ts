/** Browsers and bundlers: the smallest module that has the backend is fetched from beside this file. */
import { devices } from "./connect.js";
import { opfs } from "./file/opfs.js";
import { indexeddb } from "./indexeddb/index.js";
import { from } from "./wasm.js";

/** Memory. */
const memory = async () => new URL("./wasm/dataknobs_kv_bg.wasm", import.meta.url);
/** The same, and IndexedDB. */
const kept = async () => new URL("./wasm/dataknobs_kv_indexeddb_bg.wasm", import.meta.url);
/** The same, and files. */
const file = async () => new URL("./wasm/dataknobs_kv_file_bg.wasm", import.meta.url);
/** All of it: backends of one's own. */
const whole = async () => new URL("./wasm/dataknobs_kv_whole_bg.wasm", import.meta.url);

const modules = [memory, kept, file, whole];
/** The first of them that has a backend; what is no backend at all is refused by any. */
const first = (backend: unknown) =>
  typeof backend !== "string" ? 3 : backend === "file" ? 2 : backend === "indexeddb" ? 1 : 0;
from((backend) => modules.slice(first(backend)));

devices["indexeddb"] = indexeddb;
devices["file"] = opfs;

export * from "./core.js";

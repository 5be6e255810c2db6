/** The modules of browsers: the smallest that has the backend is fetched from beside this file. */
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

/** Says where they are. */
export const fromBeside = (): void => from((backend) => modules.slice(first(backend)));

/** Service workers, which may fetch no script later: all of it at once. */
import { devices } from "./connect.js";
import { opfs } from "./file/opfs.js";
import { indexeddb } from "./indexeddb/indexeddb.js";
import { fromBeside } from "./modules.js";

fromBeside();
devices["indexeddb"] = indexeddb;
devices["file"] = opfs;

export * from "./core.js";

// A module worker, which has no import map: the file by its path.
import * as kv from "../../node_modules/dataknobs-kv/dist/browser.js";
import { conformance } from "../../node_modules/dataknobs-kv/dist/conformance.js";
import { suite } from "../suite.mjs";
import table from "../table.mjs";

postMessage(await suite(kv, conformance, table));

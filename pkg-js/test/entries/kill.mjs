// Writes until the browser is killed, in a page and a worker of it; says of each write that it was
// acknowledged, and when it begins again, what is there.
import { KVStore } from "../../node_modules/dataknobs-kv/dist/browser.js";
import { make, reached } from "./writes.mjs";

const inPage = typeof document !== "undefined";
const WRITERS = inPage ? [0, 1] : [2, 3];
const server = new URL(location.href).searchParams.get("server");
const tell = (what) => fetch(server, { method: "POST", body: JSON.stringify(what) });

async function main() {
  const config = { database: "killed", durability: "strict" };
  const store = await KVStore.open({ backend: "indexeddb", config });
  const known = await (await fetch(server)).json();
  const at = {};
  for (const who of WRITERS) at[who] = await reached(store, who, known[who] ?? 0);
  await tell({ opened: at });
  await Promise.all(
    WRITERS.map(async (who) => {
      for (let next = at[who] + 1; ; next++) {
        await make(store, who, next);
        tell({ who, at: next }).catch(() => {});
      }
    }),
  );
}

if (inPage) new Worker(location.href.replace("kill.html", "kill.mjs"), { type: "module" });
main().catch((error) => tell({ error: String(error?.stack ?? error) }));

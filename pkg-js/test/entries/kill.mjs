// Writes until the browser is killed, in a page and a worker of it; says of each write that it was
// acknowledged, and when it begins again, what is there.
import { KVStore } from "../../node_modules/dataknobs-kv/dist/browser.js";
import { make, reached } from "./writes.mjs";

const inPage = typeof document !== "undefined";
const WRITERS = inPage ? [0, 1] : [2, 3];
const server = new URL(location.href).searchParams.get("server");
const tell = (what) => fetch(server, { method: "POST", body: JSON.stringify(what) });

async function main() {
  const made = await witness();
  const config = { database: "killed", durability: "strict" };
  const store = await KVStore.open({ backend: "indexeddb", config });
  const known = await (await fetch(`${server}?made=${made}`)).json();
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
const done = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/** A database that the library has nothing to do with: where it is empty, the browser has lost more than ours. */
async function witness() {
  const request = indexedDB.open("witness");
  request.onupgradeneeded = () => request.result.createObjectStore("kv").put(Date.now(), "made");
  const db = await done(request);
  const made = await done(db.transaction("kv").objectStore("kv").get("made"));
  db.close();
  return new Date(made).toISOString();
}

/** What lies in the database itself. */
async function raw() {
  const db = await done(indexedDB.open("killed"));
  const store = db.transaction("kv").objectStore("kv");
  const [manifest, keys] = await Promise.all([done(store.get("manifest")), done(store.getAllKeys())]);
  db.close();
  const { pages, ...rest } = manifest ?? {};
  return JSON.stringify({ ...rest, pages: pages?.length, keys: keys.length, last: keys.slice(-3) });
}

main().catch(async (error) => {
  const [there, made] = await Promise.all([raw(), witness()].map((one) => one.catch(String)));
  const now = new Date().toISOString();
  await tell({
    error: `${error?.stack ?? error}; at ${now} there is ${there}; the browser's data begins at ${made}`,
  });
});

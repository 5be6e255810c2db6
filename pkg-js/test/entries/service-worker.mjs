// A module service worker, where a module may not await at its top level.
import * as kv from "../../node_modules/dataknobs-kv/dist/service-worker.js";
import { behaviour, database } from "../behaviour.mjs";
import table from "../table.mjs";

const stores = {};

/** What a store says, on each backend; the second time it is still open. */
async function answer(backend) {
  stores[backend] ??= await kv.KVStore.open({ backend, namespace: "sw", config: CONFIG[backend] });
  const store = stores[backend];
  await store.set("users.1.name", new Map([["Ada", [1]]]));
  return [
    (await store.get("users.1.name")).get("Ada")[0],
    (await store.keys("users.*.name")).length,
    await store.increment("n"),
  ];
}
const CONFIG = { indexeddb: { database: "sw" }, file: { path: "sw/store.json" } };

const indexeddb = () => ({ backend: "indexeddb", config: { database: database() } });
const ASKED = {
  smoke: () => Promise.all(["memory", "indexeddb", "file"].map(answer)),
  table: () => behaviour(kv, table, indexeddb),
};

self.addEventListener("install", (event) => event.waitUntil(self.skipWaiting()));
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("message", (event) => {
  event.waitUntil(
    ASKED[event.data]().then(
      (result) => event.source.postMessage({ result }),
      (error) => event.source.postMessage({ error: String(error) }),
    ),
  );
});

// A module service worker, where a module may not await at its top level.
import { KVStore } from "../../node_modules/dataknobs-kv/dist/browser.js";

let store;

async function answer() {
  store ??= await KVStore.open({ namespace: "sw" });
  await store.set("users.1.name", new Map([["Ada", [1]]]));
  return [
    (await store.get("users.1.name")).get("Ada")[0],
    (await store.keys("users.*.name")).length,
    await store.increment("n"),
  ];
}

self.addEventListener("install", (event) => event.waitUntil(self.skipWaiting()));
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("message", (event) => {
  event.waitUntil(
    answer().then(
      (result) => event.source.postMessage({ result }),
      (error) => event.source.postMessage({ error: String(error) }),
    ),
  );
});

// A module service worker with the entry of windows: a service worker may fetch no script later.
import { KVStore } from "../../node_modules/dataknobs-kv/dist/browser.js";

const opened = (backend, config) =>
  KVStore.open({ backend, config }).then(
    () => "opened",
    ({ name, code, message }) => [name, code, message.includes("dataknobs-kv/service-worker")].join(),
  );

self.addEventListener("install", (event) => event.waitUntil(self.skipWaiting()));
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("message", (event) => {
  const all = [opened("memory"), opened("indexeddb", {}), opened("file", { path: "late.json" })];
  event.waitUntil(Promise.all(all).then((result) => event.source.postMessage({ result })));
});

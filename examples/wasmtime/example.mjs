// A store inside a WebAssembly component, used from Node through jco: see README.md.
import { store } from "./node_modules/.kv/kv.js";

const kv = store.Store.open({ backend: "memory", namespace: "" });

kv.set("users.1.name", { tag: "text", val: "Ada" });
kv.set("users.1.tags", { tag: "json", val: '["admin",1.5]' });
kv.set("session", { tag: "boolean", val: true }, {
  ttlMs: 60_000n, ifAbsent: true, keepTtl: false, keepMetadata: false,
});
kv.increment("visits", { tag: "integer", val: 1n });

console.log(kv.get("users.1.name"));
console.log(kv.get("nobody"));
console.log(kv.keys("users.*.*"));
console.log(kv.increment("visits", { tag: "integer", val: 41n }));
console.log(kv.ttl("session").tag);

// An error is thrown, with the record under `payload`.
try {
  kv.get("users..name");
} catch ({ payload }) {
  console.log(`${payload.kind}: ${payload.message}`);
}

kv.close();

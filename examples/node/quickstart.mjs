// The quick start of the README: `make run` builds the package and runs it.
import { KVStore } from "dataknobs-kv";

const store = await KVStore.open();
await store.set("users.1.name", "Ada");
await store.set("users.2.name", "Grace", { ttl: 3600, metadata: { source: "import" } });
console.log(await store.get("users.1.name")); // Ada
console.log(await store.keys("users.*.name")); // [ 'users.1.name', 'users.2.name' ]
console.log(await store.increment("visits")); // 1
console.log(await store.set("users.1.name", "Eve", { ifAbsent: true })); // false
for await (const { key, value } of store.scan("users.**")) console.log(key, value);
await store.close();

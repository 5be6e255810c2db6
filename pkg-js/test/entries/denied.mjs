// Deno without permission to write.
import { KVError, KVStore } from "dataknobs-kv";

const error = await KVStore.open({ backend: "file", config: { path: "denied.json" } }).catch(
  (error) => error,
);
const right =
  error instanceof KVError &&
  error.code === "access-denied" &&
  ["denied.json", "--allow-write"].every((part) => error.message.includes(part));
const failures = right ? [] : [`a file that may not be written: ${error}`];
const parts = { denied: { passed: 1 - failures.length, failed: failures.length, milliseconds: 0 } };
console.log(`RESULT ${JSON.stringify({ parts, failures })}`);

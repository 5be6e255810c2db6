// A runtime's own `AbortSignal` is what the options take.
import { KVStore, type Signal } from "dataknobs-kv";

export async function aborted(): Promise<unknown> {
  const { signal } = new AbortController();
  const same: Signal = signal;
  const store = await KVStore.open({ signal });
  await store.set("a", 1, { signal, ttl: 5 });
  await store.atomic().set("a", 1).commit({ signal });
  return store.get("a", { signal: AbortSignal.any([signal, AbortSignal.timeout(5)]) ?? same });
}

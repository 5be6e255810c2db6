// `await using` needs lib ESNext.Disposable, which the tests of the other types go without.
import { KVStore } from "dataknobs-kv";

export async function using(): Promise<unknown> {
  await using store = await KVStore.open();
  return store.get("a");
}

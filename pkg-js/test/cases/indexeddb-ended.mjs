// Stores in IndexedDB whose connection the browser, or who deletes the database, has ended.
import { failing, kept, soon, tab } from "./tabs.mjs";

const done = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

kept(
  "a transaction that never ends, as the browser has closed the database, ends its calls",
  async (t, database) => {
    const store = await tab(t, database);
    await store.set("a", 1);
    await failing(
      database,
      "add",
      (call, { transaction }) => {
        const request = call();
        transaction.oncomplete = transaction.onabort = null;
        queueMicrotask(() => transaction.db.dispatchEvent(new Event("close")));
        return request;
      },
      () => t.rejects(() => store.set("a", 2), "outcome-unknown", database),
    );
    t.ok([1, 2].includes(await store.get("a")), "what there is, is read");
    t.equal(await store.set("a", 3), true);
    t.equal(await store.get("a"), 3);
  },
);

kept("a database whose deletion another page blocks is refused in time", async (t, database) => {
  const store = await tab(t, database);
  await store.set("a", 1);
  const blocking = await done(indexedDB.open(database));
  const deleting = done(indexedDB.deleteDatabase(database));
  const { setTimeout: later } = globalThis;
  globalThis.setTimeout = (call, ms, ...rest) => later(call, ms >= 10_000 ? 100 : ms, ...rest);
  try {
    // Its own connection is closed by the deletion.
    await soon(
      t,
      () =>
        store.set("a", 2).then(
          () => false,
          (error) => error.code === "timeout",
        ),
      "a timeout",
    );
  } finally {
    globalThis.setTimeout = later;
  }
  blocking.close();
  await deleting;
  t.equal(await store.get("a"), undefined);
  t.equal(await store.set("a", 3), true);
});

// A caller that recurses without an end tears a call off in the middle of the module.
import { MapBackend } from "../backend.mjs";
import { last, sleep } from "./check.mjs";

/** Calls `work` at each depth until the stack is used up: what became of each. */
function recurse(work) {
  const results = [];
  const deeper = () => {
    results.push(
      work().then(
        () => undefined,
        (error) => error,
      ),
    );
    deeper();
  };
  try {
    deeper();
  } catch {
    // That it ends so is what this is about.
  }
  return Promise.all(results);
}

const CALLS = {
  increment: (store) => store.increment("n"),
  set: (store) => store.set("k", { deep: [1] }),
  "set with metadata": (store) => store.set("k", 1, { metadata: { a: 1 } }),
  getEntry: (store) => store.getEntry("n"),
  getPattern: (store) => store.getPattern("**"),
  keys: (store) => store.keys(),
};

last(
  "after a call that was torn off, stores work or say that they are closed, and a new one works",
  async (t) => {
    for (const [name, call] of Object.entries(CALLS)) {
      const options = t.defaults();
      const store = await t.KVStore.open(options);
      await store.set("n", 0);
      const beside = await t.KVStore.open();
      await beside.set("k", 1);
      const events = beside.watch();
      const event = events.next().catch((error) => error);
      const backend = new MapBackend();
      let release;
      backend.read = () => new Promise((resolve) => (release = resolve));
      const slow = await t.KVStore.open({ backend, autoCleanup: false });
      const late = slow.get("a").catch((error) => error);

      const errors = (await recurse(() => call(store))).filter((error) => error !== undefined);
      // What the engine throws before a call goes into the module.
      const full = (error) => error instanceof RangeError || error.name === "InternalError";
      const foreign = errors.find((error) => !(error instanceof t.KVError || full(error)));
      t.equal(foreign, undefined, `${name}: ${foreign}`);
      await sleep(0);
      let closed = 0;
      for (const one of [store, beside]) {
        const found = await one.get("k").catch((error) => error);
        if (!(found instanceof t.KVError)) continue;
        closed++;
        t.equal(found.code, "closed", `${name}: ${found.message}`);
        t.ok(found.message.includes("open a new store"), found.message);
        for (const each of [
          () => one.set("k", 2),
          () => one.increment("n"),
          () => one.keys(),
          () => one.namespace("a"),
        ])
          t.equal((await each().catch((error) => error))?.code, "closed", `${name}, ${each}`);
        t.equal((await one.close().catch((error) => error))?.code, "closed", `${name}: close`);
      }
      t.ok(closed !== 1, `${name}: all stores are closed, or none`);
      if (closed === 0) {
        release([undefined]);
        await beside.set("k", 2);
        await Promise.all([store, beside, slow].map((one) => one.close()));
      } else {
        t.equal((await late)?.code, "outcome-unknown", `${name}: ${await late}`);
        t.equal((await event)?.code, "outcome-unknown", `${name}: ${await event}`);
      }

      const again = await t.KVStore.open(options);
      if (t.kept) t.ok((await again.get("n")) >= 0, `${name}: what was acknowledged is there`);
      for (let at = 0; at < 100; at++) await again.set(`again.${at}`, { at });
      t.equal((await again.get("again.7"))?.at, 7, name);
      t.equal(await again.countPattern("again.*"), 100, name);
      await again.close();
    }
  },
);

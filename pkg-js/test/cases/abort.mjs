// Calls under an AbortSignal.
import { MapBackend } from "../backend.mjs";
import { show } from "../behaviour.mjs";
import { CALLS, call, sleep, test } from "./check.mjs";

/** A backend that answers after a while. */
class Slow extends MapBackend {
  delay = 600;
  async read(keys) {
    await sleep(this.delay);
    return super.read(keys);
  }
  async commit(batch) {
    await sleep(this.delay);
    return super.commit(batch);
  }
  async scan(query) {
    await sleep(this.delay);
    return super.scan(query);
  }
  async namespaces() {
    await sleep(this.delay);
    return super.namespaces();
  }
}

test("an update that is aborted while its function runs writes nothing", async (t) => {
  for (const options of [{}, { backend: new MapBackend(), autoCleanup: false }]) {
    const store = await t.open(options);
    await store.set("k", "old");
    const stop = new AbortController();
    let end;
    const running = new Promise((resolve) => {
      end = resolve;
    });
    const updated = store.update("k", () => running, { signal: stop.signal }).catch((error) => error);
    await sleep(0);
    stop.abort(new Error("stop"));
    t.ok((await updated) === stop.signal.reason, "it rejects with the reason");
    end("new");
    await sleep(20);
    t.equal(await store.get("k"), "old");
  }
});

test("an abort rejects with the signal's reason", async (t) => {
  const memory = await t.open();
  const slow = new Slow();
  const store = await t.open({ backend: slow, autoCleanup: false });
  for (const reason of [new Error("enough"), "a text", undefined]) {
    const signal = AbortSignal.abort(reason);
    for (const [method, args] of Object.entries(CALLS)) {
      for (const one of [memory, store]) {
        const got = await call(one, method, [...args, { signal }]).then(
          () => "no error",
          (error) => ({ error }),
        );
        t.ok(
          got.error === signal.reason,
          `${method} under a signal that is aborted: ${show(got.error ?? got)}`,
        );
      }
    }
    const opened = await t.KVStore.open({ signal }).then(
      () => "no error",
      (error) => error,
    );
    t.ok(opened === signal.reason, "open");
  }
  for (const one of [memory, store]) {
    const signal = AbortSignal.abort(new Error("before"));
    const error = await one
      .atomic()
      .set("a", 1)
      .commit({ signal })
      .catch((thrown) => thrown);
    t.ok(error === signal.reason, "atomic().commit under a signal that is aborted");
  }
  t.equal(await memory.keys(), [], "what was written under a signal that was aborted");
  t.equal(slow.spaces.size, 0, "what reached the backend");
  // In the middle: all at once, each at the backend's delay of 600 ms.
  const reason = new Error("in the middle");
  // One signal for all of them: Node warns of more than ten listeners.
  const controller = new AbortController();
  const start = Date.now();
  const committed = store.atomic().set("a", 1).commit({ signal: controller.signal });
  const pending = Object.entries(CALLS).map(async ([method, args]) => {
    const got = await call(store, method, [...args, { signal: controller.signal }]).then(
      () => "no error",
      (error) => ({ error }),
    );
    t.ok(got.error === reason, `${method} that was aborted in the middle: ${show(got.error ?? got)}`);
  });
  setTimeout(() => controller.abort(reason), 20);
  await Promise.all(pending);
  t.ok(
    (await committed.then(
      () => "no error",
      (error) => error,
    )) === reason,
    "atomic().commit",
  );
  t.ok(Date.now() - start < 500, `they ended with the abort, not with the backend: ${Date.now() - start} ms`);
  slow.delay = 0;
  await sleep(650);
  t.equal(await store.set("usable", 1, { signal: new AbortController().signal }), true);
  t.equal(await store.get("usable", { signal: AbortSignal.timeout(60_000) }), 1);
  const late = new AbortController();
  t.equal(await memory.set("a", 1, { signal: late.signal }), true);
  late.abort();
  t.equal(await memory.get("a"), 1, "an abort after the end changes nothing");
  const scanning = new AbortController();
  await memory.setMany({ b: 1, c: 1 });
  const iterator = memory.scan("**", { signal: scanning.signal });
  await iterator.next();
  scanning.abort(reason);
  t.ok(
    (await iterator.next().then(
      () => undefined,
      (error) => error,
    )) === reason,
    "a scan that is aborted between two entries",
  );
});

test("an error of the engine's for a reason harms nobody", async (t) => {
  const store = await t.open();
  const reason = new RangeError("too late");
  const controller = new AbortController();
  const calls = [
    store.set("a", 1, { signal: controller.signal }),
    store.get("a", { signal: controller.signal }),
  ];
  controller.abort(reason);
  for (const found of await Promise.all(calls.map((call) => call.catch((error) => error))))
    t.ok(found === true || found === 1 || found === undefined || found === reason, String(found));
  await store.set("b", 2);
  t.equal(await store.get("b"), 2);
});

test("a signal is let go of when the last call ends", async (t) => {
  const store = await t.open({ backend: new MapBackend(), autoCleanup: false });
  const { signal } = new AbortController();
  let listeners = 0;
  let most = 0;
  const counted = {
    get aborted() {
      return signal.aborted;
    },
    get reason() {
      return signal.reason;
    },
    throwIfAborted: () => signal.throwIfAborted(),
    addEventListener() {
      listeners += 1;
      most = Math.max(most, listeners);
    },
    removeEventListener() {
      listeners -= 1;
    },
  };
  for (let round = 0; round < 3; round++) {
    await Promise.all(Array.from({ length: 50 }, () => store.get("a", { signal: counted })));
    await sleep(0);
    t.equal([most, listeners], [1, 0], "listeners on a signal that 50 calls share, at most and at the end");
  }
});

test("a call that is aborted asks the backend nothing more", async (t) => {
  const asked = [];
  const backend = new (class extends MapBackend {
    async read(keys) {
      asked.push("read");
      await sleep(20);
      return super.read(keys);
    }
    async commit(batch) {
      asked.push("commit");
      return super.commit(batch);
    }
  })();
  const store = await t.open({ backend, autoCleanup: false });
  const reason = new Error("enough");
  for (const begin of [
    (options) => store.increment("a", 1, options),
    (options) => store.update("a", () => 1, options),
    (options) => store.set("a", 1, { ifAbsent: true, ...options }),
    (options) => store.rename("a", "b", options),
    (options) => store.compareAndSwap("a", undefined, 1, options),
  ]) {
    asked.length = 0;
    const controller = new AbortController();
    const pending = begin({ signal: controller.signal }).catch((thrown) => thrown);
    controller.abort(reason);
    t.ok((await pending) === reason, "it rejects with the reason");
    await sleep(60);
    t.ok(!asked.includes("commit"), `${begin} asked ${asked}`);
  }
  t.equal(backend.spaces.get("")?.size ?? 0, 0, "how much was written");
});

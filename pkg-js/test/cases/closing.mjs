import { MapBackend } from "../backend.mjs";
import { test } from "./check.mjs";

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A backend that takes its time and counts what is asked of it. */
class Counting extends MapBackend {
  asked = 0;
  closed = false;
  delay = 5;

  async #wait() {
    this.asked++;
    await sleep(this.delay);
  }

  async read(keys) {
    await this.#wait();
    return super.read(keys);
  }

  async commit(batch) {
    await this.#wait();
    return super.commit(batch);
  }

  async scan(query) {
    await this.#wait();
    return super.scan(query);
  }

  close() {
    this.closed = this.asked;
  }
}

test("nothing more is asked of a backend once its store is closed", async (t) => {
  for (const call of [
    (store) => store.setMany(Array.from({ length: 20 }, (_, at) => [`k.${at}`, at])),
    (store) => store.increment("n"),
    (store) => store.update("n", () => sleep(20).then(() => 1)),
    (store) => store.keys("**"),
  ]) {
    const backend = new Counting();
    const store = await t.open({ backend, autoCleanup: false });
    const result = call(store).catch((error) => error);
    await sleep(2);
    await store.close();
    t.equal((await result)?.code, "closed", String(call));
    await sleep(30);
    t.equal(backend.asked, backend.closed, String(call));
  }
});

test("a round of clean-up is not overtaken by the next", async (t) => {
  const backend = new Counting();
  let running = 0;
  let most = 0;
  backend.namespaces = async () => {
    most = Math.max(most, ++running);
    await sleep(60);
    running--;
    return [];
  };
  const store = await t.open({ backend, cleanupInterval: 0.01 });
  await sleep(200);
  await store.close();
  t.equal(most, 1);
});

test("a function that writes its own key leaves others their turn, and comes to an end", async (t) => {
  const store = await t.open();
  // Where each turn is written down, it is let go of early.
  const most = t.kept ? 500 : Infinity;
  let turns = 0;
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  const error = await store
    .update("k", async () => {
      turns++;
      if (turns <= most) await store.set("k", turns);
      return 0;
    })
    .catch((thrown) => thrown);
  clearInterval(timer);
  if (t.kept) t.equal(error, 0);
  else t.equal([error.code, error.key], ["conflict", "k"]);
  t.equal(ticks > (t.kept ? 2 : 5), true, `${ticks} ticks in ${turns} turns`);
});

test("of a batch over write only what does not fit fails", async (t) => {
  const backend = Object.assign(new MapBackend(), { limits: { maxValue: 200, losesAnswers: false } });
  backend.write = (batch) => Promise.all(batch.map((one) => backend.commit([one])));
  const store = await t.open({ backend });
  const error = await store
    .setMany([
      ["a", "x"],
      ["b", "y".repeat(500)],
      ["c", "z"],
    ])
    .catch((thrown) => thrown);
  t.equal(
    error.results.map((result) => result === true || [result.code, result.key]),
    [true, ["invalid-argument", "b"], true],
  );
  t.equal(await store.getMany(["a", "b", "c"]), ["x", undefined, "z"]);
});

test("an aborted keys() asks for no further page", async (t) => {
  const backend = new Counting();
  const store = await t.open({ backend, autoCleanup: false });
  await store.setMany(Array.from({ length: 30 }, (_, at) => [`k.${at}`, at]));
  backend.asked = 0;
  const controller = new AbortController();
  const reason = new Error("enough");
  const keys = store.keys("**.none", { limit: 1, signal: controller.signal });
  controller.abort(reason);
  t.equal(await keys.catch((error) => error), reason);
  await sleep(60);
  t.equal(backend.asked <= 1, true, `${backend.asked} requests`);
});

test("update rejects with the signal's reason, whatever its function throws", async (t) => {
  const store = await t.open();
  const controller = new AbortController();
  const own = () =>
    new Promise((_, reject) => controller.signal.addEventListener("abort", () => reject(new Error("own"))));
  const update = store.update("k", own, { signal: controller.signal });
  const reason = new Error("enough");
  await sleep(1);
  controller.abort(reason);
  t.equal(await update.catch((error) => error), reason);
  await t.rejects(() => store.get("k", { signal: { throwIfAborted() {} } }), "invalid-argument");
  await t.rejects(() => t.KVStore.open({ backend: "redis", config: null }), "invalid-argument");
});

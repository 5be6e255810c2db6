// Stores in IndexedDB when something goes wrong: what was acknowledged stays, and the store goes on.
import { show } from "../behaviour.mjs";
import { sleep, take } from "./check.mjs";
import {
  contents,
  deaf,
  deleted,
  failing,
  folded,
  kept,
  long,
  manifestOf,
  onOpen,
  optionsOf,
  soon,
  stranger,
  tab,
} from "./tabs.mjs";

/** The write fails as it does when there is no room. */
const full = (database, work) =>
  failing(
    database,
    "add",
    () => {
      throw new DOMException("no room", "QuotaExceededError");
    },
    work,
  );

kept("a group that could not be written is taken back, and the store goes on", async (t, database) => {
  const store = await tab(t, database);
  const other = await tab(t, database);
  await store.setMany({ a: 1, b: 1 });
  const { version } = await store.getEntry("a");
  const events = store.watch();
  await full(database, async () => {
    const calls = [
      store.set("a", 2),
      store.delete("b"),
      store.increment("n"),
      store.update("a", (old) => old + 1),
    ];
    // Who only reads needs no room.
    const [read, keys] = [store.get("a"), store.keys()];
    for (const call of calls) await t.rejects(() => call, "quota-exceeded", database);
    t.equal([await read, await keys], [1, ["a", "b"]], "what was read in the same tick");
    await t.rejects(() => store.clear(), "quota-exceeded");
  });
  t.equal(await store.getMany(["a", "b", "n"]), [1, 1, undefined]);
  t.equal((await store.getEntry("a")).version, version);
  t.equal(await store.increment("a"), 2);
  t.equal(await take(events, 1), ["set a"]);
  await soon(t, async () => (await other.get("a")) === 2, "the other tab sees it");
});

/** The group is not written again where others were first. */
const once = (database, work) =>
  failing(
    database,
    "add",
    (call, _, block) => {
      if (block instanceof Uint8Array) throw new DOMException("no room", "QuotaExceededError");
      return call();
    },
    work,
  );

kept("a group that fails after others were first keeps what they wrote", async (t, database) => {
  const one = await tab(t, database);
  await one.set("n", 1);
  const two = await deaf(t, database);
  await one.set("n", 10);
  await one.set("m", 1);
  await once(database, () =>
    t.rejects(() => two.increment("n"), "quota-exceeded", [database, "store.storage()"]),
  );
  t.equal(await two.getMany(["n", "m"]), [10, 1]);
  t.equal(await two.increment("n"), 11);
  t.equal(await one.increment("n"), 12);
});

kept("what was committed after others and never written anew counts for nobody", async (t, database) => {
  const one = await tab(t, database);
  await one.setMany({ n: 1, gone: 1 });
  const seen = await deaf(t, database);
  /** As a tab that is killed between its two transactions. */
  const late = async (work) => {
    const two = await deaf(t, database);
    await one.set("n", 10);
    await once(database, () => t.rejects(() => work(two), "quota-exceeded"));
    await two.close();
  };
  const right = async (store, when) => {
    t.equal(await store.increment("looks", 0), 0, when);
    t.equal(await store.getMany(["n", "gone", "late"]), [10, 1, undefined], when);
    t.equal(await store.keys(), ["gone", "looks", "n"], when);
  };
  await late((two) => two.increment("n"));
  await late((two) => two.delete("gone"));
  await late((two) => two.set("late", long("late", 100_000)));
  const fresh = async (when) => {
    const store = await tab(t, database);
    await right(store, when);
    await store.close();
  };
  await right(seen, "a tab behind them");
  await fresh("opened");
  await right(one, "a tab that wrote between them");
  for (let round = 0; round < 520; round++) await one.set("n", round % 2 === 0 ? round : 10);
  await soon(t, async () => (await contents(database)).length < 520, "small blocks become one");
  await fresh("merged");
  await late((two) => two.delete("gone"));
  await one.set("large", long("large", 5_000_000));
  await folded(t, database);
  await one.delete("large");
  await fresh("folded");
  await right(seen, "a tab that saw nothing of it");
});

kept("a store that cannot read all of it says so until it can", async (t, database) => {
  const one = await tab(t, database);
  await one.setMany({ a: 1, b: 2 });
  const two = await tab(t, database);
  await deleted(database);
  await failing(
    database,
    "getAll",
    () => {
      throw new DOMException("no", "UnknownError");
    },
    async () => {
      await t.rejects(() => two.get("a"), "unavailable", database);
      await t.rejects(() => two.set("c", 1), "unavailable");
      await t.rejects(() => two.keys(), "unavailable");
    },
  );
  t.equal(await two.keys(), []);
  await two.set("c", 1);
  t.equal(await two.keys(), ["c"]);
});

kept("folding that fails is tried again later, and loses nothing", async (t, database) => {
  const store = await tab(t, database);
  const value = (at) => long(at, 40_000);
  await failing(
    database,
    "put",
    (call, _, __, key) => {
      if (typeof key !== "number") throw new DOMException("no room", "QuotaExceededError");
      return call();
    },
    async () => {
      for (let at = 0; at < 110; at++) await store.set(`k.${at}`, value(at));
    },
  );
  for (let at = 0; at < 110; at += 2) await store.delete(`k.${at}`);
  for (let at = 110; at < 240; at++) await store.set(`k.${at}`, value(at));
  await store.close();
  t.ok((await manifestOf(database)).epoch > 0, "it was folded in the end");
  const again = await tab(t, database);
  t.equal((await again.keys()).length, 185);
  for (let at = 1; at < 110; at += 2) t.equal(await again.get(`k.${at}`), value(at));
});

kept("a database that is deleted under a store is an empty one to it", async (t, database) => {
  const one = await tab(t, database);
  const two = await tab(t, database);
  await one.setMany({ a: 1, b: 2 });
  await soon(t, async () => (await two.keys()).length === 2, "both see it");
  const events = one.watch();
  const { version } = await one.getEntry("a");
  await deleted(database);
  t.equal(await one.get("a"), undefined);
  t.equal(await take(events, 1), ["overflow"]);
  t.equal(await one.increment("n"), 1);
  t.equal(await two.increment("n"), 2);
  await one.set("a", 1);
  t.ok((await one.getEntry("a")).version !== version, "the version is another one");
  t.equal(await two.keys(), ["a", "n"].slice(2 - (await two.countPattern("**"))));
  // In the middle of writes: what is in memory is what is in the database.
  for (let round = 0; round < 15; round++) {
    const calls = Array.from({ length: 8 }, (_, at) => one.set(`r.${round}.${at}`, at).then(() => sleep(0)));
    if (round % 3 > 0) await sleep(round % 3);
    const gone = deleted(database);
    calls.push(...Array.from({ length: 8 }, (_, at) => two.set(`s.${round}.${at}`, at)));
    await Promise.all(calls);
    await gone;
    await one.increment("n");
    const fresh = await tab(t, database);
    const wanted = await fresh.keys();
    await fresh.close();
    await two.increment("n");
    t.equal(await one.keys(), wanted);
    t.equal((await two.keys()).length, wanted.length);
  }
});

kept("another page may ask for a newer database, which is then refused", async (t, database) => {
  const store = await tab(t, database);
  await store.set("a", 1);
  await stranger(database, { version: 2 });
  for (const call of [() => store.get("a"), () => store.set("a", 2), () => store.increment("n")])
    await t.rejects(call, "corrupt", [database, "newer version"]);
  await t.rejects(() => tab(t, database), "corrupt", [database, "newer version"]);
  await store.close();
  const found = await contents(database);
  t.equal(found.length, 3, "a manifest and blocks, of which one is where the numbers begin,");
});

kept("what is no store of ours is refused, and nothing of it written", async (t, database) => {
  const refused = async (name, says, opened) => {
    const before = opened ?? (await contents(name));
    for (let round = 0; round < 2; round++)
      await t.rejects(() => tab(t, name), "corrupt", [JSON.stringify(name), says]);
    if (opened === undefined) t.equal(await contents(name), before, says);
  };
  const foreign = `${database} foreign`;
  await stranger(foreign, { upgrade: (db) => db.createObjectStore("notes") });
  await refused(foreign, "no store of this library", []);
  for (const [what, parameters] of Object.entries({ keyed: { keyPath: "id" }, manual: {} })) {
    const name = `${database} ${what}`;
    await stranger(name, { upgrade: (db) => db.createObjectStore("kv", parameters) });
    await refused(name, "no store of this library");
  }
  for (const [what, says, put] of [
    ["newer manifest", "newer version", (store) => store.put({ format: 3, pages: [] }, "manifest")],
    ["odd manifest", "no store of this library", (store) => store.put("x", "manifest")],
    ["objects", "no store of this library", (store) => store.add({ a: 1 })],
    ["texts", "no store of this library", (store) => store.put("text", "key")],
    ["newer block", "format version 9", (store) => store.add(new Uint8Array([9, 0]))],
    ["damaged block", "damaged", (store) => store.add(new Uint8Array([1, 0, 0x61]))],
    ["damaged page", "damaged", (store) => store.put(new Uint8Array([1, 0, 0x61]), "page")],
    ["empty block", "damaged", (store) => store.add(new Uint8Array())],
  ]) {
    const name = `${database} ${what}`;
    const store = await tab(t, name);
    await store.setMany({ a: 1, b: 2 });
    await store.close();
    await stranger(name, { work: (kv, result) => result(put(kv)) });
    await refused(name, says);
  }
});

kept("a store that meets damage while open answers nothing by halves", async (t, database) => {
  const store = await tab(t, database, { consistency: "strong" });
  await store.setMany({ a: 1 });
  const key = await stranger(database, {
    work: (kv, result) => result(kv.add(new Uint8Array([1, 0, 0x61]))),
  });
  for (const call of [
    () => store.get("a"),
    () => store.set("a", 2),
    () => store.update("a", (old) => old + 1),
    () => store.keys(),
  ])
    await t.rejects(call, "corrupt", database);
  await stranger(database, { work: (kv, result) => result(kv.delete(key)) });
  t.equal(await store.increment("a"), 2);
});

class Moody {
  static calls = 0;
  constructor(last) {
    this.last = last;
  }
}
const MOODY = {
  tag: "moody",
  test: (value) => value instanceof Moody,
  serialize: ({ last }) => {
    if (++Moody.calls > last) throw new Error("not twice");
    return last;
  },
  deserialize: (last) => new Moody(last),
};

kept("a value that cannot be expressed when it is written fails alone", async (t, database) => {
  const store = await tab(t, database, { serializers: [MOODY] });
  for (const last of [0, 1, 2]) {
    Moody.calls = 0;
    const [before, moody, after] = await Promise.allSettled([
      store.set(`before.${last}`, 1),
      store.set("moody", new Moody(last)),
      store.increment("n"),
    ]);
    t.equal([before.status, after.status], ["fulfilled", "fulfilled"]);
    if (moody.status === "rejected") {
      t.ok(moody.reason instanceof Error, show(moody.reason));
      t.equal(await store.exists("moody"), false);
    }
  }
  t.equal(await store.get("n"), 3);
  await store.close();
  t.equal(await (await tab(t, database)).get("n"), 3);
});

kept("close writes down what was asked before it, and nothing after", async (t, database) => {
  const store = await tab(t, database);
  const asked = [store.set("a", 1), store.increment("n"), store.setMany({ b: 1 })];
  let finish;
  const updating = store.update("late", () => new Promise((resolve) => (finish = resolve)));
  const ended = updating.catch((error) => error);
  await soon(t, () => finish !== undefined, "the function is called");
  const more = Array.from({ length: 20 }, (_, at) => store.set(`m.${at}`, at));
  const closing = store.close();
  const after = [store.set("c", 1), store.get("a"), store.increment("n")];
  finish(1);
  for (const call of after) await t.rejects(() => call, "closed");
  await closing;
  t.equal((await ended).code, "closed");
  await Promise.all([...asked, ...more]);
  await t.rejects(() => store.get("a"), "closed");
  const again = await tab(t, database);
  t.equal(await again.countPattern("**"), 23);
  t.equal(await again.get("late"), undefined);
});

kept("a store closes also while nothing can be written", async (t, database) => {
  const store = await tab(t, database);
  await full(database, async () => {
    const call = store.set("a", 1);
    const closing = store.close();
    await t.rejects(() => call, "quota-exceeded");
    await closing;
  });
  await t.rejects(() => store.get("a"), "closed");
  // Its connection is closed too: nothing is to be waited for.
  await deleted(database);
  t.ok(true, "not blocked");
});

kept("a call that is aborted before its turn is not made", async (t, database) => {
  const store = await tab(t, database);
  const controller = new AbortController();
  const { signal } = controller;
  const first = store.set("a", 1);
  const calls = [
    store.set("b", 1, { signal }),
    store.get("a", { signal }),
    store.increment("n", 1, { signal }),
    store.keys("**", { signal }),
  ];
  // It looks like one of the engine's own, which say that the stack was used up.
  const reason = new RangeError("enough");
  controller.abort(reason);
  for (const call of calls) t.equal(await call.catch((error) => error), reason);
  await first;
  t.equal(await store.keys(), ["a"]);
  const waiting = new AbortController();
  let called = false;
  const never = () => {
    called = true;
    return new Promise(() => {});
  };
  const update = store.update("u", never, { signal: waiting.signal });
  await soon(t, () => called, "the function is called");
  waiting.abort(reason);
  t.equal(await update.catch((error) => error), reason);
  const late = new AbortController();
  await onOpen(
    database,
    () => late.abort(reason),
    async () => {
      const opening = t.KVStore.open({ ...optionsOf(database), signal: late.signal });
      t.equal(await opening.catch((error) => error), reason);
    },
  );
  await store.close();
  await sleep(50);
  // Who is there answers.
  const channel = new BroadcastChannel(`dataknobs-kv ${database}`);
  let answers = 0;
  channel.onmessage = () => answers++;
  const anybody = async () => {
    answers = 0;
    channel.postMessage({ last: 0, key: 0, hello: true });
    await sleep(50);
    return answers > 0;
  };
  await soon(t, async () => !(await anybody()), "nobody is left of an opening that was aborted");
  channel.close();
});

kept("where no news can be sent, tabs still agree", async (t, database) => {
  const { BroadcastChannel } = globalThis;
  globalThis.BroadcastChannel = class {
    constructor() {
      throw new DOMException("not in this window", "SecurityError");
    }
  };
  try {
    const [one, two] = [await tab(t, database), await tab(t, database)];
    await Promise.all([one, two].flatMap((store) => Array.from({ length: 10 }, () => store.increment("n"))));
    t.equal(await one.increment("n", 0), 20);
  } finally {
    globalThis.BroadcastChannel = BroadcastChannel;
  }
});

kept("a page that may store nothing is told so", async (t, database) => {
  const denied = () => {
    throw new DOMException("denied", "SecurityError");
  };
  await onOpen(database, denied, () => t.rejects(() => tab(t, database), "access-denied", database));
  t.equal(await (await tab(t, database)).keys(), []);
});

// A store that nobody has any more, though it was not closed: what it held of the runtime is let go of.
import { sleep, test } from "./check.mjs";

const node = globalThis.process?.versions?.node !== undefined && globalThis.document === undefined;

/** What collects garbage; where nothing does when asked, there is nothing to be tested. */
async function collector() {
  if (globalThis.gc !== undefined) return globalThis.gc;
  if (globalThis.Bun !== undefined) return () => globalThis.Bun.gc(true);
  if (!node || globalThis.Deno !== undefined) return undefined;
  const at = (module) => import(/* @vite-ignore */ `node:${module}`);
  const [v8, vm] = await Promise.all(["v8", "vm"].map(at));
  v8.setFlagsFromString("--expose-gc");
  return vm.runInNewContext("gc");
}

/** Collects until it is so; false: it never is. */
async function collected(gc, so, rounds = 100) {
  for (let round = 0; round < rounds; round++) {
    gc();
    await sleep(10);
    if (so()) return true;
  }
  return false;
}

/** Counts what is begun and not ended yet while `work` runs. */
async function counting(work) {
  const { setInterval: begin, clearInterval: end } = globalThis;
  const timers = new Set();
  globalThis.setInterval = (...args) => {
    const id = begin(...args);
    timers.add(id);
    return id;
  };
  globalThis.clearInterval = (id) => {
    timers.delete(id);
    end(id);
  };
  try {
    await work(() => timers.size);
  } finally {
    Object.assign(globalThis, { setInterval: begin, clearInterval: end });
  }
}

const dropped = (name, run) =>
  test(`dropped: ${name}`, async (t) => {
    const gc = await collector();
    if (gc !== undefined)
      await counting((timers) => run(t, (so, rounds) => collected(gc, so, rounds), timers));
  });

const brief = { cleanupInterval: 0.02 };

/** Some rounds, after which what is still there is still used. */
const FEW = 8;

dropped("the clean-up by a timer ends with the last handle", async (t, until, timers) => {
  // In functions of their own, so that nothing of it stays.
  const begin = async () => (await t.KVStore.open({ ...t.defaults(), ...brief })).namespace("other");
  const use = async () => {
    let child = await begin();
    await child.set("soon", "gone", { ttl: 0.01 });
    const events = child.watch("*");
    t.ok(!(await until(() => timers() === 0, FEW)), "the handle that was opened first is not needed");
    t.equal((await events.next()).value.type, "expire");
    await child.set("a", 1);
    t.equal((await events.next()).value.key, "a");
    await child.set("b", 1, { ttl: 0.001 });
    t.equal((await events.next()).value.key, "b");
    child = undefined;
    t.ok(!(await until(() => timers() === 0, FEW)), "who waits for changes has the store");
    t.equal((await events.next()).value.key, "b");
  };
  await use();
  t.ok(await until(() => timers() === 0), "it ends");
});

if (node)
  dropped("a file is closed, and nothing of it is written any more", async (t, until, timers) => {
    const at = (module) => import(/* @vite-ignore */ `node:${module}`);
    const [fs, os, path] = await Promise.all(["fs", "os", "path"].map(at));
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "dataknobs-kv-"));
    t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
    const place = path.join(folder, "store.json");
    const options = { backend: "file", config: { path: place }, ...brief };
    const opened = () => {
      const links = fs.readdirSync("/proc/self/fd").map((fd) => {
        try {
          return fs.readlinkSync(`/proc/self/fd/${fd}`);
        } catch {
          return "";
        }
      });
      return links.filter((link) => link.startsWith(folder)).length;
    };
    const use = async () => {
      const store = await t.KVStore.open(options);
      await store.set("a", 1);
      await store.setMany({ b: 2, long: "x".repeat(100_000) });
    };
    await use();
    const before = fs.readFileSync(place, "utf8");
    const gone = () => timers() === 0 && (process.platform !== "linux" || opened() === 0);
    t.ok(await until(gone), "it lets go of the file");
    t.equal(fs.readdirSync(folder).sort(), ["store.json", "store.json.journal"]);
    t.equal(fs.readFileSync(place, "utf8"), before);
    const store = await t.open(options);
    t.equal(await store.getMany(["a", "b"]), [1, 2]);
  });

/** What is closed of a kind while `work` runs, by its name. */
async function closing(kind, work) {
  const { close } = kind.prototype;
  const names = new Set();
  kind.prototype.close = function (...args) {
    names.add(this.name);
    return close.apply(this, args);
  };
  try {
    await work(names);
  } finally {
    kind.prototype.close = close;
  }
}

if (!node && globalThis.indexedDB !== undefined)
  dropped("a database is closed", async (t, until, timers) => {
    const database = `dropped-${Date.now()}-${Math.random()}`;
    t.after(() => indexedDB.deleteDatabase(database));
    const options = { backend: "indexeddb", config: { database }, ...brief };
    const use = async () => {
      const store = await t.KVStore.open(options);
      await store.set("a", 1);
      // Nobody waits for this one.
      store.set("b", 2);
    };
    await closing(IDBDatabase, (databases) =>
      closing(BroadcastChannel, async (channels) => {
        await use();
        const gone = () =>
          timers() === 0 && databases.has(database) && channels.has(`dataknobs-kv ${database}`);
        t.ok(await until(gone), "it lets go of the database");
      }),
    );
    const store = await t.open(options);
    t.equal(await store.getMany(["a", "b"]), [1, 2]);
  });

if (!node && globalThis.navigator?.storage?.getDirectory !== undefined)
  dropped("a private file is let go of", async (t, until, timers) => {
    const path = `dropped-${Date.now()}-${Math.random()}.json`;
    const root = await navigator.storage.getDirectory();
    t.after(async () => {
      for (const name of [path, `${path}.journal`]) await root.removeEntry(name);
    });
    const options = { backend: "file", config: { path }, ...brief };
    const use = async () => {
      const store = await t.KVStore.open(options);
      await store.set("a", 1);
    };
    await closing(BroadcastChannel, async (channels) => {
      await use();
      const gone = () => timers() === 0 && channels.has(`dataknobs-kv file ${path}`);
      t.ok(await until(gone), "it lets go of the channel");
    });
    t.equal(await (await t.open(options)).get("a"), 1);
  });

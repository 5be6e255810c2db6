/**
 * Keeping the log short. Many small blocks become one; and what has gathered is folded into pages, of which
 * only those are written again whose keys have changed, some at a time. The log goes only when all of it is
 * in the pages: whoever is killed in the middle loses nothing, as a block that is read again changes nothing.
 * An empty block stays in its place: it holds the counter of versions, also where no entry is left, and who
 * asks whether there is news finds it.
 */
import { blockOf, EMPTY, type Manifest, manifestOf, result, STORE } from "./database.js";
import type { IndexedDB } from "./device.js";

/** A page has about so many bytes. */
const PAGE = 1 << 16;
/** So many bytes of pages are written in one transaction: others wait no longer. */
const STEP = 1 << 20;
/** So many bytes of log are folded, or as many as the pages have. */
const LOG = 1 << 22;
/** So many small blocks become one. */
const SMALL_BLOCKS = 512;
/** What is no small block. */
export const SMALL = 1 << 16;

/** A folding that is going on. */
export interface Plan {
  /** Up to this number of the log. */
  readonly to: number;
  /** Pages to be written again, by name. */
  readonly left: Set<string>;
}

/** One step, where there is something to do. */
export function fold(device: IndexedDB, db: IDBDatabase): Promise<void> | undefined {
  const room = Math.max(LOG, device.manifest.pages.length * PAGE) * device.patience;
  if (device.plan !== undefined || device.bytes > room) return step(device, db);
  if (device.small > SMALL_BLOCKS * device.patience) return merge(device, db);
  return undefined;
}

/** Runs `work` in a transaction; where it fails, the next attempt waits for twice as much. */
async function within(
  device: IndexedDB,
  db: IDBDatabase,
  work: (store: IDBObjectStore) => Promise<void>,
): Promise<void> {
  const tx = db.transaction(STORE, "readwrite", { durability: device.durability });
  const done = new Promise<void>((resolve, reject) => {
    tx.oncomplete = () => resolve();
    tx.onabort = () => reject(tx.error ?? new Error("the transaction was aborted"));
    device.cut = reject;
  });
  try {
    await Promise.race([work(tx.objectStore(STORE)), done]);
    await done;
    device.patience = 1;
  } catch (error) {
    try {
      tx.abort();
    } catch {
      // It has ended already.
    }
    await done.catch(() => {});
    device.patience *= 2;
    device.plan = undefined;
    throw error;
  } finally {
    device.cut = undefined;
  }
}

/** The manifest; `undefined` where another tab has folded since. */
async function mine(device: IndexedDB, store: IDBObjectStore): Promise<Manifest | undefined> {
  const manifest = manifestOf(await result(store.get("manifest")), device.name);
  if (manifest.epoch === device.manifest.epoch && manifest.folded <= device.last) return manifest;
  device.plan = undefined;
  device.manifest = manifest;
  device.bytes = device.small = 0;
  device.merged = Math.max(device.merged, manifest.folded);
  return undefined;
}

async function merge(device: IndexedDB, db: IDBDatabase): Promise<void> {
  await within(device, db, async (store) => {
    if ((await mine(device, store)) === undefined) return;
    const range = IDBKeyRange.bound(Math.max(device.merged, device.manifest.folded), device.last, true);
    const keys = store.getAllKeys(range);
    const found = await result(store.getAll(range));
    let run: Uint8Array[] = [];
    let first = 0;
    const end = (next: number) => {
      // Under the last of their numbers: who has seen some of them sees the others.
      if (run.length > 1) {
        store.delete(IDBKeyRange.bound(keys.result[first], keys.result[next - 1]));
        store.put(device.glue.merge_blocks(run), keys.result[next - 1]);
      }
      run = [];
      first = next + 1;
    };
    found.forEach((one, at) => {
      const block = blockOf(one, keys.result[at] as number, device.name);
      // A void one goes with those beside it.
      if (block === undefined) return;
      if (block.length < SMALL) run.push(block);
      else end(at);
    });
    end(found.length);
  });
  device.small = 0;
  device.merged = device.last;
}

/** Which pages the log's keys are in. */
async function dirty(
  { glue, name, last }: IndexedDB,
  store: IDBObjectStore,
  manifest: Manifest,
): Promise<Set<string>> {
  const AT_ONCE = 64;
  const names = namesOf(manifest);
  const left = new Set<string>();
  for (let from = manifest.folded; ; ) {
    const range = from < last ? IDBKeyRange.bound(from, last, true) : undefined;
    if (range === undefined) return left;
    const keys = store.getAllKeys(range, AT_ONCE);
    const found = await result(store.getAll(range, AT_ONCE));
    found.forEach((one, at) => {
      const block = blockOf(one, keys.result[at] as number, name);
      if (block === undefined) return;
      glue.pages_of(block, [...manifest.ends]).forEach((hit, page) => {
        if (hit) left.add(names[page] as string);
      });
    });
    if (found.length < AT_ONCE) return left;
    from = keys.result[found.length - 1] as number;
  }
}

const namesOf = (manifest: Manifest) => (manifest.pages.length === 0 ? ["page"] : manifest.pages);

async function step(device: IndexedDB, db: IDBDatabase): Promise<void> {
  let made: Manifest | undefined;
  await within(device, db, async (store) => {
    const manifest = await mine(device, store);
    if (manifest === undefined) return;
    device.plan ??= { to: device.last, left: await dirty(device, store, manifest) };
    const { to, left } = device.plan;
    const epoch = manifest.epoch + 1;
    const pages: string[] = [];
    const ends: string[] = [];
    let room = STEP;
    const before = namesOf(manifest);
    before.forEach((name, at) => {
      const from = at === 0 ? [] : manifest.ends.slice(at * 2 - 2, at * 2);
      const through = manifest.ends.slice(at * 2, at * 2 + 2);
      if (!left.has(name) || room <= 0) {
        pages.push(name);
        ends.push(...through);
        return;
      }
      left.delete(name);
      let after = from;
      for (let part = 0; ; part++) {
        const [block, ...reached] = device.journal.dump(after[0], after[1], through[0], through[1], PAGE) as [
          Uint8Array | undefined,
          ...string[],
        ];
        if (block !== undefined) {
          const named = part === 0 ? name : `page ${epoch} ${at} ${part}`;
          store.put(block, named);
          pages.push(named);
          ends.push(...(reached.length > 0 ? reached : through));
          room -= block.length;
        } else if (part === 0) {
          store.delete(name);
        }
        if (reached.length === 0) break;
        after = reached;
      }
    });
    // The last page goes to the end, also where the one that did so is gone.
    ends.length = Math.max(0, pages.length - 1) * 2;
    const done = left.size === 0;
    const next = { ...EMPTY, epoch, pages, ends, folded: done ? to : manifest.folded };
    store.put(next, "manifest");
    if (done) {
      store.delete(IDBKeyRange.bound(-Infinity, to));
      store.put(device.journal.head(), to);
    }
    made = next;
  });
  if (made === undefined) return;
  device.manifest = made;
  if (device.plan?.left.size !== 0) return;
  device.merged = device.plan.to;
  device.plan = undefined;
  device.bytes = device.small = 0;
}

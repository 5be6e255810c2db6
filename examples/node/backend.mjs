// A backend of one's own, over a Map, and the suite that every backend passes: `node backend.mjs`.
import { KVStore } from "dataknobs-kv";
import { conformance } from "dataknobs-kv/conformance";

const encoder = new TextEncoder();

/** Keys sort by their UTF-8 bytes; `<` would compare UTF-16 units. */
function compare(left, right) {
  const [a, b] = [encoder.encode(left), encoder.encode(right)];
  for (let at = 0; at < a.length && at < b.length; at++) if (a[at] !== b[at]) return a[at] - b[at];
  return a.length - b.length;
}

export class MapBackend {
  // No answer is lost on the way to a Map.
  limits = { losesAnswers: false };
  #spaces = new Map();
  #last = 0;

  #space(name) {
    if (!this.#spaces.has(name)) this.#spaces.set(name, new Map());
    return this.#spaces.get(name);
  }

  // One answer for each key asked, in that order; a key may be asked twice.
  read(keys) {
    return keys.map(({ namespace, key }) => this.#space(namespace).get(key));
  }

  // All or nothing: everything is looked at before anything is written, and nothing is awaited in between.
  commit(batch) {
    const conflict = batch.findIndex(
      ({ namespace, key, expect }) =>
        expect !== undefined && expect !== (this.#space(namespace).get(key)?.version ?? null),
    );
    if (conflict >= 0) return { conflict };
    return { versions: batch.map((one) => this.#apply(one)) };
  }

  #apply({ namespace, key, change, record, expiresAt }) {
    const space = this.#space(namespace);
    if (change === "keep") return undefined;
    if (change === "delete") {
      const before = space.get(key);
      space.delete(key);
      return before === undefined ? false : (before.expiresAt ?? true);
    }
    // Counted over all keys, so that no version comes twice, also not after a delete.
    const version = String(++this.#last);
    space.set(key, { record, version, expiresAt });
    return version;
  }

  scan({ namespace, prefix, after, limit, reverse }) {
    const turn = reverse ? -1 : 1;
    const found = [...this.#space(namespace)]
      .filter(([key]) => key.startsWith(prefix) && (after === undefined || compare(key, after) * turn > 0))
      .sort(([left], [right]) => compare(left, right) * turn);
    const items = found.slice(0, limit).map(([key, kept]) => ({ key, ...kept }));
    return found.length > limit ? { items, resume: items[limit - 1].key } : { items };
  }

  namespaces() {
    return [...this.#spaces].filter(([, space]) => space.size > 0).map(([name]) => name);
  }
}

const store = await KVStore.open({ backend: new MapBackend() });
await store.set("users.1.name", "Ada");
console.log(await store.keys("users.*.name")); // [ 'users.1.name' ]
await store.close();

const report = await conformance(() => new MapBackend(), KVStore);
console.log(`${report.passed} checks passed, ${report.failed} failed`);
for (const failure of report.failures) console.error(failure);
if (report.failed > 0) process.exitCode = 1;

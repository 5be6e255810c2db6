/** A backend reads what was written. */
import { KEYS, compare, ensure, show, sameList, sameBytes, type Check } from "./bench.js";

export const read: Record<string, Check> = {
  async absent(t) {
    await t.lacks("a");
    const none = await t.backend.read([], "cached");
    ensure(Array.isArray(none) && none.length === 0, () => `a read of no keys answered ${show(none)}`);
    await t.put("a.b", await t.make(1));
    for (const key of ["a", "a.b.c", "a.bb"]) await t.lacks(key);
  },
  async "what was written"(t) {
    for (const key of ["a", "a.b", "c"]) {
      for (const value of [1, "two", { three: [new Uint8Array([0, 255]), 3.5, null] }]) {
        const made = await t.make(value);
        await t.put(key, made);
        await t.holds(key, made);
      }
    }
  },
  async "many in the order asked"(t) {
    for (const key of ["a", "b", "c", "d"]) await t.put(key, await t.make(key));
    const asked = ["d", "zz", "a", "c", "a", "b", "yy"];
    for (const fresh of ["latest", "cached"] as const) {
      const found = await t.backend.read(
        asked.map((key) => ({ namespace: "", key })),
        fresh,
      );
      ensure(
        Array.isArray(found) && found.length === asked.length,
        () => `a read of ${asked.length} keys answered ${show(found)}`,
      );
      for (const [at, key] of asked.entries()) {
        const record = found[at] ?? undefined;
        if (key.length === 2) ensure(record === undefined, () => `${show(key)} is there and should not be`);
        else
          ensure(
            record !== undefined && sameBytes(record.record, (await t.make(key)).record),
            () => `of the keys ${show(asked)} the record at ${at} is not that of ${show(key)}`,
          );
      }
    }
  },
  async "every allowed key is its own"(t) {
    const keys = [...KEYS];
    for (const end of ["a", "b", "B"]) {
      for (const length of [t.maxKey - 1, t.maxKey - 2, t.maxKey >> 1]) keys.push("k".repeat(length) + end);
    }
    keys.push("é".repeat(t.maxKey >> 1), `${"k".repeat(t.maxKey - 2)}é`);
    for (const key of keys) await t.put(key, await t.make(key));
    for (const key of keys) await t.holds(key, await t.make(key));
    sameList("the keys", await t.keys(), keys.sort(compare));
  },
};

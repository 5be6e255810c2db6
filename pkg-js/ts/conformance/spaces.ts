/** A backend keeps namespaces apart. */
import { compare, ensure, show, sameList, put, type Check } from "./bench.js";

export const spaces: Record<string, Check> = {
  async "never see each other"(t) {
    for (const space of ["", "a", "b"]) await t.put("k", await t.make(space), space);
    for (const space of ["", "a", "b"]) {
      await t.holds("k", await t.make(space), space);
      sameList("a namespace's keys", await t.keys({ namespace: space }), ["k"]);
    }
    ensure(
      "versions" in (await t.commit(put("other", await t.make(1), null, "b"))),
      () => "a new key met a conflict",
    );
    await t.lacks("other");
    await t.delete("k", "a");
    await t.holds("k", await t.make(""));
    await t.holds("k", await t.make("b"), "b");
    await t.lacks("k", "a");
  },
  async "whatever the names"(t) {
    const names = [
      "",
      " ",
      "*",
      "A",
      "__proto__",
      "a",
      "a ",
      "a/b",
      "a:b",
      "constructor",
      "default",
      "e\u0301",
      "null",
      "\u00e9",
      "\u{1f600}",
      "n".repeat(64),
      "n".repeat(63),
    ];
    const keys = ["a", "a.b.c", "b.c", "b:c", "c"];
    for (const space of names)
      for (const key of keys) await t.put(key, await t.make(`${space} ${key}`), space);
    for (const space of names) {
      for (const key of keys) await t.holds(key, await t.make(`${space} ${key}`), space);
      sameList(`the keys of ${show(space)}`, await t.keys({ namespace: space }), keys);
    }
  },
  async "are listed"(t) {
    const names = ["", "A", "a", "b-c", "é"];
    for (const space of names) await t.put("k", await t.make(1), space);
    sameList("the namespaces", [...(await t.backend.namespaces())].sort(compare), names);
  },
};

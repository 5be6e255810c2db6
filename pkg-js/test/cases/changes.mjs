// Changes that read before they write, many at once.
import { show } from "../behaviour.mjs";
import { BOTH, sleep, test } from "./check.mjs";

for (const [where, options] of BOTH) {
  test(`update on ${where}`, async (t) => {
    const store = await t.open(options());
    t.equal(await store.update("a", (old) => (old ?? 0) + 1), 1);
    t.equal(
      await store.update("a", async (old) => {
        await sleep(2);
        return old + 1;
      }),
      2,
    );
    t.equal(await store.update("a", (old) => ({ then: undefined ?? old })), { then: 2 });
    await store.set("a", 5, { ttl: 1000, metadata: { m: 1 } });
    await store.update("a", () => null);
    t.equal(await store.get("a"), null);
    t.equal(await store.getMetadata("a"), { m: 1 });
    t.ok((await store.ttl("a")) > 900, "the time to live is kept");
    for (const thrown of [
      new RangeError("mine"),
      "a text",
      42,
      null,
      { code: "conflict", message: "not ours" },
      new t.KVError("conflict", "theirs"),
    ]) {
      for (const f of [
        () => {
          throw thrown;
        },
        async () => {
          await sleep(1);
          throw thrown;
        },
      ]) {
        const error = await store.update("a", f).then(
          () => "no error",
          (error) => ({ error }),
        );
        t.ok(
          error.error === thrown,
          `what the function throws comes out as it is: ${show(thrown)}, not ${show(error.error)}`,
        );
      }
    }
    await t.rejects(() => store.update("a", () => {}), "invalid-argument", "return");
    await t.rejects(() => store.update("a", async () => {}), "invalid-argument", "return");
    await t.rejects(() => store.update("absent", () => undefined), "invalid-argument", "return");
    for (const f of [undefined, null, 1, "x", {}])
      await t.rejects(() => store.update("a", f), "invalid-argument", "function");
    await t.rejects(() => store.update("", () => 1), "invalid-key");
    await t.rejects(() => store.update(5, () => 1), "invalid-key");
    t.equal(await store.get("a"), null, "the value after all that failed");
    t.equal(await store.exists("absent"), false);
    // From inside, the store is usable: it is not locked.
    await store.set("n", 1);
    t.equal(
      await store.update("n", async (old) => {
        await store.set("inside", old);
        return (await store.get("inside")) + 1;
      }),
      2,
    );
    // Somebody else writes while the function waits: it runs again.
    let runs = 0;
    const sum = await store.update("n", async (old) => {
      runs += 1;
      if (runs === 1) await store.set("n", 100);
      return old + 1;
    });
    t.equal([sum, runs], [101, 2], "an update that lost its race");
    const gone = await store.update("n", async (old) => {
      if (old !== undefined) await store.delete("n");
      return old === undefined ? "anew" : "lost";
    });
    t.equal(gone, "anew", "an update whose entry went away");
  });

  test(`interleaved awaits on one key on ${where}`, async (t) => {
    const store = await t.open(options());
    const results = await Promise.all(Array.from({ length: 100 }, () => store.increment("n")));
    t.equal(new Set(results).size, 100, "how many different sums");
    t.equal(await store.get("n"), 100);
    await Promise.all(
      Array.from({ length: 50 }, (_, at) =>
        store.update("u", async (old) => {
          if (at % 3 === 0) await sleep(at % 7);
          return (old ?? 0) + 1;
        }),
      ),
    );
    t.equal(await store.get("u"), 50, "after 50 updates");
    await Promise.all(
      Array.from({ length: 60 }, (_, at) =>
        at % 3 === 0
          ? store.increment("m")
          : at % 3 === 1
            ? store.update("m", (old) => (old ?? 0) + 1)
            : store.setMetadata("m", { [`f${at}`]: at }),
      ),
    );
    t.equal(await store.get("m"), 40, "after increments, updates and metadata");
    const texts = await Promise.all(Array.from({ length: 40 }, () => store.append("t", "x")));
    t.equal(
      texts.map((text) => text.length).sort((a, b) => a - b),
      Array.from({ length: 40 }, (_, at) => at + 1),
      "the lengths",
    );
    const once = await Promise.all(
      Array.from({ length: 20 }, (_, at) => store.set("once", at, { ifAbsent: true })),
    );
    t.equal(once.filter(Boolean).length, 1, "how many made it");
    await store.set("c", 0);
    const swaps = await Promise.all(
      Array.from({ length: 20 }, (_, at) => store.compareAndSwap("c", 0, at + 1)),
    );
    t.equal(swaps.filter(Boolean).length, 1, "how many swapped");
    await store.setMany({ x: 1, y: 1 });
    const commits = await Promise.all(
      Array.from({ length: 10 }, async () => {
        for (let tries = 0; tries < 200; tries++) {
          const [x, y] = [await store.getEntry("x"), await store.getEntry("y")];
          const { ok } = await store
            .atomic()
            .check("x", x)
            .check("y", y.version)
            .set("x", x.value + 1)
            .set("y", y.value + 1)
            .commit();
          if (ok) return true;
        }
        return false;
      }),
    );
    t.equal(commits.every(Boolean), true);
    t.equal(await store.getMany(["x", "y"]), [11, 11], "two keys that change together");
    const taken = await Promise.all(Array.from({ length: 5 }, () => store.getAndDelete("x")));
    t.equal(
      taken.filter((value) => value !== undefined),
      [11],
      "who took it out",
    );
  });
}

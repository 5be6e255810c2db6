/** A backend commits all or nothing, and only what was expected. */
import type { BackendMutation } from "../types.js";
import { ensure, show, sameList, sleep, put, type Check } from "./bench.js";

export const commit: Record<string, Check> = {
  async nothing(t) {
    const answer = await t.backend.commit([]);
    ensure(
      "versions" in answer && answer.versions.length === 0,
      () => `an empty commit answered ${show(answer)}`,
    );
    if (t.backend.write)
      ensure((await t.backend.write([])).length === 0, () => "an empty write gave answers");
  },
  async "versions are never used twice"(t) {
    const made = await t.make("the same bytes");
    const seen: string[] = [];
    for (let round = 0; round < 6; round++) {
      if (round % 2 === 1) await t.delete("a");
      for (let again = 0; again < 2; again++) {
        const version = await t.put("a", made);
        ensure(!seen.includes(version), () => `the version ${version} came twice`);
        seen.push(version);
      }
    }
    for (const version of seen.slice(0, -1)) {
      const answer = await t.commit({ namespace: "", key: "a", expect: version, change: "delete" });
      ensure("conflict" in answer, () => "a version from before still counts");
    }
    await t.holds("a", made);
  },
  async "the version told is the one stored"(t) {
    for (let round = 0; round < 3; round++) {
      const made = await t.make(round);
      const told = await t.put("a", made);
      for (let again = 0; again < 2; again++) {
        const { version } = await t.holds("a", made);
        ensure(version === told, () => `the commit told the version ${told}, a read ${version}`);
      }
    }
  },
  async "delete removes and tells"(t) {
    const none = await t.delete("a");
    ensure(none === false, () => `deleting nothing answered ${show(none)}, not false`);
    for (const seconds of [undefined, 500, undefined]) {
      const made = await t.make(1, seconds);
      await t.put("a", made);
      await t.put("a.b", made);
      const was = await t.delete("a");
      ensure(
        was === (made.expiresAt ?? true),
        () => `deleting a record that expires at ${made.expiresAt} answered ${show(was)}`,
      );
      await t.lacks("a");
      await t.holds("a.b", made);
      await t.delete("a.b");
    }
    sameList("what is left", await t.keys(), []);
  },
  async "expect absent"(t) {
    const [one, two] = [await t.make(1), await t.make(2)];
    ensure("versions" in (await t.commit(put("a", one, null))), () => "a new key met a conflict");
    const second = await t.commit(put("a", two, null));
    ensure("conflict" in second, () => `absent was expected, a record there, and the answer ${show(second)}`);
    await t.holds("a", one);
    await t.delete("a");
    ensure("versions" in (await t.commit(put("a", two, null))), () => "a deleted key met a conflict");
    await t.holds("a", two);
  },
  async "expect a version"(t) {
    const [one, two, three] = [await t.make(1), await t.make(2), await t.make(3)];
    const old = await t.put("a", one);
    const other = await t.put("b", one);
    const answer = await t.commit(put("a", two, old));
    ensure("versions" in answer, () => "a put at the right version met a conflict");
    const now = answer.versions[0] as string;
    for (const [what, version] of [
      ["an old", old],
      ["another key's", other],
      ["nobody's", "no version of anybody"],
    ] as const) {
      for (const change of ["put", "delete", "keep"] as const) {
        const mutation =
          change === "put" ? put("a", three, version) : { namespace: "", key: "a", expect: version, change };
        ensure(
          "conflict" in (await t.commit(mutation)),
          () => `a ${change} that expects ${what} version was made`,
        );
      }
    }
    await t.holds("a", two);
    ensure(
      "conflict" in (await t.commit(put("zz", three, now))),
      () => "a put that expects a version was made where nothing is",
    );
    await t.lacks("zz");
    ensure(
      "versions" in (await t.commit({ namespace: "", key: "a", expect: now, change: "delete" })),
      () => "a delete at the right version met a conflict",
    );
    await t.lacks("a");
  },
  async "expect without a change"(t) {
    const version = await t.put("a", await t.make(1));
    const keep = (key: string, expect?: string | null): BackendMutation =>
      expect === undefined
        ? { namespace: "", key, change: "keep" }
        : { namespace: "", key, expect, change: "keep" };
    for (const [mutation, holds] of [
      [keep("a", version), true],
      [keep("a", null), false],
      [keep("b", null), true],
      [keep("b", version), false],
      [keep("a"), true],
    ] as const) {
      const answer = await t.commit(mutation);
      ensure("versions" in answer === holds, () => `the check ${show(mutation)} answered ${show(answer)}`);
    }
    ensure((await t.read("a"))?.version === version, () => "a check changed the version");
    await t.lacks("b");
  },
  async "expired records are records"(t) {
    const made = await t.make(1, 0.02);
    const version = await t.put("a", made);
    await t.put("b", made);
    await sleep(50);
    await t.holds("a", made);
    sameList("the keys, expired ones too", await t.keys(), ["a", "b"]);
    ensure(
      "conflict" in (await t.commit(put("a", await t.make(2), null))),
      () => "an expired record counts as absent for a commit",
    );
    const was = await t.delete("b");
    ensure(was === made.expiresAt, () => `deleting an expired record answered ${show(was)}`);
    const next = await t.make(2);
    ensure(
      "versions" in (await t.commit(put("a", next, version))),
      () => "an expired record cannot be replaced at its version",
    );
    await t.holds("a", next);
  },
  async "several all or nothing"(t) {
    if (t.maxBatch < 4) return;
    const [one, two] = [await t.make(1), await t.make(2)];
    const at = await t.put("b", one);
    await t.put("c", one);
    const [a, b, c] = [
      put("a", two),
      put("b", two, at),
      { namespace: "", key: "c", change: "delete" as const },
    ];
    const lost = await t.commit(a, b, c, put("d", two, at));
    ensure("conflict" in lost, () => `a batch whose last expectation fails answered ${show(lost)}`);
    ensure(lost.conflict === 3, () => `the expectation 3 failed, ${lost.conflict} is told`);
    await t.lacks("a");
    await t.holds("b", one);
    await t.holds("c", one);
    await t.lacks("d");
    const done = await t.commit({ namespace: "", key: "d", expect: null, change: "keep" }, c, b, a);
    ensure("versions" in done, () => "a batch whose expectations hold met a conflict");
    await t.lacks("c");
    await t.lacks("d");
    ensure(
      (await t.holds("b", two)).version === done.versions[2],
      () => "a batch tells another version than is stored",
    );
    ensure(
      (await t.holds("a", two)).version === done.versions[3],
      () => "a batch tells another version than is stored",
    );
  },
  async "what follows a conflict is not done"(t) {
    if (t.maxBatch < 2) return;
    const made = await t.make(1);
    const answer = await t.commit(put("a", made), put("b", made));
    ensure("versions" in answer, () => "a blind batch met a conflict");
    const swapped = await t.commit(put("a", made, null), put("b", made, answer.versions[1] as string));
    ensure(
      "conflict" in swapped && swapped.conflict === 0,
      () => `the expectation 0 failed, and the answer is ${show(swapped)}`,
    );
    ensure(
      (await t.holds("b", made)).version === answer.versions[1],
      () => "what follows a conflict was done",
    );
  },
  async "up to the largest batch"(t) {
    const made = await t.make(1);
    const keys = Array.from(
      { length: Math.min(t.maxBatch, 400) },
      (_, at) => `k.${String(at).padStart(4, "0")}`,
    );
    const answer = await t.commit(...keys.map((key) => put(key, made, null)));
    ensure("versions" in answer, () => `a commit of ${keys.length} new keys met a conflict`);
    sameList("the keys of a large commit", await t.keys(), keys);
    if (keys.length < 2) return;
    const last = keys[keys.length - 1] as string;
    const lost = await t.commit(
      ...keys.map((key) => ({
        namespace: "",
        key,
        change: "delete" as const,
        ...(key === last ? { expect: "no version of anybody" } : {}),
      })),
    );
    ensure("conflict" in lost, () => "a large commit whose last expectation fails was made");
    sameList("the keys after a conflict", await t.keys(), keys);
  },
  async "write: each for itself"(t) {
    if (!t.backend.write) return;
    const [one, two] = [await t.make(1), await t.make(2)];
    await t.put("b", one);
    const answers = await t.backend.write([
      put("a", two),
      put("b", two, null),
      { namespace: "", key: "b", change: "delete" },
      put("c", two),
    ]);
    ensure(answers.length === 4, () => `a write of 4 gave ${answers.length} answers`);
    const done = answers.map((answer) =>
      "versions" in answer ? answer.versions.length : "conflict" in answer ? "conflict" : answer.message,
    );
    sameList("the answers of a write", done, [1, "conflict", 1, 1]);
    await t.holds("a", two);
    await t.lacks("b");
    await t.holds("c", two);
  },
  async "many at once lose nothing"(t) {
    // Each tries until it has added its own step to the chain of versions.
    const steps = 20;
    let won = 0;
    const made = await t.make("step");
    await t.put("a", made);
    await Promise.all(
      Array.from({ length: steps }, async () => {
        for (let tries = 0; tries < steps * 4; tries++) {
          const now = await t.read("a");
          const answer = await t.commit(put("a", made, now?.version ?? null));
          if ("versions" in answer) {
            won += 1;
            return;
          }
        }
      }),
    );
    const version = (await t.read("a"))?.version as string;
    const racing = await Promise.all(Array.from({ length: 8 }, () => t.commit(put("a", made, version))));
    const winners = racing.filter((answer) => "versions" in answer).length;
    ensure(winners === 1, () => `of 8 puts at once that expect the same version ${winners} were made`);
    ensure(won === steps, () => `${won} of ${steps} came through`);
  },
};

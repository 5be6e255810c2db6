/** A backend scans in order, completely. */
import {
  ABSENT,
  KEYS,
  BOTH,
  compare,
  ensure,
  show,
  sameList,
  sameBytes,
  turned,
  type Made,
  type Check,
} from "./bench.js";

export const scan: Record<string, Check> = {
  async empty(t) {
    for (const reverse of BOTH) {
      sameList("an empty backend", await t.keys({ reverse }), []);
      sameList("an empty backend", await t.keys({ prefix: "a.", after: "a.b", reverse }), []);
    }
  },
  async "order of UTF-8 bytes"(t) {
    await t.fill(KEYS.map((_, at) => KEYS[(at * 23) % KEYS.length] as string));
    for (const records of BOTH) {
      for (const reverse of BOTH)
        sameList(`the order, reverse ${reverse}`, await t.keys({ records, reverse }), turned(KEYS, reverse));
    }
  },
  async "pages are complete"(t) {
    const keys = [...KEYS, ...Array.from({ length: 20 }, (_, at) => `m.${at}`)].sort(compare);
    await t.fill(keys);
    for (const limit of [1, 2, 7, keys.length - 1, keys.length, keys.length + 1]) {
      for (const reverse of BOTH) {
        sameList(
          `pages of ${limit}, reverse ${reverse}`,
          await t.keys({ limit, reverse, records: limit % 2 === 0 }),
          turned(keys, reverse),
        );
      }
    }
  },
  async "after is exclusive"(t) {
    await t.fill(KEYS);
    for (const after of [...KEYS, ...ABSENT]) {
      for (const reverse of BOTH) {
        const wanted = KEYS.filter((key) => (reverse ? compare(key, after) < 0 : compare(key, after) > 0));
        sameList(
          `after ${show(after)}, reverse ${reverse}`,
          await t.keys({ after, reverse, limit: 15 }),
          turned(wanted, reverse),
        );
      }
    }
  },
  async "a prefix is complete"(t) {
    await t.fill(KEYS);
    for (const prefix of [
      "a",
      "a.",
      "a.b",
      "a.b.",
      "A",
      "\ue000",
      "\ue000.",
      "\u{1f600}",
      "é",
      "%",
      "_",
      "zz",
    ]) {
      for (const after of [undefined, "a.b", "a.b.b", " ", "~", "\u{10fffd}"]) {
        for (const reverse of BOTH) {
          const beyond = (key: string) =>
            after === undefined || (reverse ? compare(key, after) < 0 : compare(key, after) > 0);
          const found = await t.keys({
            prefix,
            reverse,
            limit: 3,
            ...(after === undefined ? {} : { after }),
          });
          const wanted = KEYS.filter((key) => key.startsWith(prefix) && beyond(key));
          sameList(
            `prefix ${show(prefix)} after ${show(after)}, reverse ${reverse}`,
            found.filter((key) => key.startsWith(prefix)),
            turned(wanted, reverse),
          );
        }
      }
    }
  },
  async "what matches a pattern is there"(t) {
    await t.fill(KEYS);
    for (const [pattern, prefix, wanted] of [
      ["**", "", KEYS],
      ["a.*", "a.", ["a.b", "a.b ", "a.b-c", "a.b/c", "a.bc"]],
      ["**.b", "", ["A.b", "a.b"]],
      [
        "?",
        "",
        [
          " ",
          "*",
          "0",
          "9",
          "A",
          "Z",
          "_",
          "a",
          "z",
          "~",
          "\u00a0",
          "\u00e9",
          "\ufffd",
          "\u{1f600}",
          "\u{10fffd}",
        ],
      ],
      ["{a,A}.b", "", ["A.b", "a.b"]],
    ] as const) {
      for (const [reverse, limit] of [
        [false, 1],
        [false, 100],
        [true, 3],
      ] as const) {
        const found = await t.keys({ pattern, prefix, reverse, limit });
        sameList(
          `what matches ${show(pattern)}`,
          found.filter((key) => (wanted as readonly string[]).includes(key)),
          turned(wanted, reverse),
        );
      }
    }
  },
  async "keys and records"(t) {
    const written: Record<string, Made> = {};
    for (const [at, key] of ["a", "b", "c.d"].entries()) {
      const made = await t.make(key, at > 0 ? 700 + at : undefined);
      written[key] = made;
      await t.put(key, made);
    }
    for (const records of BOTH) {
      const items = await t.scan({ records });
      sameList(
        "the keys",
        items.map((item) => item.key),
        Object.keys(written),
      );
      for (const { key, record, version, expiresAt } of items) {
        const made = written[key] as Made;
        ensure(
          (expiresAt === undefined && records) || expiresAt === made.expiresAt,
          () => `a scan tells that ${key} expires at ${expiresAt}, not ${made.expiresAt}`,
        );
        if (!records) continue;
        ensure(
          record instanceof Uint8Array && sameBytes(record, made.record),
          () => `a scan gives another record of ${key} than was written`,
        );
        ensure(version === (await t.read(key))?.version, () => `a scan tells another version of ${key}`);
      }
    }
  },
  async "sees every write that was acknowledged"(t) {
    const made = await t.make(1);
    const wanted: string[] = [];
    for (let round = 0; round < 12; round++) {
      const key = `k${(round * 7) % 12}.x`;
      await t.put(key, made);
      wanted.push(key);
      wanted.sort(compare);
      if (round % 3 === 2) await t.delete(wanted.splice(round % wanted.length, 1)[0] as string);
      sameList("what was just written", await t.keys(), wanted);
    }
  },
  async "a key that nobody touches appears once"(t) {
    const keys = Array.from({ length: 30 }, (_, at) => `k.${at + 10}`);
    await t.fill(keys);
    const made = await t.make(1);
    for (const reverse of BOTH) {
      const seen: string[] = [];
      let after: string | undefined;
      for (let page = 0; page < 100; page++) {
        const query = { namespace: "", prefix: "", limit: 4, reverse, records: false };
        const found = await t.backend.scan(after === undefined ? query : { ...query, after });
        seen.push(...found.items.map((item) => item.key));
        // Others come and go between the pages, on both sides of where the scan is.
        for (let other = 0; other < 5; other++) {
          const key = `k.${10 + ((page * 7 + other * 11) % 30)}.${other}`;
          if ((page + other) % 3 === 0) await t.delete(key);
          else await t.put(key, made);
        }
        if (found.resume === undefined) break;
        after = found.resume;
      }
      sameList(
        "keys that nobody touched",
        seen.filter((key) => keys.includes(key)),
        turned(keys, reverse),
      );
    }
  },
};

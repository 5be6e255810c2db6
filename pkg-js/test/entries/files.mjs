// A process on a file: it does what its arguments say, and tells in lines.
//   node files.mjs <work> <path> <given, as JSON>
import * as fs from "node:fs";
import { KVStore } from "dataknobs-kv";
import { sealed } from "../cases/sealed.mjs";
import { make, reached } from "./writes.mjs";

const [work, path, given] = process.argv.slice(2);
const { rounds, known, writers, ...config } = JSON.parse(given);
// At once: whoever is killed after it has told.
const tell = (...what) => fs.writeSync(1, `${what.join(" ")}\n`);
const store = await KVStore.open({ backend: "file", config: { path, ...config } });

const WORKS = {
  /** Counts, and swaps a record, so often; each tells by itself that it was made. */
  async count() {
    for (let round = 0; round < rounds; round++) {
      await store.increment("n");
      for (;;) {
        const old = await store.get("record");
        const swapped = { sum: (old?.sum ?? 0) + 1, by: process.pid };
        if (await store.compareAndSwap("record", old, swapped)) break;
      }
    }
    await store.close();
    tell("done");
  },

  /** Says what there is, and writes until it is killed. */
  async write() {
    const at = [];
    for (let who = 0; who < writers; who++) at.push(await reached(store, who, known[who] ?? 0));
    tell("opened", JSON.stringify(at));
    await Promise.all(
      at.map(async (last, who) => {
        for (let next = last + 1; ; next++) {
          await make(store, who, next);
          tell("made", who, next);
          // A file is written at once: the parent's kill is to come anywhere, and others to have their turn.
          if (next % 7 === who) await new Promise((resolve) => setTimeout(resolve, 0));
        }
      }),
    );
  },

  /** Stops for ever while it holds the lock. */
  async hold() {
    const { default: node } = await import("node:fs");
    const { syncBuiltinESMExports } = await import("node:module");
    node.fdatasyncSync = () => {
      tell("held");
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    };
    syncBuiltinESMExports();
    await store.increment("n");
  },

  /** Writes until there is no room, and what was acknowledged is read again. */
  async fill() {
    const refused = {};
    let last = -1;
    for (let at = 0; at < 2000 && (refused["quota-exceeded"] ?? 0) < 4; at++) {
      try {
        await store.set(`k.${at}`, sealed(at, 700));
        last = at;
        tell("made", at);
      } catch ({ code }) {
        refused[code] = (refused[code] ?? 0) + 1;
      }
    }
    tell("last", last);
    tell("refused", JSON.stringify(refused));
    tell("keys", await store.countPattern("k.*"));
    process.stdin.once("data", async () => {
      tell("after", await store.set("after", sealed(1, 20_000)).catch(({ code }) => code));
      tell(
        "closed",
        await store.close().then(
          () => true,
          ({ code }) => code,
        ),
      );
      process.exit(0);
    });
    tell("full");
  },

  /** Reads one key as often as it is asked. */
  async look() {
    process.stdin.setEncoding("utf8").on("data", async (text) => {
      if (text.trim() === "end") process.exit(0);
      tell("saw", JSON.stringify(await store.get("n")));
    });
    tell("ready");
  },
};
await WORKS[work]();

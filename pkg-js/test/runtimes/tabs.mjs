// Several pages and a worker on one database; a page that is frozen; a browser that gives no more room.
import { inContext, inFirefox } from "./browsers.mjs";

const ROUNDS = 40;

/** Calls a function of `entries/tab.mjs` in a page: as text, as two drivers take it. */
const call = (page, name, given) =>
  page.evaluate(`import("/test/entries/tab.mjs").then((tab) => tab.${name}(${JSON.stringify(given)}))`);

const inWorker = (page, given) =>
  page.evaluate(`new Promise((resolve, reject) => {
    const worker = new Worker("/test/entries/tab.mjs", { type: "module" });
    worker.onerror = (event) => reject(new Error("the worker failed: " + event.message));
    worker.onmessage = ({ data: { rounds, error } }) => {
      worker.terminate();
      error === undefined ? resolve(rounds) : reject(new Error(error));
    };
    worker.postMessage(${JSON.stringify(given)});
  })`);

/** Runs `work` in a page with `kv`, the store that it keeps. */
const withStore = (page, work, given = {}) =>
  page.evaluate(`import("/test/entries/tab.mjs").then(async (tab) => {
    globalThis.kv ??= await tab.open(${JSON.stringify(given.database ?? "tabs")});
    return (${work})(globalThis.kv, ${JSON.stringify(given)});
  })`);

class Report {
  passed = 0;
  failures = [];

  check(holds, what) {
    if (holds) this.passed += 1;
    else this.failures.push(`tabs: ${what}`);
  }

  get parts() {
    return { checks: { passed: this.passed, failed: this.failures.length, milliseconds: 0 } };
  }
}

/** Two pages and a worker write at once; then each page, and a new store, has the sums. */
async function hammered(report, pages) {
  const database = "hammered";
  const rounds = await Promise.all([
    call(pages[0], "hammer", { database, mark: "a", rounds: ROUNDS }),
    call(pages[1], "hammer", { database, mark: "b", rounds: ROUNDS }),
    inWorker(pages[1], { database, mark: "c", rounds: ROUNDS }),
  ]);
  report.check(rounds.join() === [ROUNDS, ROUNDS, ROUNDS].join(), `the rounds are ${rounds}`);
  for (const page of pages) {
    const faults = await call(page, "sums", { database, total: 3 * ROUNDS });
    report.check(faults.length === 0, faults.slice(0, 3).join("; "));
  }
}

/** A page that was frozen while another one wrote, and folded what it wrote, sees all when it wakes. */
async function frozen(report, context, [first, second]) {
  const lifecycle = await context.newCDPSession(first);
  await withStore(first, "(kv) => kv.setMany({ n: 1, gone: 1 })");
  await withStore(second, "(kv) => kv.increment('n')");
  for (const much of [10, 200]) {
    await lifecycle.send("Page.setWebLifecycleState", { state: "frozen" });
    await withStore(
      second,
      `async (kv, { much }) => {
        for (let at = 0; at < much; at++) await kv.set("large." + at, "x".repeat(50_000));
        await kv.delete("gone");
        await kv.increment("n");
      }`,
      { much },
    );
    await lifecycle.send("Page.setWebLifecycleState", { state: "active" });
    const wanted = await withStore(second, "async (kv) => [await kv.get('n'), await kv.countPattern('**')]");
    const seen = await withStore(
      first,
      `async (kv, { wanted }) => {
        let seen;
        for (let round = 0; round < 500 && String(seen) !== String(wanted); round++) {
          seen = [await kv.get("n"), await kv.countPattern("**")];
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
        return [...seen, await kv.increment("n"), await kv.exists("gone")];
      }`,
      { wanted },
    );
    report.check(
      String(seen) === String([...wanted, wanted[0] + 1, false]),
      `when it woke it saw ${seen}, where there was ${wanted}`,
    );
  }
}

/**
 * No more room: said so, nothing lost, and it goes on when there is room again. The browser remembers for a while how
 * much room there is: it is told before anything is written.
 */
async function full(report, context, [first, second], url) {
  const given = { database: "full" };
  const session = await context.newCDPSession(first);
  const quota = (more) => session.send("Storage.overrideQuotaForOrigin", { origin: url, ...more });
  await quota({ quotaSize: 8_000_000 });
  await withStore(first, "(kv) => kv.setMany({ a: 1, b: 2 })", given);
  // It fills up with log, and with the pages that it is folded into.
  const told = await withStore(
    first,
    `async (kv) => {
      const known = {};
      for (let at = 0; at < 2000; at++) {
        const key = "k." + (at % 90);
        try {
          await kv.set(key, tab.sealed(at, 50_000));
          known[key] = at;
        } catch ({ code, retryable }) {
          const after = await kv.set("b", tab.sealed(0, 500_000)).then(() => "room", ({ code }) => code);
          return { code, retryable, after, known };
        }
      }
      return {};
    }`,
    given,
  );
  const { code, after, known = {} } = told;
  report.check(code === "quota-exceeded" && after === code, `without room it says ${code}, ${after}`);
  report.check(Object.keys(known).length > 60, `${Object.keys(known).length} values were written before`);
  const compare = `async (kv, { known }) => {
    const values = await kv.getPattern("k.*");
    const faults = [...values].filter(([key, value]) => tab.number(value) !== known[key]).map(([key]) => key);
    if (values.size !== Object.keys(known).length) faults.push(values.size + " keys");
    if (String(await kv.getMany(["a", "b"])) !== "1,2") faults.push("a or b");
    return faults;
  }`;
  const whole = async (page, when) => {
    const faults = await withStore(page, compare, { ...given, known });
    report.check(faults.length === 0, `${when}: ${faults.slice(0, 5)}`);
  };
  await whole(first, "without room");
  // Small changes, until there is no room for these either; where the log can be made shorter, there is.
  await withStore(
    first,
    `async (kv) => {
      let code;
      for (let at = 0; code === undefined && at < 3_000; at++)
        await kv.set("b", 2, { metadata: { at } }).catch((error) => (code = error.code));
    }`,
    given,
  );
  // Whoever deletes makes room, or is told that there is none.
  const [gone] = Object.keys(known);
  const deleted = await withStore(
    first,
    `async (kv, { gone }) => {
      const outcome = await kv.delete(gone).then(String, ({ code }) => code);
      return [outcome, await kv.exists(gone)];
    }`,
    { ...given, gone },
  );
  report.check(
    ["true,false", "quota-exceeded,true"].includes(String(deleted)),
    `deleting without room says ${deleted}`,
  );
  if (deleted[0] === "true") delete known[gone];
  await whole(first, "after deleting");
  // A store that is closed without room loses nothing either, and is opened without room.
  const closed = await withStore(
    first,
    `async (kv) => {
      const said = await kv.close().then(String, ({ code }) => code);
      delete globalThis.kv;
      return said;
    }`,
    given,
  );
  report.check(closed === "undefined", `closing without room says ${closed}`);
  await whole(first, "opened again without room");
  await quota({});
  await whole(second, "opened when there is room again");
  const more = `async (kv) => [await kv.set("more", tab.sealed(1, 300_000)), await kv.increment("m")]`;
  report.check(String(await withStore(first, more, given)) === "true,1", "it goes on when there is room");
  report.check(String(await withStore(second, more, given)) === "true,2", "and so does the other page");
  await whole(first, "after more was written");
  await session.detach();
}

/** Another page may delete the database, or open a newer one, under a store: neither waits. */
async function replaced(report, [first, second]) {
  const given = { database: "replaced" };
  await withStore(first, "(kv) => kv.set('a', 1)", given);
  const asked = (expression) =>
    second.evaluate(`new Promise((resolve) => {
      const request = ${expression};
      request.onblocked = () => resolve("blocked");
      request.onerror = () => resolve(String(request.error));
      request.onsuccess = () => { request.result?.close(); resolve("done"); };
    })`);
  const gone = await asked(`indexedDB.deleteDatabase("replaced")`);
  report.check(gone === "done", `deleting the database was ${gone}`);
  const after = await withStore(first, "async (kv) => [await kv.keys(), await kv.increment('n')]", given);
  report.check(String(after) === ",1", `after it was deleted there is ${after}`);
  const newer = await asked(`indexedDB.open("replaced", 7)`);
  report.check(newer === "done", `opening it with a higher version was ${newer}`);
  const refused = await withStore(first, "(kv) => kv.get('n').then(String, (error) => error.code)", given);
  report.check(refused === "corrupt", `over a newer one it says ${refused}`);
}

export const tabs = {
  "chromium-tabs": (url) =>
    inContext(async (context) => {
      const report = new Report();
      const fresh = async () => {
        const pages = [await context.newPage(), await context.newPage()];
        for (const page of pages) await page.goto(`${url}/test/entries/empty.html`);
        return pages;
      };
      await full(report, context, await fresh(), url);
      await hammered(report, await fresh());
      await frozen(report, context, await fresh());
      await replaced(report, await fresh());
      return { parts: report.parts, failures: report.failures };
    }),
  "firefox-tabs": (url) =>
    inFirefox(async (first, open) => {
      const report = new Report();
      const second = await open();
      for (const page of [first, second]) await page.goto(`${url}/test/entries/empty.html`);
      await hammered(report, [first, second]);
      await second.close();
      return { parts: report.parts, failures: report.failures };
    }),
};

// What the table of tests/behaviour cannot express, in any runtime.
import { show } from "../behaviour.mjs";
import { cases, Check } from "./check.mjs";
import "./isolation.mjs";
import "./types.mjs";
import "./crossing.mjs";
import "./refused.mjs";
import "./hostile.mjs";
import "./changes.mjs";
import "./batches.mjs";
import "./scans.mjs";
import "./watching.mjs";
import "./options.mjs";
import "./abort.mjs";
import "./closing.mjs";
import "./dropped.mjs";
import "./backends.mjs";
import "./storage.mjs";
import "./files.mjs";
import "./opfs.mjs";
import "./indexeddb.mjs";
import "./samples.mjs";
import "./indexeddb-faults.mjs";
import "./indexeddb-ended.mjs";
import "./indexeddb-model.mjs";
import "./torn.mjs";

/**
 * Runs the cases: how many checks held, and which failed. `defaults`: the options of a store that names no backend;
 * `last`: only those after which no store of before can be used.
 */
export async function run(modules, defaults = () => ({}), last = false) {
  const failures = [];
  let passed = 0;
  const one = async ({ name, run: body }) => {
    const check = new Check(modules, defaults);
    try {
      await body(check);
      passed += check.checks;
    } catch (error) {
      failures.push(`cases: ${name}: ${error?.message ?? show(error)}`);
    }
    await check.close().catch((error) => failures.push(`cases: ${name}: close: ${show(error)}`));
  };
  // What names its backend is the same whatever the default is.
  const named = defaults().backend === undefined ? /$^/ : /custom backend|^file: |^dropped: a /;
  const chosen = cases.filter((it) => it.last === last && !named.test(it.name));
  const beside = chosen.filter((it) => it.aside).map(one);
  for (const it of chosen) if (!it.aside) await one(it);
  await Promise.all(beside);
  return { passed, failed: failures.length, failures, cases: chosen.length };
}

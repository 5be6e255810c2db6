// Runs the tests of the npm package on the packed package, installed elsewhere, in every runtime.
//   make pack && (cd pkg-js/test && npm ci) && node pkg-js/test/run.mjs [runtime…]
import { browsers, end } from "./runtimes/browsers.mjs";
import { files } from "./runtimes/files.mjs";
import { install } from "./runtimes/install.mjs";
import { kills } from "./runtimes/kills.mjs";
import { bun, deno, example, node } from "./runtimes/processes.mjs";
import { resolution } from "./runtimes/resolution.mjs";
import { serve } from "./runtimes/serve.mjs";
import { tabs } from "./runtimes/tabs.mjs";
import { todo } from "./runtimes/todo.mjs";
import { types } from "./runtimes/types.mjs";
import { workerd } from "./runtimes/workerd.mjs";

const RUNTIMES = {
  resolution,
  types,
  example,
  node,
  deno,
  bun,
  ...files,
  workerd,
  ...browsers,
  ...tabs,
  ...kills,
  todo,
};

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in RUNTIMES));
if (unknown.length > 0) {
  console.error(`there is no runtime ${unknown.join(", ")}; there is: ${Object.keys(RUNTIMES).join(", ")}`);
  process.exit(2);
}

let passed = 0;
let failed = 0;
try {
  await install();
} catch (error) {
  console.log(`the package could not be installed: ${error.message}\n0 passed, 1 failed`);
  process.exit(1);
}
const server = await serve();
try {
  const names = asked.length > 0 ? asked : Object.keys(RUNTIMES);
  const inBrowser = (name) => /^(chromium|firefox|todo)/.test(name);
  // Two at a time: much of it is waiting.
  await Promise.all(
    [names.filter((name) => !inBrowser(name)), names.filter(inBrowser)].map(async (lane) => {
      for (const name of lane) await one(name);
    }),
  );
} finally {
  await end();
  await server.close();
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);

async function one(name) {
  const start = Date.now();
  let report;
  try {
    report = await RUNTIMES[name](server.url);
  } catch (error) {
    report = { parts: {}, failures: [`it could not run: ${error.message}`] };
  }
  const parts = Object.entries(report.parts);
  const good = parts.reduce((sum, [, part]) => sum + part.passed, 0);
  passed += good;
  failed += report.failures.length;
  const figures = parts.map(([part, found]) => `${part} ${found.passed}`).join(", ");
  console.log(
    `${name.padEnd(24)} ${String(good).padStart(5)} passed, ${report.failures.length} failed  ${((Date.now() - start) / 1000).toFixed(1).padStart(5)} s  ${figures}`,
  );
  for (const failure of report.failures) console.log(`  ${failure}`);
}

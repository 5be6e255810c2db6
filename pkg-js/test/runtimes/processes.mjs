// Node, Deno and Bun: a process that runs the suite.
import { cpSync } from "node:fs";
import { join } from "node:path";
import { bin, command, out, root } from "./place.mjs";

const cache = join(root, "target/npm/cache");
const quiet = {
  ...process.env,
  DENO_NO_UPDATE_CHECK: "1",
  DENO_DIR: join(cache, "deno"),
  BUN_INSTALL_CACHE_DIR: join(cache, "bun"),
  NO_COLOR: "1",
  DO_NOT_TRACK: "1",
};

/** A process that runs an entry and prints its report. */
async function processed(entry, file, args, options) {
  const { stdout, stderr } = await command(file, [...args, join(out, "test/entries", entry)], options);
  const line = stdout.split("\n").find((one) => one.startsWith("RESULT "));
  if (line === undefined) throw new Error(`no report: ${stdout.slice(-2000)} ${stderr.slice(-2000)}`);
  const report = JSON.parse(line.slice(7));
  // Of a call that is torn off, runtimes and the core tell too.
  if (entry === "main.mjs" && stderr.trim() !== "")
    report.failures.push(`wrote to stderr: ${stderr.trim().slice(0, 500)}`);
  return report;
}

/** How each of them runs a file. */
export const RUN = {
  node: [[process.execPath], process.env],
  deno: [
    [
      bin("deno"),
      "run",
      "--quiet",
      "--allow-all",
      "--no-lock",
      "--cached-only",
      "--node-modules-dir=manual",
      "--v8-flags=--expose-gc",
    ],
    quiet,
  ],
  bun: [[bin("bun"), "run"], quiet],
};
const suite = async ([[file, ...args], env]) => {
  const report = await processed("main.mjs", file, args, { env });
  const torn = await processed("torn.mjs", file, args, { env });
  return {
    parts: { ...report.parts, ...torn.parts },
    failures: [...report.failures, ...torn.failures],
  };
};
export const node = () => suite(RUN.node);
export async function deno() {
  const report = await suite(RUN.deno);
  const [[file, ...args], env] = RUN.deno;
  const only = args.map((arg) => (arg === "--allow-all" ? "--allow-read" : arg));
  const denied = await processed("denied.mjs", file, [...only, "--no-prompt"], { env });
  return {
    parts: { ...report.parts, ...denied.parts },
    failures: [...report.failures, ...denied.failures],
  };
}
export const bun = () => suite(RUN.bun);

/** The example of a backend, which runs the suite on itself. */
export async function example() {
  cpSync(join(root, "examples/node/backend.mjs"), join(out, "backend.mjs"));
  const { stdout } = await command(process.execPath, [join(out, "backend.mjs")]);
  const told = stdout.match(/(\d+) checks passed, 0 failed/);
  const failures = told === null ? [`it printed ${stdout}`] : [];
  return {
    parts: { conformance: { passed: Number(told?.[1] ?? 0), failed: failures.length, milliseconds: 0 } },
    failures,
  };
}

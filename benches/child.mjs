/** A process with one contender and one group of work: it times a slice of a row when asked to. */
import { readFileSync } from "node:fs";
import { GROUPS } from "./groups.mjs";

const { group, contender, options } = JSON.parse(process.argv[2]);
const work = await GROUPS[group].prepare(contender, options);
process.send({ notes: work.notes ?? [] });

/**
 * How many milliseconds this process and the server have been ready to run while others had the cores: what a
 * busy machine adds to a time. Linux tells; elsewhere it is 0.
 */
const processes = contender === "redis" ? ["self", options.serverPid] : ["self"];
const files = processes.map((pid) => `/proc/${pid}/schedstat`);
function waited() {
  try {
    return files.reduce((sum, file) => sum + Number(readFileSync(file, "utf8").split(" ")[1]) / 1e6, 0);
  } catch {
    return 0;
  }
}

/** Nanoseconds an operation, over at least `ms` milliseconds. */
async function slice({ run, operations }, ms) {
  // In this order: what is waited between two readings lies within the time.
  const start = performance.now();
  const before = waited();
  let passes = 0;
  do {
    await run();
    passes++;
  } while (performance.now() - start < ms);
  const waiting = waited() - before;
  return ((performance.now() - start - waiting) * 1e6) / (passes * operations);
}

process.on("message", async ({ row, ms }) => {
  if (row === undefined) {
    await work.close();
    process.disconnect();
    return;
  }
  let best = Infinity;
  for (const way of work.rows[row]) best = Math.min(best, await slice(way, ms));
  process.send({ ns: best });
});

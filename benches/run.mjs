/**
 * `node benches/run.mjs [--only text,get] [--quick] [--rounds N] [--package path]`: this package against
 * its peers. `--only` takes groups (text, object, batch, patterns, file, open, memory, size) and parts of rows' names.
 * The table is printed; a run of everything that is not `--quick` also writes it to RESULTS.md.
 */
import { writeFileSync } from "node:fs";
import { cpus, loadavg, totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { versions } from "./contenders.mjs";
import { GROUPS } from "./groups.mjs";
import { redisVersion, startRedis } from "./server.mjs";
import { COMPARED, compared, MEASURED, measured, table } from "./table.mjs";
import { once, rounds } from "./workers.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const { values: words } = parseArgs({
  options: {
    only: { type: "string" },
    quick: { type: "boolean", default: false },
    rounds: { type: "string" },
    package: { type: "string", default: here("../target/npm/package") },
  },
});
const count = Number(words.rounds ?? (words.quick ? 5 : 15));
if (!(Number.isInteger(count) && count > 0)) throw new Error("--rounds takes a number of rounds");
const only = words.only?.split(",");
const ms = words.quick ? 50 : 80;

/** The groups with the rows that were asked for. */
const chosen = Object.entries(GROUPS)
  .map(([name, group]) => {
    const all = only === undefined || only.includes(name);
    return {
      name,
      group,
      rows: all ? group.rows : group.rows.filter((row) => only.some((o) => row.id.includes(o))),
    };
  })
  .filter(({ rows }) => rows.length > 0);
if (chosen.length === 0) throw new Error(`--only ${words.only}: there is no such row or group`);

const began = new Date();
const progress = (group) => (text) => process.stderr.write(`${group}: ${text}\n`);
const needsRedis = chosen.some(({ group }) => group.contenders.includes("redis"));
const redis = needsRedis ? await startRedis() : undefined;
const against = [];
const alone = [];
const notes = [];
try {
  const options = { packagePath: words.package, port: redis?.port, serverPid: redis?.pid };
  for (const { name, group, rows } of chosen) {
    if (group.single) {
      progress(name)("measured once");
      const { results, notes: said } = await once(name, "kv", options);
      for (const row of rows) alone.push(measured(row, results[row.id], group.unit));
      notes.push(...said);
      continue;
    }
    const { contenders } = group;
    const { times, notes: said } = await rounds({
      group: name,
      rows,
      contenders,
      options,
      count,
      ms,
      progress: progress(name),
    });
    for (const [at, row] of rows.entries()) against.push(...compared(row, times[at]));
    notes.push(...said);
  }
} finally {
  await redis?.stop();
}

const processors = cpus();
const seconds = Math.round((Date.now() - began) / 1_000);
const command = ["node benches/run.mjs", ...process.argv.slice(2)].join(" ");
const text = `# What the benchmarks measured

\`${command}\` (in \`make bench\`), ${began.toISOString().slice(0, 16)}Z, ${seconds} s, ${count} rounds of at least ${ms} ms a row and contender.

Node ${process.versions.node}, V8 ${process.versions.v8}, ${process.platform} ${process.arch}; ${processors.length} cores (${processors[0]?.model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GB; load at the end ${loadavg()[0].toFixed(1)}.
Peers: ${versions(redisVersion()).join("; ")}.

Each contender has a process of its own for each group of rows, and 100,000 keys. In a round they take turns row by row.
Times are medians over the rounds, without the time in which the process was ready but others had the cores (Linux's schedstat); a ratio is the median of the ratios within a round, beside the least and the greatest.
"met": \`yes\` reaches the aim (or the floor, where there is no aim), \`floor\` the floor.

${against.length > 0 ? `${table(COMPARED, against)}\n` : ""}
${alone.length > 0 ? `${table(MEASURED, alone)}\n` : ""}
Memory is what the wasm memory and the JavaScript heap have grown by after a garbage collection, less the bytes of the keys; the values exist before, so that only the places that hold them count.
${notes.map((note) => `- ${note}`).join("\n")}
`;
process.stdout.write(text);
if (only === undefined && !words.quick) writeFileSync(here("RESULTS.md"), text);

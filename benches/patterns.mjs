/** `keys(pattern)` over 100,000 keys; an array of strings comes out. */
import { load, openContender } from "./contenders.mjs";
import { allKeys, shortText } from "./data.mjs";

export const contenders = ["kv", "unstorage", "redis", "sqlite"];
export const unit = "µs";

const floor = { unstorage: 70, redis: 20, sqlite: 8 };

/** The pattern for each contender, and how many keys it finds. */
const PATTERNS = [
  {
    pattern: "users.123.*",
    hits: 5,
    picomatch: "users/123/*",
    base: "users:123",
    redis: { glob: "users.123.*" },
    sqlite: ["users.123.*"],
    floor,
  },
  {
    pattern: "users.*.name",
    hits: 15_000,
    picomatch: "users/*/name",
    base: "users",
    redis: { glob: "users.*.name" },
    sqlite: ["users.*.name"],
    floor,
  },
  {
    pattern: "**.error",
    hits: 100,
    picomatch: "**/error",
    redis: { glob: "*.error" },
    sqlite: ["*.error"],
    floor,
  },
  {
    pattern: "users.?.name",
    hits: 10,
    picomatch: "users/?/name",
    base: "users",
    redis: { glob: "users.?.name" },
    sqlite: ["users.?.name"],
    floor,
  },
  {
    pattern: "env.{dev,prod}.config",
    hits: 2,
    picomatch: "env/{dev,prod}/config",
    base: "env",
    redis: { glob: "env.[dp]*.config", filter: /^env\.(?:dev|prod)\.config$/ },
    sqlite: ["env.dev.config", "env.prod.config"],
    floor,
  },
  {
    pattern: "app.**",
    hits: 5_000,
    picomatch: "app/**",
    base: "app",
    redis: { glob: "app.*" },
    sqlite: ["app.*"],
    floor: { ...floor, sqlite: 1 },
  },
];

export const rows = PATTERNS.map(({ pattern, hits, floor }) => ({
  id: pattern,
  work: `\`keys("${pattern}")\`, ${hits.toLocaleString("en")} hits`,
  floor,
}));

export async function prepare(name, options) {
  const contender = await openContender(name, options);
  const keys = allKeys();
  await load(
    contender,
    keys,
    keys.map((_, at) => shortText(at)),
  );
  const timed = {};
  const notes = [];
  for (const one of PATTERNS) {
    timed[one.pattern] = contender.pattern(one).map((run) => ({ run, operations: 1 }));
    for (const { run } of timed[one.pattern]) {
      const start = performance.now();
      const found = await run();
      const ms = performance.now() - start;
      if (found.length !== one.hits || !found.every((key) => typeof key === "string"))
        throw new Error(`${name}: ${one.pattern} found ${found.length} keys, not ${one.hits}`);
      if (name === "kv") notes.push(`first \`keys("${one.pattern}")\`: ${ms.toFixed(1)} ms`);
      const until = performance.now() + 150;
      while (performance.now() < until) await run();
    }
  }
  return { rows: timed, notes, close: contender.close };
}

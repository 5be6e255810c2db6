// Several processes on one file, killed at any time; a disk that is full.
//   KILLS=200 node pkg-js/test/run.mjs node-kills
import { execFileSync, spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { number } from "../cases/sealed.mjs";
import { dist, out, root, within } from "./place.mjs";
import { RUN } from "./processes.mjs";

const KILLS = Number(process.env.KILLS ?? 20);
const WRITERS = 3;
const ROUNDS = 150;
/** A process that says nothing for so long has failed. */
const PATIENCE = 30_000;
const CHILD = join(out, "test/entries/files.mjs");

/** The package that is tested, in this process. */
const open = async (path, config) => {
  const { KVStore } = await import(pathToFileURL(join(dist, "node.js")).href);
  return KVStore.open({ backend: "file", config: { path, ...config } });
};

class Process {
  #lines = [];
  #heard = () => {};

  constructor([file, ...args], env = process.env) {
    this.child = spawn(file, args, { cwd: out, env, stdio: ["pipe", "pipe", "pipe"] });
    this.errors = "";
    this.child.stderr.on("data", (text) => (this.errors += text));
    this.ended = new Promise((resolve) => this.child.once("close", resolve).once("error", resolve));
    this.ended.then(() => this.#heard());
    createInterface({ input: this.child.stdout }).on("line", (line) => {
      this.#lines.push(line.split(" "));
      this.#heard();
    });
  }

  /** What it has told under a name. */
  told(name) {
    return this.#lines.filter(([first]) => first === name).map(([, ...rest]) => rest.join(" "));
  }

  /** Waits until it has told something so often. */
  async hear(name, times = 1) {
    const late = Date.now() + PATIENCE;
    while (this.told(name).length < times) {
      if (this.child.exitCode !== null || this.child.signalCode !== null || Date.now() > late)
        throw new Error(`it never said ${name}: ${this.errors.slice(0, 1000)}`);
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, 1000);
        this.#heard = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return this.told(name)[times - 1];
  }

  say(text) {
    this.child.stdin.write(`${text}\n`);
  }

  async kill() {
    this.child.kill("SIGKILL");
    await this.ended;
  }
}

const start = (runtime, work, path, given = {}) => {
  const [command, env] = RUN[runtime];
  return new Process([...command, CHILD, work, path, JSON.stringify(given)], env);
};

class Report {
  passed = 0;
  failures = [];

  check(holds, what) {
    if (holds) this.passed += 1;
    else this.failures.push(`files: ${what}`);
  }

  async part(name, work) {
    const folder = mkdtempSync(join(tmpdir(), "dataknobs-kv-files-"));
    try {
      await work(this, folder);
    } catch (error) {
      this.failures.push(`files: ${name}: ${error.message}`);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

/** The crate's own test, where it was built: its child counts natively. */
function native() {
  const folder = join(root, "target/debug/deps");
  if (!existsSync(folder)) return undefined;
  const built = readdirSync(folder).filter((name) => /^file_processes-[0-9a-f]+$/.test(name));
  const path = built.map((name) => join(folder, name));
  return path.toSorted((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0];
}

/** Processes of each runtime write one file at the same time: the sums are exact. */
async function together(report, folder) {
  const path = join(folder, "store.json");
  const children = ["node", "node", "deno", "bun"].map((runtime) =>
    start(runtime, "count", path, { rounds: ROUNDS }),
  );
  const program = native();
  const rust =
    program &&
    new Process([program, "works_as_a_child", "--exact", "--nocapture"], {
      ...process.env,
      DATAKNOBS_KV_CHILD: "count",
      DATAKNOBS_KV_PATH: path,
    });
  await within(Promise.all([...children, ...(rust ? [rust] : [])].map(({ ended }) => ended)), "counting");
  for (const child of children)
    report.check(child.told("done").length === 1, `a process failed: ${child.errors.slice(0, 500)}`);
  const store = await open(path);
  const native_rounds = rust ? 300 : 0;
  const [n, record] = [await store.get("n"), await store.get("record")];
  report.check(n === 4 * ROUNDS + native_rounds, `the sum of ${4 * ROUNDS + native_rounds} is ${n}`);
  report.check(record?.sum === 4 * ROUNDS, `${4 * ROUNDS} swaps are ${record?.sum}`);
  if (rust) {
    const by = await store.get(`by.${rust.child.pid}`);
    report.check(rust.child.exitCode === 0 && by === 299, `natively ${by}: ${rust.errors.slice(0, 500)}`);
  }
  await store.close();
  report.check(
    readdirSync(folder).sort().join() === "store.json,store.json.journal",
    readdirSync(folder).join(),
  );
}

/** A process that was killed while it held the lock is waited for by nobody. */
async function robbed(report, folder) {
  const path = join(folder, "store.json");
  const store = await open(path);
  await store.set("n", 1);
  const child = start("node", "hold", path, { durability: "strict" });
  await child.hear("held");
  report.check(existsSync(`${path}.lock`), "it held the lock");
  await child.kill();
  const began = Date.now();
  const sum = await store.increment("n");
  const waited = Date.now() - began;
  // What the other had written, and not acknowledged, may stand.
  report.check(sum === 3 || sum === 2, `after the kill it counts ${sum}`);
  report.check(waited < 500, `the lock was taken over after ${waited} ms`);
  await store.close();
}

/** What a process acknowledges, another one reads. */
async function seen(report, folder) {
  const path = join(folder, "store.json");
  const store = await open(path);
  const child = start("node", "look", path);
  await child.hear("ready");
  let right = 0;
  for (let at = 1; at <= 50; at++) {
    await store.set("n", at);
    // Folded too: the journal is another one then.
    if (at % 10 === 0) await (await open(path)).close();
    child.say("look");
    if ((await child.hear("saw", at)) === String(at)) right += 1;
  }
  report.check(right === 50, `of 50 changes another process saw ${right} at once`);
  child.say("end");
  await child.ended;
  await store.close();
}

/** What was acknowledged before there was no room is there. */
async function compare(report, path, count, where) {
  const store = await open(path);
  const found = await store.getPattern("k.*");
  const damaged = [...found].filter(([key, bytes]) => key !== `k.${number(bytes)}`);
  report.check(
    found.size === count && damaged.length === 0,
    `${where}: of ${count} values ${found.size} are there`,
  );
  await store.set("more", 1);
  await store.close();
}

/** A file that may not grow: the system's own limit. */
async function limited(report, folder) {
  const path = join(folder, "store.json");
  const words = ["fill", path, "{}"];
  const child = new Process(["sh", "-c", 'ulimit -f 200; exec "$0" "$@"', process.execPath, CHILD, ...words]);
  await child.hear("full");
  const made = child.told("made").length;
  report.check(made > 10 && child.told("keys")[0] === String(made), `${made} writes: ${child.told("keys")}`);
  await child.kill();
  await compare(report, path, made, "a file that could not grow");
}

/** A small disk, where this process may mount one; then there is room again. */
async function full(report, folder) {
  const disk = join(folder, "disk");
  mkdirSync(disk);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=3500k", "tmpfs", disk], { stdio: "ignore" });
  } catch {
    return;
  }
  const path = join(disk, "store.json");
  try {
    writeFileSync(join(disk, "filler"), new Uint8Array(2_800_000));
    const child = start("node", "fill", path);
    await child.hear("full");
    const made = child.told("made").length;
    report.check(
      /^\{"quota-exceeded":4\}$/.test(child.told("refused")[0]),
      `it says ${child.told("refused")}`,
    );
    report.check(
      made > 10 && child.told("keys")[0] === String(made),
      `${made} writes: ${child.told("keys")}`,
    );
    rmSync(join(disk, "filler"));
    child.say("go on");
    await child.hear("closed");
    report.check(child.told("after")[0] === "true", `with room again it says ${child.told("after")}`);
    report.check(child.told("closed")[0] === "true", `closing says ${child.told("closed")}`);
    await child.ended;
    await compare(report, path, made, "a full disk");
    report.check(
      readdirSync(disk).sort().join() === "store.json,store.json.journal",
      readdirSync(disk).join(),
    );
  } finally {
    execFileSync("umount", [disk]);
  }
}

/** A `close` that finds no room to fold the journal: it says so, and the next store finds all, as full as it is. */
async function unfolded(report, folder) {
  const disk = join(folder, "disk");
  mkdirSync(disk);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", disk], { stdio: "ignore" });
  } catch {
    return;
  }
  const path = join(disk, "store.json");
  const filler = join(disk, "filler");
  const names = () => readdirSync(disk).sort().join();
  try {
    const store = await open(path);
    await store.set("long", "x".repeat(800_000));
    await store.set("a", 1);
    writeFileSync(filler, new Uint8Array(900_000));
    const refused = await store.close().then(String, ({ code }) => code);
    report.check(refused === "quota-exceeded", `closing without room says ${refused}`);
    const late = await store.get("a").then(String, ({ code }) => code);
    report.check(late === "closed", `after that a call says ${late}`);
    const again = await open(path);
    const found = [(await again.get("long")).length, await again.increment("a"), await again.delete("long")];
    report.check(found.join() === "800000,2,true", `opened again there is ${found}`);
    // What was deleted is not to be written any more.
    await again.close();
    report.check(names() === "filler,store.json,store.json.journal", names());
    const last = await open(path);
    report.check(String(await last.keys()) === "a" && statSync(path).size < 1000, "it is folded");
    await last.close();
  } finally {
    execFileSync("umount", [disk]);
  }
}

/** A process is killed in the middle of writes, again and again: what was acknowledged is there. */
async function kills() {
  const report = new Report();
  let writes = 0;
  let folds = 0;
  await report.part("kills", async (_, folder) => {
    const path = join(folder, "store.json");
    const known = Array(WRITERS).fill(0);
    let journal;
    for (let round = 0; round <= KILLS; round++) {
      // Relaxed, and in gzip format every other time.
      const given = { known, writers: WRITERS, ...(round % 2 === 1 && { compression: "gzip" }) };
      const child = start("node", "write", path, given);
      try {
        const opened = JSON.parse(await child.hear("opened"));
        report.check(true);
        for (const [who, at] of opened.entries()) known[who] = Math.max(known[who], at);
        await new Promise((resolve) => setTimeout(resolve, Math.random() ** 2 * 1200));
      } catch (error) {
        throw new Error(`round ${round}: ${error.message}`);
      } finally {
        await child.kill();
      }
      for (const word of child.told("made")) {
        const [who, at] = word.split(" ").map(Number);
        known[who] = Math.max(known[who], at);
      }
      const { ino } = statSync(`${path}.journal`);
      if (ino !== journal) folds += 1;
      journal = ino;
    }
    await (await open(path)).close();
    const names = readdirSync(folder).sort().join();
    report.check(names === "store.json,store.json.journal", `after the kills there is ${names}`);
    JSON.parse(readFileSync(path, "utf8"));
    writes = known.reduce((sum, at) => sum + at, 0);
  });
  return {
    parts: {
      "opened after a kill": { passed: report.passed, failed: report.failures.length, milliseconds: 0 },
      [`of ${writes} writes, in ${folds} journals`]: { passed: 0, failed: 0, milliseconds: 0 },
    },
    failures: report.failures,
  };
}

export const files = {
  async "node-files"() {
    const report = new Report();
    for (const part of [together, robbed, seen, limited, full, unfolded]) await report.part(part.name, part);
    return {
      parts: { checks: { passed: report.passed, failed: report.failures.length, milliseconds: 0 } },
      failures: report.failures,
    };
  },
  "node-kills": kills,
};

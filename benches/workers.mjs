/** A process for each contender of a group, and the rounds in which they take turns. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

const CHILD = fileURLToPath(new URL("./child.mjs", import.meta.url));
const ONCE = fileURLToPath(new URL("./once.mjs", import.meta.url));

/** The next message of a process; its death is an error. */
function answer(child, name) {
  return new Promise((resolve, reject) => {
    const done = (message) => {
      child.off("exit", died);
      resolve(message);
    };
    const died = (code, signal) => {
      child.off("message", done);
      reject(new Error(`the process of ${name} ended: ${code ?? signal}`));
    };
    child.once("message", done);
    child.once("exit", died);
  });
}

function start(file, words, flags = []) {
  return fork(file, [JSON.stringify(words)], {
    execArgv: flags,
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
}

/** Measures once, in a process of its own. */
export async function once(group, contender, options) {
  const child = start(ONCE, { group, contender, options }, ["--expose-gc", "--max-old-space-size=4096"]);
  return answer(child, contender);
}

/**
 * The nanoseconds of each row, contender and round. In a round each row goes through the contenders one
 * after the other, so that what slows the machine for a while slows them all; the next round begins with
 * another of them. One round is run before the first that counts.
 */
export async function rounds({ group, rows, contenders, options, count, ms, progress }) {
  const children = new Map();
  const notes = [];
  try {
    for (const name of contenders) {
      progress(`${name} loads`);
      const child = start(CHILD, { group, contender: name, options });
      children.set(name, child);
      for (const note of (await answer(child, name)).notes) notes.push(`${name}: ${note}`);
    }
    const times = rows.map(() => new Map(contenders.map((name) => [name, []])));
    for (let round = -1; round < count; round++) {
      progress(round < 0 ? "warm-up" : `round ${round + 1} of ${count}`);
      for (const [at, row] of rows.entries()) {
        for (let turn = 0; turn < contenders.length; turn++) {
          const name = contenders[(turn + round + 1) % contenders.length];
          const child = children.get(name);
          child.send({ row: row.id, ms });
          const { ns } = await answer(child, name);
          if (round >= 0) times[at].get(name).push(ns);
        }
      }
    }
    return { times, notes };
  } finally {
    await Promise.all([...children.values()].map(end));
  }
}

/** Asks a process to end, and ends it if it does not. */
async function end(child) {
  if (child.exitCode !== null || !child.connected) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.send({});
  const late = setTimeout(() => child.kill(), 3_000);
  await ended;
  clearTimeout(late);
}

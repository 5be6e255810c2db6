// Chromium is killed in the middle of writes, again and again: what was acknowledged is there.
//   KILLS=200 node pkg-js/test/run.mjs chromium-kills
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CHROMIUM, QUIETLY } from "./place.mjs";

const KILLS = Number(process.env.KILLS ?? 20);
const WRITERS = 4;
/** A browser that says nothing for so long has failed. */
const PATIENCE = 30_000;

/** Hears which writes were acknowledged, and tells. */
async function listen(known, lose, hear) {
  let born;
  const server = createServer((request, response) => {
    response.setHeader("access-control-allow-origin", "*");
    if (request.method === "GET") {
      const made = new URL(request.url, "http://localhost").searchParams.get("made");
      born ??= made;
      if (made !== born) lose();
      born = made;
      return response.end(JSON.stringify(known));
    }
    let body = "";
    request.on("data", (part) => (body += part));
    request.on("end", () => {
      response.end();
      hear(JSON.parse(body));
    });
  });
  await new Promise((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
  return server;
}

function browser(folder, page) {
  const child = spawn(
    CHROMIUM,
    [...QUIETLY, "--disable-dev-shm-usage", `--user-data-dir=${folder}`, "--remote-debugging-port=0", page],
    { detached: true, stdio: "ignore" },
  );
  const ended = new Promise((resolve) => child.once("exit", resolve).once("error", resolve));
  return async () => {
    try {
      // All of its processes: they are a group of their own.
      process.kill(-child.pid, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await ended;
  };
}

async function chromiumKills(url) {
  const folder = mkdtempSync(join(tmpdir(), "dataknobs-kv-kills-"));
  const known = {};
  const failures = [];
  let passed = 0;
  let opened;
  let heard = () => {};
  // Chromium itself may lose all data of a site when it is killed (once in some hundred times), also a database that
  // the library has nothing to do with. Then all begins anew.
  let lost = 0;
  const lose = () => {
    lost += 1;
    for (const who of Object.keys(known)) delete known[who];
  };
  const server = await listen(known, lose, (word) => {
    if (word.error !== undefined) failures.push(`kills: ${word.error}`);
    if (word.opened !== undefined) opened = { ...opened, ...word.opened };
    if (word.at !== undefined) known[word.who] = Math.max(known[word.who] ?? 0, word.at);
    heard();
  });
  const page = `${url}/test/entries/kill.html?server=http://127.0.0.1:${server.address().port}/`;
  // One more, to see what the last kill has left.
  for (let round = 0; round <= KILLS && failures.length === 0; round++) {
    opened = {};
    const kill = browser(folder, page);
    try {
      await new Promise((resolve, reject) => {
        const late = setTimeout(() => reject(new Error("the browser says nothing")), PATIENCE);
        heard = () => {
          if (Object.keys(opened).length < WRITERS && failures.length === 0) return;
          clearTimeout(late);
          resolve();
        };
      });
      // What is there, though nobody heard that it was acknowledged.
      for (const [who, at] of Object.entries(opened)) known[who] = Math.max(known[who] ?? 0, at);
      if (failures.length === 0) passed += 1;
      await new Promise((resolve) => setTimeout(resolve, 50 + Math.random() ** 2 * 2000));
    } catch (error) {
      failures.push(`kills: round ${round}: ${error.message}`);
    } finally {
      heard = () => {};
      await kill();
    }
  }
  await new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
  if (lost > 1 + KILLS / 40) failures.push(`kills: the browser lost all data of the site ${lost} times`);
  if (failures.length > 0) failures.push(`kills: the profile of the browser is left in ${folder}`);
  // Its last processes may still be ending.
  else rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  const writes = Object.values(known).reduce((sum, at) => sum + at, 0);
  return {
    parts: {
      "opened after a kill": { passed, failed: failures.length, milliseconds: 0 },
      [`all data lost by the browser itself ${lost} times, of ${writes} writes since`]: {
        passed: 0,
        failed: 0,
        milliseconds: 0,
      },
    },
    failures,
  };
}

export const kills = { "chromium-kills": chromiumKills };

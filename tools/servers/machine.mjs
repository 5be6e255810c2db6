// What starting a server takes: a folder, a free port, a child process, patience.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Where the servers keep their data; removed at the end. */
export const folder = mkdtempSync(join(tmpdir(), "dataknobs-kv-servers-"));
const children = [];
let stopping = false;

/** A port that nobody has now. */
export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts a program that runs until the end. */
export function start(name, command, args, options = {}) {
  const child = spawn(command, args.map(String), { stdio: ["ignore", "pipe", "pipe"], ...options });
  const lines = [];
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (data) => {
      lines.push(String(data));
      if (lines.length > 50) lines.shift();
    });
  child.on("error", (error) => fail(`${name}: ${error.message}: run tools/setup.sh`));
  child.on("exit", (code) => {
    if (!stopping) fail(`${name} ended with ${code}:\n${lines.join("")}`);
  });
  children.push(child);
  return child;
}

/** Waits until `ready` says so. */
export async function until(name, ready) {
  const last = Date.now() + 120_000;
  while (Date.now() < last) {
    if (await ready()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  fail(`${name} does not answer`);
}

/** Waits until somebody listens on a port. */
export function listens(name, port) {
  return until(
    `${name} on port ${port}`,
    () =>
      new Promise((resolve) => {
        const socket = connect(port, "127.0.0.1", () => {
          socket.destroy();
          resolve(true);
        });
        socket.once("error", () => resolve(false));
      }),
  );
}

/** What else must be done at the end, such as stopping a program that has left us. */
export const atEnd = [];

/** Ends every server, and removes what they kept. */
export function stop() {
  stopping = true;
  for (const end of atEnd) end();
  for (const child of children) child.kill("SIGTERM");
  rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
}

/** Ends everything, with the reason. */
export function fail(message) {
  console.error(`servers: ${message}`);
  stop();
  process.exit(1);
}

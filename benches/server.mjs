/** A Redis server of our own, on a free port of the loopback interface. */
import { spawn, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export function redisVersion() {
  return /v=([\d.]+)/.exec(execFileSync("redis-server", ["--version"], { encoding: "utf8" }))?.[1];
}

const freePort = () =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

const answers = (port) =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });

/** `{ port, pid, stop }` once it answers. */
export async function startRedis() {
  const port = await freePort();
  const dir = mkdtempSync(join(tmpdir(), "kv-bench-redis-"));
  const options = { port, bind: "127.0.0.1", save: "", appendonly: "no", dir };
  const words = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const server = spawn("redis-server", words, { stdio: "ignore" });
  let failure;
  server.once("error", (error) => {
    failure = error;
  });
  const kill = () => server.kill();
  process.once("exit", kill);
  for (let tries = 0; !(await answers(port)); tries++) {
    if (failure !== undefined || server.exitCode !== null || tries > 200) {
      kill();
      throw failure ?? new Error("redis-server does not answer");
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    port,
    pid: server.pid,
    async stop() {
      process.off("exit", kill);
      const ended = new Promise((resolve) => server.once("exit", resolve));
      if (server.exitCode === null) {
        kill();
        await ended;
      }
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

// Starts the servers that the tests talk to, on free ports of loopback, and stops them again.
//
//   node tools/servers.mjs                       until Ctrl-C; prints the environment
//   node tools/servers.mjs -- command …          while the command runs, in that environment
//   node tools/servers.mjs --only redis -- …     some of them
//
// A server that the environment names already is not started.
import { spawn } from "node:child_process";
import { atEnd, stop } from "./servers/machine.mjs";

/** In this order: the gateway stands before others. */
const ALL = ["redis", "postgres", "gateway"];

const end = process.argv.indexOf("--");
const own = process.argv.slice(2, end < 0 ? undefined : end);
const command = end < 0 ? [] : process.argv.slice(end + 1);
const only = own[0] === "--only" ? own[1].split(",") : ALL;

for (const signal of ["SIGINT", "SIGTERM"])
  process.once(signal, () => {
    stop();
    process.exit(signal === "SIGINT" ? 130 : 143);
  });

const env = {};
for (const name of ALL.filter((name) => only.includes(name))) {
  const { servers } = await import(`./servers/${name}.mjs`);
  for (const [variable, start] of Object.entries(servers))
    env[variable] = process.env[variable] ?? (await start(env));
}
if (command.length === 0) {
  for (const [name, value] of Object.entries(env)) console.log(`export ${name}=${value}`);
} else {
  const [program, ...args] = command;
  // A group of its own, so that where a server dies all of it ends, and waits for no answer any more.
  const child = spawn(program, args, { stdio: "inherit", detached: true, env: { ...process.env, ...env } });
  atEnd.push(() => {
    try {
      process.kill(-child.pid, "SIGTERM");
    } catch {
      // It has ended.
    }
  });
  child.on("exit", (code) => {
    stop();
    process.exit(code ?? 1);
  });
}

// PostgreSQL, in a cluster of its own: it runs as no root, and keeps nothing.
import { execFileSync } from "node:child_process";
import { chownSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { atEnd, fail, freePort, start, until } from "./machine.mjs";

/** What is run as somebody else than root. */
function nobody() {
  if (process.getuid() !== 0) return {};
  const id = (flag) => Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));
  return { uid: id("-u"), gid: id("-g") };
}

export const servers = {
  /** Also for `psql` and node's `pg`. */
  async KV_POSTGRES_URL() {
    let programs;
    try {
      programs = execFileSync("pg_config", ["--bindir"], { encoding: "utf8" }).trim();
    } catch (error) {
      fail(`PostgreSQL: ${error.message}: run tools/setup.sh`);
    }
    const as = { ...nobody(), env: { PATH: process.env.PATH, LC_ALL: "C" } };
    // The folder of the others is root's.
    const folder = mkdtempSync(join(tmpdir(), "dataknobs-kv-postgres-"));
    const data = join(folder, "data");
    mkdirSync(data, { mode: 0o700 });
    if (as.uid !== undefined) for (const each of [folder, data]) chownSync(each, as.uid, as.gid);
    const cluster = ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"];
    execFileSync(join(programs, "initdb"), cluster, { ...as, cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
    const port = await freePort();
    const settings = {
      listen_addresses: "127.0.0.1",
      unix_socket_directories: folder,
      fsync: "off",
      // Who waits for each other learns it at once, so that the tests need not wait a second.
      deadlock_timeout: "50ms",
    };
    const options = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    const server = start("postgres", join(programs, "postgres"), ["-D", data, "-p", port, ...options], {
      ...as,
      cwd: folder,
    });
    atEnd.push(() => {
      // At once: what it keeps goes with its folder.
      server.kill("SIGQUIT");
      rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
    });
    await until(`PostgreSQL on port ${port}`, () => {
      try {
        execFileSync(join(programs, "pg_isready"), ["-q", "-h", "127.0.0.1", "-p", String(port)], as);
        return true;
      } catch {
        return false;
      }
    });
    return `postgres://postgres@127.0.0.1:${port}/postgres`;
  },
};

// Redis, and Webdis in front of it.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { folder, freePort, listens, start } from "./machine.mjs";

export const servers = {
  async KV_REDIS_URL() {
    const port = await freePort();
    const options = ["--save", "", "--appendonly", "no", "--dir", folder];
    start("redis-server", "redis-server", ["--port", port, "--bind", "127.0.0.1", ...options]);
    await listens("redis-server", port);
    return `redis://127.0.0.1:${port}`;
  },
  async KV_WEBDIS_URL(env) {
    const port = await freePort();
    const redis = new URL(env.KV_REDIS_URL);
    const config = {
      redis_host: redis.hostname,
      redis_port: Number(redis.port || 6379),
      http_host: "127.0.0.1",
      http_port: port,
      http_max_request_size: 128 * 2 ** 20,
      daemonize: false,
      database: 0,
      verbosity: 1,
      logfile: join(folder, "webdis.log"),
    };
    writeFileSync(join(folder, "webdis.json"), JSON.stringify(config));
    start("webdis", "webdis", [join(folder, "webdis.json")]);
    await listens("webdis", port);
    return `http://127.0.0.1:${port}/`;
  },
};

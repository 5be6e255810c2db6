// The project's own gateway, in front of the servers that were started before it.
import { fileURLToPath } from "node:url";
import { freePort, listens, start } from "./machine.mjs";

const MAIN = fileURLToPath(new URL("../../gateway/src/main.mjs", import.meta.url));

export const servers = {
  /** What the gateway asks for: it has no default. */
  async KV_GATEWAY_TOKEN() {
    return "a-token-of-the-tests";
  },
  async KV_GATEWAY_URL(env) {
    const port = await freePort();
    start("gateway", process.execPath, [MAIN], {
      env: {
        PATH: process.env.PATH,
        GATEWAY_PORT: String(port),
        GATEWAY_TOKEN: env.KV_GATEWAY_TOKEN,
        GATEWAY_CORS: "*",
        REDIS_URL: env.KV_REDIS_URL,
        POSTGRES_URL: env.KV_POSTGRES_URL,
      },
    });
    await listens("gateway", port);
    return `http://127.0.0.1:${port}/`;
  },
};

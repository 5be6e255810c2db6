// Upstash's REST interface in front of a Redis (Upstash's documentation, "REST API").
import { createClient, RESP_TYPES } from "redis";
import { Refusal } from "./http.mjs";

/** What changes the server, blocks the connection that all share, or ties a state to it. */
const REFUSED = new Set(
  `ACL AUTH BGREWRITEAOF BGSAVE BLMOVE BLMPOP BLPOP BRPOP BRPOPLPUSH BZMPOP BZPOPMAX BZPOPMIN CLIENT CLUSTER CONFIG
   DEBUG DISCARD EXEC FAILOVER HELLO LATENCY MIGRATE MODULE MONITOR MULTI PSUBSCRIBE PSYNC PUNSUBSCRIBE QUIT
   REPLCONF REPLICAOF RESET SAVE SELECT SHUTDOWN SLAVEOF SLOWLOG SSUBSCRIBE SUBSCRIBE SUNSUBSCRIBE SWAPDB SYNC
   UNSUBSCRIBE UNWATCH WAIT WAITAOF WATCH`.split(/\s+/),
);

/** Connects to the Redis of `config.redisUrl`. */
export async function openRedis(config) {
  // The protocol has the shapes of RESP 2: a hash is a flat array.
  const client = createClient({ url: config.redisUrl, RESP: 2, disableOfflineQueue: true });
  client.on("error", (error) => console.error("gateway: redis:", error.message));
  await client.connect();
  return new Upstash(client);
}

class Upstash {
  #client;

  constructor(client) {
    // Bytes, since JSON is to carry what is no text only if the client asks for base64.
    this.#client = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer, [RESP_TYPES.SIMPLE_STRING]: String });
  }

  takes(path) {
    return path === "/" || path === "/pipeline" || path === "/multi-exec";
  }

  allows(incoming, isToken) {
    const [scheme, token] = (incoming.headers.authorization ?? "").split(" ");
    return scheme?.toLowerCase() === "bearer" && token !== undefined && isToken(token);
  }

  refuse(_status, message) {
    return { error: message };
  }

  async answer(incoming, body) {
    if (!this.#client.isReady) throw new Refusal(503, { error: "Redis is not connected" }, { "retry-after": "1" });
    const encode = incoming.headers["upstash-encoding"] === "base64" ? inBase64 : inText;
    const path = new URL(incoming.url, "http://gateway").pathname;
    if (path === "/") {
      const answer = await this.#one(argumentsOf(body), encode);
      if ("error" in answer) throw new Refusal(400, answer);
      return answer;
    }
    if (!Array.isArray(body)) throw new Refusal(400, { error: "ERR the body is an array of commands" });
    const commands = body.map(argumentsOf);
    if (path === "/pipeline") return Promise.all(commands.map((command) => this.#one(command, encode)));
    const multi = this.#client.multi();
    for (const command of commands) multi.addCommand(command);
    try {
      // What fails in a transaction is an item of its own: it undoes nothing.
      const replies = await multi.execTyped().catch((error) => error.replies ?? Promise.reject(error));
      return replies.map((reply) => (reply instanceof Error ? failed(reply) : { result: encode(reply) }));
    } catch (error) {
      throw new Refusal(400, failed(error));
    }
  }

  async #one(command, encode) {
    try {
      return { result: encode(await this.#client.sendCommand(command)) };
    } catch (error) {
      if (!isReply(error)) throw new Refusal(500, { error: "the connection to Redis broke off" });
      return failed(error);
    }
  }

  close() {
    this.#client.destroy();
  }
}

/** Is it Redis that says so? */
function isReply(error) {
  return error?.constructor?.name === "SimpleError" || error?.constructor?.name === "BlobError";
}

function failed(error) {
  return { error: String(error.message) };
}

function argumentsOf(command) {
  if (!Array.isArray(command) || command.length === 0 || typeof command[0] !== "string")
    throw new Refusal(400, { error: "ERR a command is an array that begins with its name" });
  const name = command[0].toUpperCase();
  if (REFUSED.has(name)) throw new Refusal(400, { error: `ERR ${name} is not allowed here` });
  return command.map((part) => (typeof part === "object" ? JSON.stringify(part) : String(part)));
}

/** Every string but `OK`, as the protocol says. */
function inBase64(reply) {
  if (Buffer.isBuffer(reply)) return reply.toString("base64");
  if (Array.isArray(reply)) return reply.map(inBase64);
  if (typeof reply === "string" && reply !== "OK") return Buffer.from(reply).toString("base64");
  return reply;
}

function inText(reply) {
  if (Buffer.isBuffer(reply)) return reply.toString("utf8");
  return Array.isArray(reply) ? reply.map(inText) : reply;
}

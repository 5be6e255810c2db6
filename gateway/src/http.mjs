// The HTTP half: the token, the size of a request, CORS; then the service whose path it is.
import { createHash, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

/** An answer that is no success. */
export class Refusal extends Error {
  constructor(status, body, headers = {}) {
    super(`status ${status}`);
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
}

/** Listens. A service has `takes(path)`, `answer(request)` and `refuse(status, message)`, the body of a refusal in
 * its own protocol. */
export async function serve(config, services) {
  const server = createServer(async (incoming, outgoing) => {
    const service = services.find((one) => one.takes(new URL(incoming.url, "http://gateway").pathname));
    if (config.cors) {
      outgoing.setHeader("access-control-allow-origin", config.cors);
      outgoing.setHeader("access-control-allow-headers", incoming.headers["access-control-request-headers"] ?? "*");
      outgoing.setHeader("access-control-expose-headers", "date, retry-after");
      if (incoming.method === "OPTIONS") return outgoing.writeHead(204).end();
    }
    let status = 200;
    let headers = {};
    let body;
    try {
      if (!service) throw new Refusal(404, { error: "there is nothing under this path" });
      if (incoming.method !== "POST") throw new Refusal(405, service.refuse(405, "only POST is served"));
      if (!service.allows(incoming, (token) => same(token, config.token)))
        throw new Refusal(401, service.refuse(401, "the token is missing or wrong"));
      const text = await read(incoming, config.maxBody, service);
      body = await service.answer(incoming, parse(text, service));
    } catch (error) {
      if (!(error instanceof Refusal)) console.error("gateway:", error);
      status = error instanceof Refusal ? error.status : 500;
      headers = error.headers ?? {};
      body = error instanceof Refusal ? error.body : service.refuse(500, "the gateway failed");
    }
    const text = JSON.stringify(body);
    outgoing.writeHead(status, { "content-type": "application/json", ...headers });
    outgoing.end(text);
  });
  server.keepAliveTimeout = 60_000;
  await new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(config.port, config.host, resolve);
  });
  return server;
}

/** Equal, in a time that does not tell how far. */
function same(given, expected) {
  const digest = (text) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

async function read(incoming, most, service) {
  const chunks = [];
  let size = 0;
  for await (const chunk of incoming) {
    size += chunk.length;
    if (size > most) throw new Refusal(413, service.refuse(413, `a request has at most ${most} bytes`));
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parse(text, service) {
  try {
    return JSON.parse(text);
  } catch {
    throw new Refusal(400, service.refuse(400, "the body is no JSON"));
  }
}

// Upstash's own client against the gateway. Run by `make test-gateway`.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { Redis } from "@upstash/redis";

const url = process.env.KV_GATEWAY_URL;
const token = process.env.KV_GATEWAY_TOKEN;
if (!url || !token) throw new Error("KV_GATEWAY_URL is not set: run this through tools/servers.mjs");
const retry = { retries: 0 };
const redis = new Redis({ url, token, retry, enableTelemetry: false });
/** The tests share a server with others. */
const named = (name) => `gateway:${randomUUID()}:${name}`;

test("texts, objects, numbers and what is absent", async () => {
  const key = named("k");
  assert.equal(await redis.set(key, "häßlich ☃"), "OK");
  assert.equal(await redis.get(key), "häßlich ☃");
  await redis.set(key, { a: [1, null, "x"] });
  assert.deepEqual(await redis.get(key), { a: [1, null, "x"] });
  assert.equal(await redis.incrby(named("n"), 7), 7);
  assert.equal(await redis.get(named("absent")), null);
  assert.equal(await redis.set(key, "2", { nx: true }), null);
  assert.equal(await redis.del(key), 1);
});

test("hashes, lists, sorted sets and time to live", async () => {
  const key = named("h");
  assert.equal(await redis.hset(key, { a: 1, b: "two" }), 2);
  assert.deepEqual(await redis.hgetall(key), { a: 1, b: "two" });
  await redis.zadd(named("z"), { score: 1, member: "one" });
  const list = named("l");
  assert.equal(await redis.rpush(list, "a", "b"), 2);
  assert.deepEqual(await redis.lrange(list, 0, -1), ["a", "b"]);
  await redis.expire(list, 100);
  const left = await redis.ttl(list);
  assert.ok(left > 90 && left <= 100, String(left));
});

test("scripts, also by their digest", async () => {
  const key = named("s");
  const text = "return { KEYS[1], ARGV[1], 7, { 'nested' } }";
  assert.deepEqual(await redis.eval(text, [key], ["x"]), [key, "x", 7, ["nested"]]);
  const digest = await redis.scriptLoad(text);
  assert.deepEqual(await redis.evalsha(digest, [key], ["y"]), [key, "y", 7, ["nested"]]);
  await assert.rejects(redis.evalsha("0".repeat(40), [], []), /NOSCRIPT/);
});

test("a pipeline, whose failures are told", async () => {
  const key = named("p");
  assert.deepEqual(await redis.pipeline().set(key, "text").get(key).exec(), ["OK", "text"]);
  const pipeline = redis.pipeline().incr(key).get(key);
  const [failed, got] = await pipeline.exec({ keepErrors: true });
  assert.match(failed.error, /not an integer/);
  assert.equal(got.result, "text");
});

test("a transaction", async () => {
  const key = named("t");
  assert.deepEqual(await redis.multi().set(key, 1).incr(key).get(key).exec(), ["OK", 2, 2]);
  const failing = redis.multi().set(key, "text").incr(key).exec();
  await assert.rejects(failing, /not an integer/);
  assert.equal(await redis.get(key), "text");
});

test("what is refused is said", async () => {
  await assert.rejects(redis.incr(await text()), /not an integer/);
  const stranger = new Redis({ url, token: "another-token-than-theirs", retry });
  await assert.rejects(stranger.get("k"), /token/);
  for (const command of ["CONFIG", "select", "blpop", "SHUTDOWN"]) {
    const answer = await post([command, "x"]);
    assert.equal(answer.status, 400);
    assert.match((await answer.json()).error, /not allowed/);
  }
});

test("requests that are none", async () => {
  for (const [body, status] of [["{", 400], ["[]", 400], ['{"a":1}', 400], ["[[1]]", 400], ["null", 400]])
    assert.equal((await post(body)).status, status, body);
  assert.equal((await fetch(url)).status, 405);
  assert.equal((await fetch(`${url}elsewhere`, { method: "POST" })).status, 404);
  assert.equal((await fetch(url, { method: "POST", body: '["PING"]' })).status, 401);
  const large = await post(`["SET","k","${"x".repeat(65 * 2 ** 20)}"]`).catch(() => ({ status: 413 }));
  assert.equal(large.status, 413);
  assert.equal(await redis.ping(), "PONG");
});

async function text() {
  const key = named("text");
  await redis.set(key, "text");
  return key;
}

function post(body) {
  const headers = { authorization: `Bearer ${token}` };
  return fetch(url, { method: "POST", headers, body: typeof body === "string" ? body : JSON.stringify(body) });
}

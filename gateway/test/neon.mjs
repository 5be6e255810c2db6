// Neon's own client against the gateway. Run by `make test-gateway`.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { neon, neonConfig } from "@neondatabase/serverless";

const { KV_POSTGRES_URL, KV_GATEWAY_URL, KV_GATEWAY_TOKEN: token } = process.env;
if (!KV_POSTGRES_URL || !KV_GATEWAY_URL || !token)
  throw new Error("KV_POSTGRES_URL is not set: run this through tools/servers.mjs");
const MAIN = fileURLToPath(new URL("../src/main.mjs", import.meta.url));
const CONNECTION = `postgres://anybody:${token}@nowhere.example/anything`;
/** The tests share a server with others. */
const table = `gateway_${randomUUID().replaceAll("-", "")}`;

/** A gateway of the tests' own, and its URL. */
async function gateway(env) {
  const child = spawn(process.execPath, [MAIN], {
    env: { PATH: process.env.PATH, GATEWAY_PORT: "0", GATEWAY_TOKEN: token, POSTGRES_URL: KV_POSTGRES_URL, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (data) => {
    said += data;
  });
  const [line] = await Promise.race([
    once(child.stdout, "data"),
    once(child, "exit").then(([code]) => Promise.reject(new Error(`it ended with ${code}: ${said}`))),
  ]);
  return { url: `${String(line).trim().split(" ").pop()}/sql`, stop: () => child.kill("SIGTERM") };
}

let open;
let sql;
before(async () => {
  open = await gateway({ GATEWAY_SQL: "any", POSTGRES_CONNECTIONS: "3" });
  neonConfig.fetchEndpoint = () => open.url;
  sql = neon(CONNECTION);
  await sql.query(`CREATE TABLE ${table} (n integer PRIMARY KEY, t text, b bytea, j jsonb, a text[], d timestamptz)`);
});
after(async () => {
  await sql.query(`DROP TABLE ${table}`);
  open.stop();
});

test("values of every kind come back as the client's", async () => {
  const values = [1, "häßlich ☃ 'q'", Buffer.from([0, 1, 255]), { a: [1, null] }, ["x", "y,z", 'q"'], new Date(1e12)];
  await sql.query(`INSERT INTO ${table} VALUES ($1, $2, $3, $4, $5, $6)`, values);
  const [row] = await sql.query(`SELECT * FROM ${table} WHERE n = $1`, [1]);
  assert.deepEqual(row, { n: 1, t: values[1], b: values[2], j: values[3], a: values[4], d: values[5] });
  const [empty] = await sql`SELECT ${null}::text AS t, true AS yes, 9007199254740993 AS large`;
  assert.deepEqual(empty, { t: null, yes: true, large: "9007199254740993" });
  assert.deepEqual(await sql.query("SELECT 1 AS a, 2 AS a", [], { arrayMode: true }), [[1, 2]]);
});

test("full results, with their fields and counts", async () => {
  const full = await sql.query(`SELECT n AS number, t FROM ${table} WHERE false`, [], { fullResults: true });
  assert.equal(full.command, "SELECT");
  assert.equal(full.rowCount, 0);
  assert.deepEqual(full.rows, []);
  assert.deepEqual(full.fields.map((field) => [field.name, field.dataTypeID]), [["number", 23], ["t", 25]]);
  const insert = await sql.query(`INSERT INTO ${table} (n) VALUES (10), (11)`, [], { fullResults: true });
  assert.equal(insert.command, "INSERT");
  assert.equal(insert.rowCount, 2);
});

test("errors say what PostgreSQL says", async () => {
  const error = await sql.query(`INSERT INTO ${table} (n) VALUES (10)`).catch((error) => error);
  assert.equal(error.name, "NeonDbError");
  assert.equal(error.code, "23505");
  assert.equal(error.severity, "ERROR");
  assert.equal(error.constraint, `${table}_pkey`);
  assert.match(error.message, /duplicate key/);
  assert.match(error.detail, /\(n\)=\(10\)/);
  const syntax = await sql.query("SELEKT 1").catch((error) => error);
  assert.equal(syntax.code, "42601");
  assert.equal(syntax.position, "1");
  await assert.rejects(sql.query("SELECT 1; SELECT 2"), { code: "42601" });
});

test("a batch is one transaction", async () => {
  const insert = (n) => sql.query(`INSERT INTO ${table} (n, t) VALUES ($1, 'batch')`, [n]);
  const count = () => sql.query(`SELECT count(*)::integer AS count FROM ${table} WHERE t = 'batch'`);
  const results = await sql.transaction([insert(20), insert(21), count()]);
  assert.deepEqual(results, [[], [], [{ count: 2 }]]);
  await assert.rejects(sql.transaction([insert(22), insert(20)]), { code: "23505" });
  assert.deepEqual(await count(), [{ count: 2 }]);
  const full = await sql.transaction([insert(23)], { fullResults: true });
  assert.equal(full[0].rowCount, 1);
  assert.deepEqual(await sql.transaction([]), []);
});

test("a batch has the isolation that it asks for", async () => {
  const shown = (name) => sql.query(`SELECT current_setting('${name}') AS is`);
  const names = ["transaction_isolation", "transaction_read_only", "transaction_deferrable"];
  const settings = async (options) => (await sql.transaction(names.map(shown), options)).map(([row]) => row.is);
  assert.deepEqual(await settings({}), ["read committed", "off", "off"]);
  const strict = { isolationLevel: "Serializable", readOnly: true, deferrable: true };
  assert.deepEqual(await settings(strict), ["serializable", "on", "on"]);
  for (const [level, is] of [["RepeatableRead", "repeatable read"], ["ReadUncommitted", "read uncommitted"]])
    assert.deepEqual(await settings({ isolationLevel: level }), [is, "off", "off"]);
  const write = sql.query(`INSERT INTO ${table} (n) VALUES (30)`);
  await assert.rejects(sql.transaction([write], { readOnly: true }), { code: "25006" });
  await assert.rejects(sql.transaction([shown(names[0])], { isolationLevel: "constructor" }), /isolation level/);
});

test("nothing stays in a connection", async () => {
  for (let round = 0; round < 6; round++) {
    await sql.query("SET search_path TO nowhere");
    await sql.query("BEGIN");
  }
  const transactions = new Set();
  for (let round = 0; round < 6; round++) {
    const [row] = await sql.query("SELECT current_setting('search_path') AS path, pg_current_xact_id()::text AS id");
    assert.equal(row.path, '"$user", public');
    transactions.add(row.id);
  }
  assert.equal(transactions.size, 6);
});

test("a connection that is ended is told, and replaced", async () => {
  const ended = await sql.query("SELECT pg_terminate_backend(pg_backend_pid())").catch((error) => error);
  assert.ok(ended.code === "57P01" || /500/.test(ended.message), ended.message);
  for (let round = 0; round < 6; round++) assert.deepEqual(await sql.query("SELECT 1 AS one"), [{ one: 1 }]);
});

test("a connection that somebody ends while it works is told, and the gateway lives", async () => {
  const working = sql.query("SELECT pg_sleep(60)").catch((error) => error);
  const end = `SELECT pg_terminate_backend(pid) AS ended FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)'`;
  let ended = [];
  while (ended.length === 0) ended = await sql.query(end);
  assert.deepEqual(ended, [{ ended: true }]);
  assert.equal((await working).code, "57P01");
  for (let round = 0; round < 6; round++) assert.deepEqual(await sql.query("SELECT 1 AS one"), [{ one: 1 }]);
});

test("the token is the password, or a bearer token", async () => {
  const stranger = "postgres://anybody:another-token-than-theirs@nowhere.example/anything";
  await assert.rejects(neon(stranger).query("SELECT 1"), /401/);
  assert.deepEqual(await neon(stranger, { authToken: token }).query("SELECT 1 AS one"), [{ one: 1 }]);
  await assert.rejects(neon(CONNECTION, { authToken: "another-token-than-theirs" }).query("SELECT 1"), /401/);
});

test("requests that are none", async () => {
  const headers = { authorization: `Bearer ${token}`, "neon-raw-text-output": "true" };
  const post = (body, more = {}) => fetch(open.url, { method: "POST", headers: { ...headers, ...more }, body });
  for (const body of ["{", "[]", "null", '{"query":1}', '{"query":"SELECT 1","params":{}}', '{"queries":[1]}']) {
    const answer = await post(body);
    assert.equal(answer.status, 400, body);
    assert.ok((await answer.json()).message, body);
  }
  assert.equal((await post('{"query":"SELECT 1"}', { "neon-raw-text-output": "false" })).status, 400);
  const objects = await (await post('{"query":"SELECT 1 AS one"}')).json();
  assert.deepEqual(objects.rows, [{ one: "1" }]);
  assert.equal(objects.rowAsArray, false);
  assert.equal((await fetch(open.url)).status, 405);
  assert.equal((await fetch(open.url, { method: "POST", body: "{}" })).status, 401);
});

test("only a store's statements are allowed, where nothing else is said", async () => {
  const folder = mkdtempSync(join(tmpdir(), "dataknobs-kv-gateway-"));
  const file = join(folder, "also.json");
  writeFileSync(file, JSON.stringify(["SELECT $1::text AS mine"]));
  const shut = await gateway({ GATEWAY_SQL_FILE: file });
  const fetchEndpoint = neonConfig.fetchEndpoint;
  neonConfig.fetchEndpoint = () => shut.url;
  try {
    assert.deepEqual(await sql.query("SELECT $1::text AS mine", ["x"]), [{ mine: "x" }]);
    for (const [text, params] of [
      ["SELECT 1", []],
      ["SELECT $1::text AS mine ", ["x"]],
      [`DROP TABLE ${table}`, []],
      [`CREATE INDEX ON "x" (namespace, expires_at) WHERE expires_at IS NOT NULL; DROP TABLE ${table}`, []],
      [`CREATE INDEX ON ${table} (namespace, expires_at) WHERE expires_at IS NOT NULL`, []],
    ])
      await assert.rejects(sql.query(text, params), { code: "42501" }, text);
    const [own, other] = [sql.query("SELECT $1::text AS mine", ["x"]), sql.query("SELECT 1")];
    await assert.rejects(sql.transaction([own, other]), { code: "42501" });
    const index = 'CREATE INDEX ON "no ""such"."table" (namespace, expires_at) WHERE expires_at IS NOT NULL';
    await assert.rejects(sql.query(index), { code: "3F000" });
  } finally {
    neonConfig.fetchEndpoint = fetchEndpoint;
    shut.stop();
    rmSync(folder, { recursive: true });
  }
});

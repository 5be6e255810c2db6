// SQL over HTTP, as Neon's serverless driver speaks it, in front of a PostgreSQL (`@neondatabase/serverless`).
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import pg from "pg";
import { Refusal } from "./http.mjs";
import { readStatements } from "./statements.mjs";

/** What an error of PostgreSQL's is told with, beside its message. */
const FIELDS = `severity code detail hint position internalPosition internalQuery where schema table column dataType
   constraint file line routine`.split(/\s+/);

/** How the driver names the isolation of a batch. */
const ISOLATION = {
  readuncommitted: "READ UNCOMMITTED",
  readcommitted: "READ COMMITTED",
  repeatableread: "REPEATABLE READ",
  serializable: "SERIALIZABLE",
};

/** Everything stays the text that PostgreSQL sent. */
const AS_TEXT = { getTypeParser: () => (text) => text };

/** A pool of connections to the PostgreSQL of `config.postgresUrl`. */
export async function openPostgres(config) {
  const pool = new pg.Pool({
    connectionString: config.postgresUrl,
    max: config.postgresConnections,
    connectionTimeoutMillis: 10_000,
    statement_timeout: 60_000,
    application_name: "dataknobs-kv-gateway",
  });
  const say = (error) => console.error("gateway: postgres:", error.message);
  pool.on("error", say);
  // The pool listens to a connection only while nobody uses it.
  pool.on("connect", (client) => client.on("error", say));
  // A wrong address is told at the start.
  await pool.query("SELECT 1");
  const also = config.sqlFile ? JSON.parse(readFileSync(config.sqlFile, "utf8")) : [];
  return new Neon(pool, readStatements(also), config);
}

class Neon {
  #pool;
  #isKnown;
  /** Is any statement allowed, so that one may leave something behind in its connection? */
  #any;
  #prepares;

  constructor(pool, isKnown, config) {
    this.#pool = pool;
    this.#isKnown = isKnown;
    this.#any = config.sql === "any";
    this.#prepares = config.postgresPrepare && !this.#any;
  }

  takes(path) {
    return path === "/sql";
  }

  /** The token is a bearer token, or the password of the connection string, of which nothing else counts. */
  allows(incoming, isToken) {
    const { authorization } = incoming.headers;
    if (authorization !== undefined) {
      const [scheme, token] = authorization.split(" ");
      return scheme.toLowerCase() === "bearer" && token !== undefined && isToken(token);
    }
    try {
      return isToken(decodeURIComponent(new URL(incoming.headers["neon-connection-string"]).password));
    } catch {
      return false;
    }
  }

  refuse(_status, message) {
    return { message };
  }

  async answer(incoming, body) {
    const { headers } = incoming;
    if (headers["neon-raw-text-output"] !== "true")
      throw new Refusal(400, { message: "results are text here: send Neon-Raw-Text-Output: true" });
    const asArrays = headers["neon-array-mode"] === "true";
    const batch = Array.isArray(body?.queries);
    const queries = (batch ? body.queries : [body]).map((query) => this.#checked(query));
    const begin = batch ? beginOf(headers) : undefined;
    const client = await this.#pool.connect().catch((error) => {
      console.error("gateway: postgres:", error.message);
      throw new Refusal(503, { message: "PostgreSQL cannot be reached, or has no connection left" }, { "retry-after": "1" });
    });
    let broken = false;
    try {
      const rowMode = asArrays ? "array" : undefined;
      const run = (query) => client.query({ ...query, types: AS_TEXT, rowMode, queryMode: "extended" });
      if (!batch) return shown(await run(queries[0]), asArrays);
      const results = [];
      await client.query(begin);
      for (const query of queries) results.push(shown(await run(query), asArrays));
      await client.query("COMMIT");
      return { results };
    } catch (error) {
      if (!(error instanceof pg.DatabaseError)) {
        broken = true;
        console.error("gateway: postgres:", error.message);
        throw new Refusal(500, { message: "the connection to PostgreSQL broke off" });
      }
      // What is fatal ends the connection.
      broken = error.severity === "FATAL" || error.severity === "PANIC";
      if (batch && !broken) broken = await client.query("ROLLBACK").then(() => false, () => true);
      throw new Refusal(400, failed(error));
    } finally {
      if (this.#any && !broken) broken = await client.query("DISCARD ALL").then(() => false, () => true);
      client.release(broken);
    }
  }

  #checked(query) {
    const values = query?.params ?? [];
    if (typeof query?.query !== "string" || !Array.isArray(values))
      throw new Refusal(400, { message: "a statement is {query, params}, a batch {queries: [{query, params}, …]}" });
    const text = query.query;
    if (!this.#any && !this.#isKnown(text))
      throw new Refusal(400, { message: "this statement is not allowed here", code: "42501", severity: "ERROR" });
    // There are few: each connection plans them once.
    const name = this.#prepares ? createHash("sha256").update(text).digest("base64") : undefined;
    return { name, text, values };
  }

  async close() {
    await this.#pool.end();
  }
}

/** How a batch begins. */
function beginOf(headers) {
  const flag = (name) => headers[name]?.toLowerCase() === "true";
  let text = "BEGIN";
  const level = headers["neon-batch-isolation-level"];
  if (level !== undefined) {
    const name = Object.hasOwn(ISOLATION, level.toLowerCase()) ? ISOLATION[level.toLowerCase()] : undefined;
    if (!name) throw new Refusal(400, { message: `there is no isolation level ${JSON.stringify(level)}` });
    text += ` ISOLATION LEVEL ${name}`;
  }
  if (flag("neon-batch-read-only")) text += " READ ONLY";
  if (flag("neon-batch-deferrable")) text += " DEFERRABLE";
  return text;
}

function shown(result, rowAsArray) {
  const fields = result.fields.map((field) => ({
    name: field.name,
    tableID: field.tableID,
    columnID: field.columnID,
    dataTypeID: field.dataTypeID,
    dataTypeSize: field.dataTypeSize,
    dataTypeModifier: field.dataTypeModifier,
    format: "text",
  }));
  return { fields, rows: result.rows, command: result.command, rowCount: result.rowCount, rowAsArray };
}

function failed(error) {
  const told = { message: error.message };
  for (const field of FIELDS) told[field] = error[field] ?? null;
  return told;
}

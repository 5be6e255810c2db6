// The configuration: environment variables, so that no secret is on a command line.

/** What an operator may set; all else keeps its default. */
export function readConfig(env) {
  const config = {
    host: env.GATEWAY_HOST ?? "127.0.0.1",
    port: whole(env, "GATEWAY_PORT", 0, 65_535, 8079),
    token: env.GATEWAY_TOKEN ?? "",
    redisUrl: env.REDIS_URL ?? "",
    postgresUrl: env.POSTGRES_URL ?? "",
    postgresConnections: whole(env, "POSTGRES_CONNECTIONS", 1, 1000, 10),
    /** "false" before a pooler that cannot keep prepared statements. */
    postgresPrepare: env.POSTGRES_PREPARE !== "false",
    /** Which statements are allowed: a store's ("store") or any ("any"); and which others, in a file. */
    sql: env.GATEWAY_SQL ?? "store",
    sqlFile: env.GATEWAY_SQL_FILE ?? "",
    /** Bytes of one request. */
    maxBody: whole(env, "GATEWAY_MAX_BODY", 1024, 2 ** 30, 64 * 2 ** 20),
    /** Pages of other origins may call: "*" or an origin. */
    cors: env.GATEWAY_CORS ?? "",
  };
  if (config.token.length < 16)
    fail("GATEWAY_TOKEN is missing or shorter than 16 characters: whoever has it can do everything");
  if (!config.redisUrl && !config.postgresUrl) fail("set REDIS_URL, POSTGRES_URL, or both");
  if (config.sql !== "store" && config.sql !== "any") fail('GATEWAY_SQL is "store" or "any"');
  return config;
}

function whole(env, name, least, most, otherwise) {
  if (env[name] === undefined) return otherwise;
  const value = Number(env[name]);
  if (!Number.isInteger(value) || value < least || value > most)
    fail(`${name} is a whole number from ${least} to ${most}`);
  return value;
}

function fail(message) {
  console.error(`gateway: ${message}`);
  process.exit(2);
}

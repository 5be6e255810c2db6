#!/usr/bin/env node
// The gateway: Redis over HTTP as Upstash's client speaks it, and PostgreSQL as Neon's does, on one port of loopback.
import { readConfig } from "./config.mjs";
import { serve } from "./http.mjs";
import { openPostgres } from "./neon.mjs";
import { openRedis } from "./upstash.mjs";

const config = readConfig(process.env);
const services = [];
if (config.redisUrl) services.push(await openRedis(config));
if (config.postgresUrl) services.push(await openPostgres(config));
const server = await serve(config, services);
console.log(`listening on http://${config.host}:${server.address().port}`);

async function stop() {
  server.close();
  server.closeAllConnections();
  await Promise.all(services.map((service) => service.close()));
}
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, stop);

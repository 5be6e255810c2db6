// Cloudflare's workerd: the suite in one request, a store that many requests share.
import * as kv from "../../node_modules/dataknobs-kv/dist/workerd.js";
import { conformance } from "../../node_modules/dataknobs-kv/dist/conformance.js";
import { suite } from "../suite.mjs";
import table from "../table.mjs";

let shared;
// Opened where workerd allows no timers: works, without clean-up.
const early = kv.KVStore.open();
early.catch(() => {});
const refused = kv.KVStore.open({ autoCleanup: true }).catch((error) => error.code);

export default {
  async fetch(request) {
    switch (new URL(request.url).pathname) {
      case "/suite":
        return Response.json(await suite(kv, conformance, table));
      case "/increment": {
        shared ??= await kv.KVStore.open();
        await shared.set("last", { at: [request.url] });
        return Response.json(await shared.increment("n"));
      }
      case "/update":
        return Response.json(
          await shared.update("n", async (old) => {
            await new Promise((resolve) => {
              setTimeout(resolve, 2);
            });
            return old + 1;
          }),
        );
      case "/early": {
        const store = await early;
        await store.set("a", 1);
        return Response.json([await store.get("a"), await refused]);
      }
      case "/get":
        return Response.json(await shared.get("n"));
      case "/close": {
        await shared.close();
        return Response.json(await shared.get("n").catch((error) => error.code));
      }
      default:
        return new Response("no such path", { status: 404 });
    }
  },
};

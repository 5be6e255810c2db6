// What each runtime's resolution of the package finds.
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { command, dist, out } from "./place.mjs";

/** What each runtime's resolution finds. */
export async function resolution() {
  const failures = [];
  let passed = 0;
  const check = (found, wanted, what) => {
    if (found === wanted) passed += 1;
    else failures.push(`${what}: ${found}, not ${wanted}`);
  };
  const manifest = JSON.parse(readFileSync(join(dist, "../package.json"), "utf8"));
  check(
    Object.keys(manifest.exports["."]).join(),
    "types,workerd,deno,bun,node,browser,default",
    "the order of the conditions",
  );
  for (const field of ["dependencies", "scripts", "devDependencies", "peerDependencies"])
    check(JSON.stringify(manifest[field]), undefined, `the manifest's ${field}`);
  check(
    readdirSync(dist, { recursive: true })
      .map((name) => name.replace(/^(chunk|indexeddb|opfs)-\w+/, "$1"))
      .filter((name, at, all) => all.indexOf(name) === at)
      .sort()
      .join(" "),
    "atomic.d.ts browser.js chunk.js config.d.ts conformance conformance.js conformance/index.d.ts core.d.ts error.d.ts indexeddb.js node.d.ts node.js one-key.d.ts opfs.js service-worker.js store.d.ts types.d.ts values.d.ts wasm wasm/dataknobs_kv_bg.wasm wasm/dataknobs_kv_file_bg.wasm wasm/dataknobs_kv_indexeddb_bg.wasm wasm/dataknobs_kv_node_bg.wasm wasm/dataknobs_kv_whole_bg.wasm workerd.js",
    "what is in dist",
  );
  for (const name of ["README.md", "CHANGELOG.md"]) {
    const text = readFileSync(join(dist, "..", name), "utf8");
    const links = [...text.matchAll(/\]\((?!\w+:|#)([^)#]+)/g)].map((match) => match[1]);
    const dead = links.filter((link) => !existsSync(join(dist, "..", link)));
    check(dead.join(" "), "", `links of ${name} to what the package does not ship`);
  }
  for (const [conditions, file] of [
    [[], "node.js"],
    [["workerd"], "workerd.js"],
    [["workerd", "browser"], "workerd.js"],
    [["browser"], "node.js"],
    [["bun"], "node.js"],
    [["deno"], "node.js"],
  ]) {
    const args = [
      ...conditions.map((name) => `--conditions=${name}`),
      "--input-type=module",
      "-e",
      'console.log(import.meta.resolve("dataknobs-kv"))',
    ];
    const { stdout } = await command(process.execPath, args);
    check(stdout.trim(), `file://${join(dist, file)}`, `node with the conditions [${conditions}] finds`);
  }
  const { stdout } = await command(process.execPath, [
    "--input-type=module",
    "-e",
    'console.log(import.meta.resolve("dataknobs-kv/conformance"))',
  ]);
  check(stdout.trim(), `file://${join(dist, "conformance.js")}`, "dataknobs-kv/conformance is");
  const deep = await command(process.execPath, [
    "--input-type=module",
    "-e",
    'await import("dataknobs-kv/dist/store.js")',
  ]).then(
    () => "found",
    (error) => (error.message.includes("ERR_PACKAGE_PATH_NOT_EXPORTED") ? "not exported" : error.message),
  );
  check(deep, "not exported", "a file inside");
  // From CommonJS: by import().
  writeFileSync(
    join(out, "common.cjs"),
    'import("dataknobs-kv").then(async ({ KVStore }) => { const store = await KVStore.open(); await store.set("a", 1); console.log(await store.get("a")); });\n',
  );
  check(
    (await command(process.execPath, [join(out, "common.cjs")])).stdout.trim(),
    "1",
    "import() from CommonJS gives",
  );
  return { parts: { checks: { passed, failed: failures.length, milliseconds: 0 } }, failures };
}

// Puts the npm package together in target/npm/package: the wasm module, its glue, the TypeScript.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { changed } from "./glue.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const root = here("..");
const out = `${root}/target/npm/package`;
const glue = `${root}/target/npm/bindgen`;

rmSync(out, { recursive: true, force: true });
mkdirSync(`${out}/dist/wasm`, { recursive: true });
/** The modules: that of Node, Deno and Bun can do files too, and the sources are compiled against it. */
const BROWSER = "dataknobs_kv";
const NODE = "dataknobs_kv_node";
mkdirSync(here("ts/wasm"), { recursive: true });
for (const name of [BROWSER, NODE]) {
  // wasm-opt without flags: what Node 20 rejects stays off.
  execFileSync(
    here("node_modules/.bin/wasm-opt"),
    ["-Oz", `${glue}/${name}_bg.wasm`, "-o", `${out}/dist/wasm/${name}_bg.wasm`],
    { stdio: "inherit" },
  );
  // The glue lies among the sources: the compiler needs its types, the bundler the rest.
  writeFileSync(here(`ts/wasm/${name}.js`), changed(readFileSync(`${glue}/${name}.js`, "utf8")));
}
// The numbers of the calls become constants, which the bundler puts in: the object that the glue has
// instead is 0.4 KB, and is dropped.
const types = readFileSync(`${glue}/${NODE}.d.ts`, "utf8");
const [op] = types.match(/^export enum Op {.*?^}/ms);
writeFileSync(here("ts/wasm/op.ts"), `${op.replace("enum", "const enum")}\n`);
writeFileSync(here(`ts/wasm/${BROWSER}.d.ts`), types.replace(op, 'import { Op } from "./op.js";'));
execFileSync(here("node_modules/.bin/tsc"), ["-p", here("tsconfig.json")], { stdio: "inherit" });

// Of the types only what the public ones need.
const needed = new Set();
function need(file) {
  if (needed.has(file) || !existsSync(file)) return;
  needed.add(file);
  for (const [, name] of readFileSync(file, "utf8").matchAll(/from "(\.[^"]+)\.js"/g))
    need(join(dirname(file), `${name}.d.ts`));
}
for (const name of ["node", "conformance/index"]) need(join(out, `dist/${name}.d.ts`));
for (const name of readdirSync(`${out}/dist`, { recursive: true }))
  if (name.endsWith(".d.ts") && !needed.has(join(out, "dist", name))) rmSync(`${out}/dist/${name}`);

const bundle = (names, module) =>
  build({
    entryPoints: Object.fromEntries(names.map((name) => [name, here(`ts/${ENTRIES[name] ?? name}.ts`)])),
    outdir: `${out}/dist`,
    bundle: true,
    splitting: true,
    format: "esm",
    target: "es2022",
    minify: true,
    external: ["node:*", "*.wasm"],
    logLevel: "warning",
    plugins: [
      {
        name: "module",
        setup: (to) =>
          to.onResolve({ filter: /\/dataknobs_kv\.js$/ }, () => ({ path: here(`ts/wasm/${module}.js`) })),
      },
    ],
  });
const ENTRIES = { conformance: "conformance/index" };
await bundle(["browser", "workerd", "conformance"], BROWSER);
await bundle(["node"], NODE);
const manifest = JSON.parse(readFileSync(here("package.json"), "utf8"));
delete manifest.devDependencies;
delete manifest.scripts;
writeFileSync(`${out}/package.json`, `${JSON.stringify(manifest, null, 2)}\n`);
const texts = ["README.md", "CHANGELOG.md", "LICENSE"];
for (const name of texts) cpSync(`${root}/${name}`, `${out}/${name}`);
// What the package does not ship is named in its README without a link.
const readme = readFileSync(`${out}/README.md`, "utf8").replaceAll(
  /\[([^\]]+)\]\((?!\w+:|#)([^)]+)\)/g,
  (link, text, target) => (texts.includes(target) ? link : text),
);
writeFileSync(`${out}/README.md`, readme);

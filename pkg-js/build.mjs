// Puts the npm package together in target/npm/package: the wasm module, its glue, the TypeScript.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const root = here("..");
const out = `${root}/target/npm/package`;
const glue = `${root}/target/npm/bindgen`;

rmSync(out, { recursive: true, force: true });
mkdirSync(`${out}/dist/wasm`, { recursive: true });
// wasm-opt without flags: what Node 20 rejects stays off.
execFileSync(
  here("node_modules/.bin/wasm-opt"),
  ["-Oz", `${glue}/dataknobs_kv_bg.wasm`, "-o", `${out}/dist/wasm/dataknobs_kv_bg.wasm`],
  { stdio: "inherit" },
);
// The glue lies among the sources: the compiler needs its types, the bundler the rest.
mkdirSync(here("ts/wasm"), { recursive: true });
for (const name of ["dataknobs_kv.js", "dataknobs_kv.d.ts"])
  cpSync(`${glue}/${name}`, here(`ts/wasm/${name}`));
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

await build({
  entryPoints: {
    node: here("ts/node.ts"),
    browser: here("ts/browser.ts"),
    workerd: here("ts/workerd.ts"),
    conformance: here("ts/conformance/index.ts"),
  },
  outdir: `${out}/dist`,
  bundle: true,
  splitting: true,
  format: "esm",
  target: "es2022",
  minify: true,
  external: ["node:*", "*.wasm"],
  logLevel: "warning",
});
const manifest = JSON.parse(readFileSync(here("package.json"), "utf8"));
delete manifest.devDependencies;
delete manifest.scripts;
writeFileSync(`${out}/package.json`, `${JSON.stringify(manifest, null, 2)}\n`);
for (const name of ["README.md", "CHANGELOG.md", "LICENSE"]) cpSync(`${root}/${name}`, `${out}/${name}`);

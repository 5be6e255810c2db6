// Puts the npm package together in target/npm/package: the wasm module, its glue, the TypeScript.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
const entries = ["node", "browser", "workerd", "conformance"].filter((name) =>
  existsSync(here(`ts/${name}.ts`)),
);
await build({
  entryPoints: entries.map((name) => here(`ts/${name}.ts`)),
  outdir: `${out}/dist`,
  bundle: true,
  splitting: true,
  format: "esm",
  target: "es2022",
  minify: true,
  sourcemap: true,
  sourcesContent: false,
  external: ["node:*", "*.wasm"],
  logLevel: "warning",
});
const manifest = JSON.parse(readFileSync(here("package.json"), "utf8"));
delete manifest.devDependencies;
delete manifest.scripts;
writeFileSync(`${out}/package.json`, `${JSON.stringify(manifest, null, 2)}\n`);
for (const name of ["README.md", "CHANGELOG.md", "LICENSE"]) cpSync(`${root}/${name}`, `${out}/${name}`);

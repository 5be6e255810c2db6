// Puts the npm package together in target/npm/package: the wasm module, its glue, the TypeScript.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

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
for (const name of ["dataknobs_kv.js", "dataknobs_kv.d.ts"]) {
  cpSync(`${glue}/${name}`, `${out}/dist/wasm/${name}`);
  // The compiler resolves the glue's types where the sources import it.
  mkdirSync(here("ts/wasm"), { recursive: true });
  cpSync(`${glue}/${name}`, here(`ts/wasm/${name}`));
}
execFileSync(here("node_modules/.bin/tsc"), ["-p", here("tsconfig.json")], { stdio: "inherit" });
const manifest = JSON.parse(readFileSync(here("package.json"), "utf8"));
delete manifest.devDependencies;
delete manifest.scripts;
writeFileSync(`${out}/package.json`, `${JSON.stringify(manifest, null, 2)}\n`);
for (const name of ["README.md", "CHANGELOG.md", "LICENSE"]) cpSync(`${root}/${name}`, `${out}/${name}`);

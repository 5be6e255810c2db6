// Installs the packed package elsewhere.
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { command, here, out, root } from "./place.mjs";

/** Installs the tarball into a project of its own, beside a copy of the tests. */
export async function install() {
  const { version } = JSON.parse(readFileSync(here("../package.json"), "utf8"));
  const tarball = join(root, `target/npm/dataknobs-kv-${version}.tgz`);
  if (!existsSync(tarball)) throw new Error(`${tarball} is not there: run "make pack"`);
  rmSync(out, { recursive: true, force: true });
  mkdirSync(join(out, "test/entries"), { recursive: true });
  writeFileSync(
    join(out, "package.json"),
    JSON.stringify({ name: "installed", private: true, type: "module" }),
  );
  await command("npm", [
    "install",
    "--no-audit",
    "--no-fund",
    "--offline",
    "--loglevel=error",
    relative(out, tarball),
  ]);
  for (const name of ["suite.mjs", "behaviour.mjs", "backend.mjs", "cases", "entries"])
    cpSync(here(name), join(out, "test", name), { recursive: true });
  const folder = join(root, "tests/behaviour");
  const files = readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .sort();
  const table = Object.fromEntries(
    files.map((name) => [name, JSON.parse(readFileSync(join(folder, name), "utf8"))]),
  );
  // As text: in an object literal `__proto__` would be something else.
  writeFileSync(
    join(out, "test/table.mjs"),
    `export default JSON.parse(${JSON.stringify(JSON.stringify(table))});\n`,
  );
  // Databases of every format version, as they were written.
  const samples = ["v1", "v2"].map((version) => {
    const sample = readFileSync(join(root, `tests/indexeddb/${version}.json`), "utf8");
    return `export const ${version} = ${sample.trim()};\n`;
  });
  writeFileSync(join(out, "test/samples.mjs"), samples.join(""));
}

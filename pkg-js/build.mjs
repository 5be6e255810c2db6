// Puts the npm package together in target/npm/package: the wasm module, its glue, the TypeScript.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
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
/** Gives a module up. What the engine calls by itself (timers, promises, finalizers) does nothing, and answers with no
 * error. */
const STOP = `function stop(gone) {
  const { memory } = wasm;
  const own = (name) => (name.startsWith("__wb") || name.startsWith("wasm_bindgen") ? () => [] : gone);
  wasm = new Proxy({}, { get: (_, name) => (name === "memory" ? memory : own(name)) });
}`;

/** The modules of browsers; the last one has all that the others have, and its glue serves them too. */
const BROWSER = ["dataknobs_kv", "dataknobs_kv_indexeddb", "dataknobs_kv_file", "dataknobs_kv_whole"];
/** That of Node, Deno and Bun, against which the sources are compiled. */
const NODE = ["dataknobs_kv_node"];
mkdirSync(here("ts/wasm"), { recursive: true });
for (const names of [BROWSER, NODE]) {
  const serving = names[names.length - 1];
  const text = named(readFileSync(`${glue}/${serving}.js`, "utf8"));
  for (const name of names) {
    const wasm = `${out}/dist/wasm/${name}_bg.wasm`;
    writeFileSync(
      wasm,
      named(readFileSync(`${glue}/${name}_bg.wasm`, "latin1"), readFileSync(`${glue}/${name}.js`, "utf8")),
      "latin1",
    );
    // wasm-opt without flags: what Node 20 rejects stays off.
    execFileSync(here("node_modules/.bin/wasm-opt"), ["-Oz", wasm, "-o", wasm], { stdio: "inherit" });
    const imports = WebAssembly.Module.imports(new WebAssembly.Module(readFileSync(wasm)));
    for (const { name: wanted } of imports)
      if (!text.includes(` ${wanted}: function`))
        throw new Error(`${serving}.js has no ${wanted} for ${name}`);
  }
  // The glue lies among the sources: the compiler needs its types, the bundler the rest.
  writeFileSync(here(`ts/wasm/${serving}.js`), factory(text, names));
}

/** What wasm-bindgen numbers through in each module is named after what it does: `text`, in which `of` is the glue. */
function named(text, of = text) {
  const digest = (it) => createHash("sha256").update(it).digest("hex").slice(0, 16);
  const rename = (from, to) => {
    text = text.replaceAll(from, to);
    of = of.replaceAll(from, to);
  };
  // What calls a closure of Rust, by the closure's signature.
  const closures = /`Closure\((.*)\) -> Externref`\.\n.*?\((?:\w+, )*(\w+__invoke__h)([0-9a-f]{16})\)/g;
  for (const [, signature, prefix, hash] of of.matchAll(closures))
    rename(prefix + hash, prefix + digest(signature.replace(/shim_idx: \d+/, "")));
  const numbered = / (__wbindgen_generic_)(\d{16}): (function[\s\S]*?\n {8}\})/g;
  for (const [, prefix, number, body] of of.matchAll(numbered))
    rename(prefix + number, prefix + digest(body.replace(/shim_idx: \d+/, "")));
  return text;
}

/** The glue as a function: several modules may be alive, each with glue of its own. */
function factory(text, names) {
  const own = [...text.matchAll(/^export (?:class|function) (\w+)/gm)].map((match) => match[1]);
  const body = text
    // The numbers of the calls are constants of the bundle.
    .replace(/^export const Op = [\s\S]*?^\}\);/m, "")
    // Each module asks for what it imports under its own name.
    .replace(/"\.\/\w+_bg\.js": (\w+),/, (_, it) =>
      names.map((name) => `"./${name}_bg.js": ${it},`).join(" "),
    )
    // How a module is loaded is in wasm.ts.
    .replace(/^async function __wbg_load[\s\S]*$/m, "")
    .replace(/^export /gm, "");
  return `export function make() {\n${body}\n${STOP}\nreturn { ${own.join(", ")}, stop, imports: __wbg_get_imports, begin: __wbg_finalize_init };\n}\n`;
}

// The numbers of the calls become constants, which the bundler puts in.
const types = readFileSync(`${glue}/${NODE}.d.ts`, "utf8");
const [op] = types.match(/^export enum Op {.*?^}/ms);
writeFileSync(here("ts/wasm/op.ts"), `${op.replace("enum", "const enum")}\n`);
writeFileSync(here("ts/wasm/dataknobs_kv.d.ts"), types.replace(op, 'import { Op } from "./op.js";'));
writeFileSync(
  here("ts/wasm/glue.d.ts"),
  `import type * as module from "./dataknobs_kv.js";
/** The glue of one module: \`begin\` is called with an instance that has the \`imports\`. */
export type Glue = typeof module & {
  imports(): WebAssembly.Imports;
  /** Gives the module up: every later call of it is one of \`gone\`. */
  stop(gone: () => never): void;
  begin(instance: WebAssembly.Instance, module: WebAssembly.Module): module.InitOutput;
};
export declare function make(): Glue;
`,
);
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

const bundle = (names, modules) =>
  build({
    entryPoints: Object.fromEntries(names.map((name) => [name, here(`ts/${ENTRIES[name] ?? name}.ts`)])),
    outdir: `${out}/dist`,
    bundle: true,
    splitting: true,
    format: "esm",
    target: "es2022",
    minify: true,
    // Node shows the line that threw: not all of it.
    ...(modules === NODE ? { lineLimit: 200 } : {}),
    external: ["node:*", "*.wasm"],
    logLevel: "warning",
    plugins: [
      {
        name: "module",
        setup: (to) =>
          to.onResolve({ filter: /\/wasm\/glue\.js$/ }, () => ({
            path: here(`ts/wasm/${modules[modules.length - 1]}.js`),
          })),
      },
    ],
  });
const ENTRIES = { conformance: "conformance/index" };
await bundle(["browser", "service-worker", "workerd", "conformance"], BROWSER);
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

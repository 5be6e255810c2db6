// The types, compiled against the installed package as its users' compilers do.
import { cpSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bin, command, dist, here, out } from "./place.mjs";

export async function types() {
  const failures = [];
  let passed = 0;
  const folder = join(out, "types");
  mkdirSync(folder, { recursive: true });
  const declarations = readdirSync(dist, { recursive: true })
    .filter((name) => name.endsWith(".d.ts"))
    .map((name) => join(dist, name));
  const strict = {
    strict: true,
    noEmit: true,
    skipLibCheck: false,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    types: [],
    target: "ES2022",
  };
  const nodenext = { module: "NodeNext", moduleResolution: "NodeNext" };
  const bundler = { module: "ESNext", moduleResolution: "Bundler" };
  const setups = [
    // Nothing but the language: neither DOM nor Node's types.
    ["nodenext", ["types.test-d.ts", "types.refused-d.ts"], { ...nodenext, lib: ["ES2022"] }],
    [
      "node16",
      ["types.test-d.ts", "types.refused-d.ts"],
      { module: "Node16", moduleResolution: "Node16", lib: ["ES2022"] },
    ],
    ["bundler", ["types.test-d.ts", "types.refused-d.ts"], { ...bundler, lib: ["ES2022"] }],
    [
      "page",
      ["types.test-d.ts", "types.refused-d.ts", "types.signal-d.ts"],
      { ...bundler, lib: ["ES2022", "DOM"] },
    ],
    [
      "worker",
      ["types.test-d.ts", "types.refused-d.ts", "types.signal-d.ts"],
      { ...bundler, lib: ["ES2022", "WebWorker"] },
    ],
    [
      "node",
      ["types.signal-d.ts"],
      { ...nodenext, lib: ["ES2022"], types: ["node"], typeRoots: [here("../node_modules/@types")] },
    ],
    ["using", ["types.using-d.ts"], { ...nodenext, lib: ["ES2022", "ESNext.Disposable"] }],
    // Every file of types in the package, whether or not the entry points lead there.
    ["files", declarations, { ...nodenext, lib: ["ES2022"] }],
  ];
  for (const [name, files, options] of setups) {
    for (const file of files) if (!file.startsWith("/")) cpSync(here(file), join(folder, file));
    writeFileSync(
      join(folder, `tsconfig.${name}.json`),
      JSON.stringify({ compilerOptions: { ...strict, ...options }, files }),
    );
    const project = ["-p", join(folder, `tsconfig.${name}.json`)];
    const fault = await command(bin("tsc"), project).then(
      () => undefined,
      (error) => error.message,
    );
    if (fault === undefined) passed += 1;
    else failures.push(`types: ${name}: ${fault}`);
    const { stdout } = await command(bin("tsc"), [...project, "--listFilesOnly"]);
    // The types of the wasm glue are full of `any`: no public type may lead there.
    const leaks = stdout.split("\n").filter((line) => line.includes("dataknobs-kv/dist/wasm"));
    if (leaks.length === 0) passed += 1;
    else failures.push(`types: ${name}: the public types lead to ${leaks.join(", ")}`);
  }
  return { parts: { compilations: { passed, failed: failures.length, milliseconds: 0 } }, failures };
}

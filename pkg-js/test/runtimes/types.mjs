// The types, compiled against the installed package as its users' compilers do.
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bin, command, here, out } from "./place.mjs";

export async function types() {
  const failures = [];
  let passed = 0;
  const folder = join(out, "types");
  mkdirSync(folder, { recursive: true });
  const strict = {
    strict: true,
    noEmit: true,
    skipLibCheck: false,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    types: [],
    target: "ES2022",
  };
  const setups = [
    [
      "nodenext",
      "types.test-d.ts",
      { module: "NodeNext", moduleResolution: "NodeNext", lib: ["ES2022", "DOM"] },
    ],
    ["bundler", "types.test-d.ts", { module: "ESNext", moduleResolution: "Bundler", lib: ["ES2022", "DOM"] }],
    [
      "worker",
      "types.test-d.ts",
      { module: "ESNext", moduleResolution: "Bundler", lib: ["ES2022", "WebWorker"] },
    ],
    [
      "using",
      "types.using-d.ts",
      { module: "NodeNext", moduleResolution: "NodeNext", lib: ["ES2022", "DOM", "ESNext.Disposable"] },
    ],
  ];
  for (const [name, file, options] of setups) {
    cpSync(here(file), join(folder, file));
    writeFileSync(
      join(folder, `tsconfig.${name}.json`),
      JSON.stringify({ compilerOptions: { ...strict, ...options }, files: [file] }),
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

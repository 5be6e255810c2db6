// Where everything lies, and how a command is run.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** A path in this package's `test`. */
export const here = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
export const root = here("../..");
export const out = join(root, "target/npm/installed");
export const dist = join(out, "node_modules/dataknobs-kv/dist");
export const bin = (name) => here(`node_modules/.bin/${name}`);
export const CHROMIUM = "/usr/bin/chromium";
/** No window, and nothing of its own to do. */
export const QUIETLY = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
export const LIMIT = 300_000;

const exec = promisify(execFile);
export const command = async (file, args, options = {}) => {
  try {
    return await exec(file, args, {
      cwd: out,
      timeout: LIMIT,
      killSignal: "SIGKILL",
      maxBuffer: 1 << 26,
      ...options,
    });
  } catch (error) {
    throw new Error(
      `${file} ${args.join(" ")}: ${error.killed ? "no end; " : ""}${error.message}\n${error.stdout ?? ""}${error.stderr ?? ""}`.slice(
        0,
        4000,
      ),
    );
  }
};

export const within = (promise, what) => {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: no end after ${LIMIT / 1000} s`)), LIMIT);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};

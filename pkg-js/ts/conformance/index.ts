/**
 * The suite that a backend of your own passes.
 *
 * @example
 * import { KVStore } from "dataknobs-kv";
 * import { conformance } from "dataknobs-kv/conformance";
 *
 * const report = await conformance(() => new MyBackend(), KVStore);
 * if (report.failed > 0) throw new Error(report.failures.join("\n"));
 */
import type { KVStore as Store } from "../store.js";
import type { Backend, OpenOptions } from "../types.js";
import { Bench, Fault, type Made, Recorder } from "./bench.js";
import { commit } from "./commit.js";
import { read } from "./read.js";
import { scan } from "./scan.js";
import { spaces } from "./spaces.js";
import { store } from "./store.js";

/** What the suite found. */
export interface ConformanceReport {
  /** How many checks passed. */
  readonly passed: number;
  /** How many did not. */
  readonly failed: number;
  /** Of each that did not, its name and what was seen. */
  readonly failures: readonly string[];
}

/** How the suite runs. */
export interface ConformanceOptions {
  /** Milliseconds that one check may take. Default: 30,000. */
  readonly timeout?: number;
}

/** `KVStore` of the package, from the entry point that your runtime loads. */
export interface StoreClass {
  open(options?: OpenOptions): Promise<Store<any>>;
}

/**
 * Runs every check over a backend of its own, which `make` makes and which is empty. A backend that
 * tells small `limits` is asked for little.
 */
export async function conformance(
  make: () => Backend | Promise<Backend>,
  KVStore: StoreClass,
  options: ConformanceOptions = {},
): Promise<ConformanceReport> {
  if (typeof make !== "function" || typeof KVStore?.open !== "function")
    throw new TypeError("conformance takes a function that makes a backend, and KVStore of dataknobs-kv");
  const recorder = new Recorder();
  const recording = await KVStore.open({ backend: recorder, autoCleanup: false });
  const memo = new Map<string, Made>();
  const makeRecord = async (value: unknown, seconds?: number): Promise<Made> => {
    // The same value gives the same bytes: they hold times.
    const name = typeof value === "string" && seconds === undefined ? value : undefined;
    const made =
      (name === undefined ? undefined : memo.get(name)) ?? (await recorder.make(recording, value, seconds));
    if (name !== undefined) memo.set(name, made);
    return made;
  };
  const failures: string[] = [];
  let passed = 0;
  for (const [group, checks] of Object.entries({ read, commit, scan, spaces, store })) {
    for (const [name, check] of Object.entries(checks)) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(
          () => reject(new Fault("no end after the time that a check may take")),
          options.timeout ?? 30_000,
        );
      });
      let opened: Store<any> | undefined;
      const run = async (): Promise<void> => {
        const backend = await make();
        opened = await KVStore.open({ backend, autoCleanup: false });
        await check(new Bench(backend, opened, makeRecord));
      };
      try {
        await Promise.race([run(), late]);
        passed += 1;
      } catch (error) {
        failures.push(
          `${group}: ${name}: ${error instanceof Fault ? error.message : `threw ${String(error)}`}`,
        );
      } finally {
        clearTimeout(timer);
        await opened?.close().catch(() => undefined);
      }
    }
  }
  await recording.close();
  return { passed, failed: failures.length, failures };
}

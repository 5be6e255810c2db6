/** Opening what a store is kept in. */
import type { Gate } from "./gate.js";
import type { OpenWords } from "./options.js";
import type { Signal } from "./types.js";
import type { Store, Timer } from "./wasm/dataknobs_kv.js";
import type { Core } from "./wasm.js";

/** The store of the core, and the turns in which it is written down. */
export interface Opened {
  core: Store;
  gate: Gate | undefined;
  stop: () => void;
}

/** Opens a store on a memory that is written down. */
export type Connect = (module: Core, words: OpenWords, signal: Signal | undefined) => Promise<Opened>;

/** What writes down, in this runtime: an entry point adds its own. */
export const devices: { [backend: string]: Connect } = {};

export async function connect(module: Core, words: OpenWords, signal?: Signal): Promise<Opened> {
  const [backend, namespace, cleanup, max] = words;
  if (typeof backend === "string" && Object.hasOwn(devices, backend))
    return (devices[backend] as Connect)(module, words, signal);
  const here = [
    ...["memory", ...Object.keys(devices)].map((name) => `\`${name}\``),
    "or an object of your own",
  ];
  const core = module.glue.open(backend, namespace, max, here.join(", "));
  return { core, gate: undefined, stop: cleanUp(module, core, cleanup, (store) => store.clean()) };
}

/** Cleans up every so many seconds, for as long as the store is there, and keeps no process alive. Returns what ends it. */
export function cleanUp(
  { glue }: Core,
  core: Store,
  seconds: number | undefined,
  clean: (core: Store) => unknown,
): () => void {
  if (seconds === undefined) return () => {};
  const weak = new WeakRef(core);
  let running = false;
  let timer: Timer | undefined;
  const stop = () => {
    timer?.free();
    timer = undefined;
  };
  timer = glue.every(Math.ceil(seconds * 1000), async () => {
    const store = weak.deref();
    if (store === undefined) return stop();
    // A slow round is not overtaken by the next.
    if (running) return;
    running = true;
    try {
      await clean(store);
    } catch {
      // What could not be removed now is so in the next round.
    }
    running = false;
  });
  return stop;
}

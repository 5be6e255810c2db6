/** Opening what a store is kept in. */
import { type Device, Gate, type Journal } from "./gate.js";
import type { OpenWords } from "./options.js";
import type { Signal } from "./types.js";
import type { Journal as Memory, Store, Timer } from "./wasm/dataknobs_kv.js";
import type { Core } from "./wasm.js";

/** A device, the memory that it writes down, and what notes the changes. */
export interface Connected {
  readonly device: Device;
  readonly memory: Memory;
  readonly journal: Journal;
}

/** Makes a device, given its checked config. */
export type Connect = (module: Core, config: any, gate: Gate) => Promise<Connected>;

/** The devices of this runtime: an entry point adds its own. */
export const devices: { [backend: string]: Connect } = {};

/** Lets go of what a store holds that nobody has any more. No runtime promises that it does, or when. */
const forgotten =
  globalThis.FinalizationRegistry && new FinalizationRegistry<() => void>((release) => release());

/** The store of the core, and the turns in which it is written down. */
export async function connect(
  module: Core,
  [backend, namespace, cleanup, max, config]: OpenWords,
  signal?: Signal,
): Promise<{
  core: Store;
  gate: Gate | undefined;
  stop: () => void;
}> {
  const { glue, release } = module;
  const named = typeof backend === "string" && Object.hasOwn(devices, backend);
  const here = [
    ...["memory", ...Object.keys(devices)].map((name) => `\`${name}\``),
    "or an object of your own",
  ];
  if (!named) {
    const core = glue.open(backend, namespace, max, here.join(", "));
    return { core, gate: undefined, stop: cleanUp(module, core, cleanup, (store) => store.clean()) };
  }
  const strong = (config as { consistency?: string }).consistency === "strong";
  const gate = new Gate(strong, release);
  let core: Store | undefined;
  let device: Device | undefined;
  try {
    const connected = await (devices[backend] as Connect)(module, config, gate);
    const { journal, memory } = connected;
    device = connected.device;
    const opened = glue.open(backend, namespace, undefined, "", memory.share());
    core = opened;
    // Held by the gate, it would go only with the device.
    const weak = new WeakRef(opened);
    gate.start(device, journal, () => weak.deref()?.clean());
    await gate.refresh();
    // Nobody waits for it any more.
    signal?.throwIfAborted();
    const stop = cleanUp(module, core, cleanup, () => gate.clean());
    forgotten?.register(core, () => {
      stop();
      gate.close(true).catch(() => {});
    });
    return { core, gate, stop };
  } catch (error) {
    await gate.close().catch(() => {});
    if (core === undefined) await device?.close(true).catch(() => {});
    core?.free();
    throw error;
  }
}

/** Cleans up every so many seconds, for as long as the store is there, and keeps no process alive. Returns what ends it. */
function cleanUp(
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

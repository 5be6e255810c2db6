/** Opening what a store is kept in. */
import { type Device, Gate, type Journal } from "./gate.js";
import type { OpenWords } from "./options.js";
import type { Signal } from "./types.js";
import * as glue from "./wasm/dataknobs_kv.js";

/** A device, the memory that it writes down, and what notes the changes. */
export interface Connected {
  readonly device: Device;
  readonly memory: glue.Journal;
  readonly journal: Journal;
}

/** Makes a device, given its checked config. */
export type Connect = (config: any, gate: Gate) => Promise<Connected>;

/** The devices of this runtime: an entry point adds its own. */
export const devices: { [backend: string]: Connect } = {};

/** The store of the core, and the turns in which it is written down. */
export async function connect(
  [backend, namespace, cleanup, max, config]: OpenWords,
  signal?: Signal,
): Promise<{
  core: glue.Store;
  gate?: Gate;
}> {
  const named = typeof backend === "string" && Object.hasOwn(devices, backend);
  const here = [
    ...["memory", ...Object.keys(devices)].map((name) => `\`${name}\``),
    "or an object of your own",
  ];
  if (!named)
    return { core: glue.open(backend, namespace, cleanup, max, here.join(", "), undefined, undefined) };
  const strong = (config as { consistency?: string }).consistency === "strong";
  const gate = new Gate(strong);
  let core: glue.Store | undefined;
  let device: Device | undefined;
  try {
    const connected = await (devices[backend] as Connect)(config, gate);
    const { journal, memory } = connected;
    device = connected.device;
    const opened = glue.open(backend, namespace, cleanup, undefined, "", gate, memory.share());
    core = opened;
    // The core holds the gate: held by it in turn, neither would ever go.
    const weak = new WeakRef(opened);
    gate.start(device, journal, () => weak.deref()?.clean());
    await gate.refresh();
    // Nobody waits for it any more.
    signal?.throwIfAborted();
    return { core, gate };
  } catch (error) {
    await gate.close().catch(() => {});
    if (core === undefined) await device?.close().catch(() => {});
    core?.free();
    throw error;
  }
}

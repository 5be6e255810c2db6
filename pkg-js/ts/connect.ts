/** Opening what a store is kept in. */
import { type Device, Gate, type Journal } from "./gate.js";
import type { OpenWords } from "./options.js";
import * as glue from "./wasm/dataknobs_kv.js";

/** A device, and what notes the changes that it writes down. */
export interface Connected {
  readonly device: Device;
  readonly journal: Journal;
}

/** Makes a device, given its checked config. */
export type Connect = (config: any, core: glue.Store, gate: Gate) => Promise<Connected>;

/** The devices of this runtime: an entry point adds its own. */
export const devices: { [backend: string]: Connect } = {};

/** The store of the core, and the turns in which it is written down. */
export async function connect([backend, namespace, cleanup, max, config]: OpenWords): Promise<{
  core: glue.Store;
  gate?: Gate;
}> {
  const named = typeof backend === "string" && Object.hasOwn(devices, backend);
  const here = [
    ...["memory", ...Object.keys(devices)].map((name) => `\`${name}\``),
    "or an object of your own",
  ];
  if (!named) return { core: glue.open(backend, namespace, cleanup, max, here.join(", "), undefined) };
  const strong = (config as { consistency?: string }).consistency === "strong";
  const gate = new Gate(strong);
  const core = glue.open(backend, namespace, cleanup, undefined, "", gate);
  try {
    const { device, journal } = await (devices[backend] as Connect)(config, core, gate);
    gate.start(device, journal, () => core.clean());
    await gate.refresh();
  } catch (error) {
    await gate.close().catch(() => {});
    core.free();
    throw error;
  }
  return { core, gate };
}

/** Stores on a memory that a device writes down: what they need beside memory alone. */
import { type Connect, cleanUp } from "./connect.js";
import { type Device, Gate, type Journal } from "./gate.js";
import type { Journal as Memory, Store } from "./wasm/dataknobs_kv.js";
import type { Core } from "./wasm.js";

/** A device, the memory that it writes down, and what notes the changes. */
export interface Connected {
  readonly device: Device;
  readonly memory: Memory;
  readonly journal: Journal;
}

/** Lets go of what a store holds that nobody has any more. No runtime promises that it does, or when. */
const forgotten =
  globalThis.FinalizationRegistry && new FinalizationRegistry<() => void>((release) => release());

/** Opens stores on a device, which `make` makes of its checked config. */
export const keptBy =
  <Config>(make: (module: Core, config: Config, gate: Gate) => Promise<Connected>): Connect =>
  async (module, [backend, namespace, cleanup, , config], signal) => {
    const { glue, release } = module;
    const strong = (config as { consistency?: string }).consistency === "strong";
    const gate = new Gate(strong, release);
    let core: Store | undefined;
    let device: Device | undefined;
    try {
      const connected = await make(module, config as Config, gate);
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
  };

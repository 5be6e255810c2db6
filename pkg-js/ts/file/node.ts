/** A file of the machine, in Node, Deno and Bun. What is written when, and under which lock, is the core's. */
import { keptBy } from "../kept.js";
import type { Device } from "../gate.js";
import type { FileConfig } from "../config.js";
import type { Disk } from "../wasm/dataknobs_kv.js";
import { known } from "../torn.js";
import { fs } from "./fs.js";

class DiskDevice implements Device {
  readonly #disk: Disk;
  #folding: NodeJS.Immediate | undefined;

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  /** What others have written is read here and now. */
  get stale(): boolean {
    this.#disk.refresh();
    return false;
  }

  async write(run: () => unknown): Promise<void> {
    // Others were first: what was changed is taken back, and made again on what they wrote.
    while (run() === false);
    // Whoever waits for what was written hears of it first.
    if (this.#folding === undefined && this.#disk.is_untidy())
      this.#folding = setImmediate(() => this.#fold());
  }

  #fold(): void {
    this.#folding = undefined;
    try {
      this.#disk.tidy();
    } catch (error) {
      // The next call says what there is.
      known(error);
    }
  }

  tidy(): undefined {}

  async close(dropped: boolean): Promise<void> {
    if (this.#folding !== undefined) clearImmediate(this.#folding);
    if (dropped) this.#disk.free();
    else this.#disk.close();
  }
}

export const file = keptBy(async ({ glue }, { path, compression, durability }: FileConfig) => {
  const disk = new glue.Disk(path, compression, durability, fs);
  const journal = {
    begin: () => disk.begin(),
    changes: () => disk.end(),
    keep() {},
    // A group that was begun and not ended ends without its changes only where it cannot be written.
    roll_back() {},
  };
  return { device: new DiskDevice(disk), journal: journal as never, memory: disk.memory() };
});

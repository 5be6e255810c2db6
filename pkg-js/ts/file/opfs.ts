/** A file in a browser: the origin's private file system (File System Standard, section 4). */
import { keptBy } from "../kept.js";
import { KVError, type KVErrorCode, refused } from "../error.js";
import type { FileConfig } from "../config.js";
import { FileDevice, type Medium } from "./device.js";
import { known } from "../torn.js";
import { gunzip, gzip } from "./gzip.js";

const CODES: Record<string, KVErrorCode> = {
  NotFoundError: "not-found",
  NotAllowedError: "access-denied",
  SecurityError: "access-denied",
  QuotaExceededError: "quota-exceeded",
  TypeMismatchError: "invalid-argument",
};

/** What TypeScript's library knows in workers only. */
interface Handle extends FileSystemFileHandle {
  createSyncAccessHandle?(): Promise<{
    truncate(size: number): void;
    write(bytes: Uint8Array, options: { at: number }): number;
    flush(): void;
    close(): void;
  }>;
}

class Opfs implements Medium {
  readonly #folder: FileSystemDirectoryHandle;
  readonly #path: string;
  readonly #name: string;
  readonly #gzip: boolean;
  readonly #channel: BroadcastChannel;
  /** Size and time of the document, as it was read or written last. */
  #stamp = "";
  /** The head of the journal: another one has another. */
  #head = "";
  #changed = false;

  constructor(
    folder: FileSystemDirectoryHandle,
    path: string,
    name: string,
    compressed: boolean,
    refresh: () => void,
  ) {
    this.#folder = folder;
    this.#path = path;
    this.#name = name;
    this.#gzip = compressed;
    this.#channel = new BroadcastChannel(`dataknobs-kv file ${path}`);
    this.#channel.onmessage = () => {
      this.#changed = true;
      refresh();
    };
  }

  changed(): boolean {
    return this.#changed;
  }

  alone<T>(work: () => Promise<T>): Promise<T> {
    return this.#told(() =>
      navigator.locks.request(`dataknobs-kv file ${this.#path}`, () => {
        // Whoever holds the lock cannot know who held it before.
        this.#changed = true;
        return work();
      }),
    ) as Promise<T>;
  }

  async #told<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw failure(error, this.#path);
    }
  }

  async #file(name: string): Promise<File | undefined> {
    try {
      return await (await this.#folder.getFileHandle(name)).getFile();
    } catch (error) {
      if ((error as Error).name === "NotFoundError") return undefined;
      throw error;
    }
  }

  async document(): Promise<Uint8Array | undefined> {
    const file = await this.#file(this.#name);
    this.#stamp = stampOf(file);
    if (file === undefined) return undefined;
    return gunzip(new Uint8Array(await file.arrayBuffer()), this.#path);
  }

  async edited(known?: boolean): Promise<Uint8Array | undefined> {
    const stamp = stampOf(await this.#file(this.#name));
    // What is gone is written anew.
    if (!known && stamp !== "" && stamp !== this.#stamp) return this.document();
    this.#stamp = stamp;
    return undefined;
  }

  async journal(): Promise<Uint8Array | undefined> {
    const file = await this.#file(`${this.#name}.journal`);
    this.#changed = false;
    if (file === undefined) return undefined;
    const bytes = new Uint8Array(await file.arrayBuffer());
    this.#head = headOf(bytes);
    return bytes;
  }

  async news(from: number): Promise<Uint8Array | undefined> {
    const file = await this.#file(`${this.#name}.journal`);
    if (file === undefined || file.size < from) return undefined;
    const head = new Uint8Array(await file.slice(0, HEAD).arrayBuffer());
    if (headOf(head) !== this.#head) return undefined;
    this.#changed = false;
    return file.size === from ? new Uint8Array(0) : new Uint8Array(await file.slice(from).arrayBuffer());
  }

  async append(from: number, frame: Uint8Array): Promise<boolean> {
    const handle = (await this.#folder.getFileHandle(`${this.#name}.journal`)) as Handle;
    // Workers have the faster way: a frame that was cut off by a crash is noticed.
    if (handle.createSyncAccessHandle !== undefined) {
      const file = await handle.createSyncAccessHandle();
      try {
        file.truncate(from);
        if (file.write(frame, { at: from }) < frame.length)
          throw new KVError(
            "quota-exceeded",
            `the file ${JSON.stringify(this.#path)} may not grow: delete something`,
          );
        file.flush();
      } finally {
        file.close();
      }
      this.#tell();
      return true;
    }
    // What is written takes the file's place when it is closed: all of it, or nothing.
    await written(await handle.createWritable({ keepExistingData: true }), async (file) => {
      await file.truncate(from);
      await file.write({ type: "write", position: from, data: frame as Uint8Array<ArrayBuffer> });
    });
    this.#tell();
    return true;
  }

  async replaceDocument(bytes: Uint8Array): Promise<void> {
    await this.#replace(this.#name, this.#gzip ? await gzip(bytes) : bytes);
    await this.edited(true);
  }

  async replaceJournal(bytes: Uint8Array): Promise<void> {
    await this.#replace(`${this.#name}.journal`, bytes);
    this.#head = headOf(bytes);
    this.#changed = false;
    this.#tell();
  }

  async #replace(name: string, bytes: Uint8Array): Promise<void> {
    const handle = await this.#folder.getFileHandle(name, { create: true });
    await written(await handle.createWritable(), (file) => file.write(bytes as Uint8Array<ArrayBuffer>));
  }

  #tell(): void {
    this.#channel.postMessage(0);
  }

  close(): void {
    this.#channel.close();
  }
}

/** Writes a file and closes it; what fails leaves no copy behind. */
async function written(
  file: FileSystemWritableFileStream,
  work: (file: FileSystemWritableFileStream) => Promise<void>,
): Promise<void> {
  try {
    await work(file);
    await file.close();
  } catch (error) {
    await file.abort().catch(() => {});
    throw error;
  }
}

/** So many bytes a journal begins with. */
const HEAD = 32;
const headOf = (bytes: Uint8Array): string => String(bytes.subarray(0, HEAD));

const stampOf = (file: File | undefined) => (file ? `${file.size} ${file.lastModified}` : "");

function failure(thrown: unknown, path: string): unknown {
  const error = known(thrown);
  if (error instanceof KVError) return error;
  const { name = "", message = String(error) } = (error ?? {}) as Error;
  return new KVError(CODES[name] ?? "unavailable", `the file ${JSON.stringify(path)}: ${message}`);
}

/** The folder of a path, made where there is none: nobody else could make it. */
async function folderOf(path: string): Promise<[FileSystemDirectoryHandle, string, string]> {
  const parts = path.split("/").filter((part) => part !== "");
  const name = parts.pop();
  if (name === undefined || [...parts, name].some((part) => part === "." || part === ".."))
    throw refused(
      `the option path names a file in the origin's private file system; got ${JSON.stringify(path)}`,
    );
  const { locks, storage } = globalThis.navigator ?? {};
  if (locks === undefined || storage?.getDirectory === undefined)
    throw new KVError(
      "unsupported",
      "this runtime has no private file system: it is there in secure contexts only",
    );
  try {
    let folder = await storage.getDirectory();
    for (const part of parts) folder = await folder.getDirectoryHandle(part, { create: true });
    return [folder, name, [...parts, name].join("/")];
  } catch (error) {
    throw failure(error, path);
  }
}

export const opfs = keptBy(async ({ glue }, config: FileConfig, gate) => {
  // One file has one lock, however its path is spelled.
  const [folder, name, path] = await folderOf(config.path);
  const memory = new glue.Journal();
  const ledger = new glue.Ledger(path, memory);
  const refresh = () => void gate.refresh().catch(() => {});
  const medium = new Opfs(folder, path, name, config.compression === "gzip", refresh);
  return { device: new FileDevice(medium, ledger), journal: ledger, memory };
});

/** `node:fs` in the form in which the core asks for a file system. */
import * as node from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { KVError, type KVErrorCode } from "../error.js";

const DENIED: [KVErrorCode, string] = [
  "access-denied",
  "this process needs to read and write it, and to create files beside it",
];
const KINDS: Record<string, [KVErrorCode, string]> = {
  ENOENT: ["not-found", "its folder does not exist: create it first"],
  EACCES: DENIED,
  EPERM: DENIED,
  EROFS: DENIED,
  // What Deno throws where it was not permitted, with a name and without a code.
  NotCapable: DENIED,
  PermissionDenied: DENIED,
  ENOSPC: ["quota-exceeded", "the disk is full: make room"],
  EDQUOT: ["quota-exceeded", "the disk is full: make room"],
  EFBIG: ["quota-exceeded", "the disk is full: make room"],
  EISDIR: ["invalid-argument", "it is a folder: give the path of a file"],
  ENOTDIR: ["invalid-argument", "it can be no file's path: give another one"],
  EINVAL: ["invalid-argument", "it can be no file's path: give another one"],
  ENAMETOOLONG: ["invalid-argument", "it can be no file's path: give another one"],
};

function fault(path: string, error: unknown): KVError {
  const { code = "", name = "", message = String(error) } = (error ?? {}) as NodeJS.ErrnoException;
  const [kind, hint] = KINDS[code || name] ?? ["unavailable", "the file system refused"];
  return new KVError(kind, `${path}: ${hint} (${code || message})`);
}

function held<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw fault(path, error);
  }
}

/** `absent` where there is nothing. */
function ifThere<T>(path: string, absent: T, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return absent;
    throw fault(path, error);
  }
}

const paths = new Map<number, string>();
const nameOf = (handle: number): string => paths.get(handle) ?? "a file";
/** Writes all of it: a full disk takes a part first. */
function writeAll(handle: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += node.writeSync(handle, bytes, at);
}

/** State and start of a process: the third and the 22nd field of proc_pid_stat(5); the second may hold anything. */
function statOf(pid: number): [state: string, started: number] {
  const text = node.readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = text.slice(text.lastIndexOf(") ") + 2).split(" ");
  return [fields[0] ?? "?", Number(fields[19] ?? 0)];
}

const LINUX = process.platform === "linux";
let host: string | undefined;
let started: number | undefined;

/** Where numbers of processes mean what they mean here: this boot of this machine, this container. */
function hostOf(): string {
  if (!LINUX) return `${process.platform}/${hostname()}`.replaceAll(/\s/g, "");
  try {
    const boot = node.readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return `${boot}/${node.readlinkSync("/proc/self/ns/pid").replaceAll(/\D/g, "")}`;
  } catch {
    return "";
  }
}

/** What was at a path when it was looked at last, and when that was. */
const looked = new Map<string, { readonly ino: number; readonly ctimeMs: number; readonly at: number }>();
/** Whoever moves the whole folder changes nothing of its files: so the path is looked at this often, in milliseconds. */
const SURE = 50;
const WINDOWS = process.platform === "win32";

let inode = 0;
let modified = 0;
const noted = ({ ino, size, mtimeMs }: node.Stats): number => {
  inode = ino;
  modified = mtimeMs;
  return size;
};
const sleeper = new Int32Array(new SharedArrayBuffer(4));

/** Owner, group and mode of another file. */
function inherit(handle: number, { uid, gid, mode }: node.Stats): void {
  try {
    node.fchownSync(handle, uid, gid);
  } catch {
    // Only root may give a file away.
  }
  node.fchmodSync(handle, mode);
}

export const fs = {
  resolve: (path: string) =>
    held(path, () => {
      if (path.includes("\0")) throw Object.assign(new Error("a NUL in it"), { code: "EINVAL" });
      if (/[/\\]$/.test(path)) throw Object.assign(new Error("no name"), { code: "EISDIR" });
      try {
        return node.realpathSync(path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
        return join(node.realpathSync(dirname(path)), basename(path));
      }
    }),
  read: (path: string): Uint8Array | undefined =>
    ifThere<Uint8Array | undefined>(path, undefined, () => node.readFileSync(path)),
  stat(path: string): number {
    const found = held(path, () => node.statSync(path, { throwIfNoEntry: false }));
    if (found === undefined) {
      looked.delete(path);
      return -1;
    }
    looked.set(path, { ino: found.ino, ctimeMs: found.ctimeMs, at: Date.now() });
    return noted(found);
  },
  /**
   * What takes a file's place takes a link from it, and whoever moves or links it changes its ctime: it costs half
   * of looking at the path.
   */
  is_still(handle: number, len: number): boolean {
    const before = looked.get(nameOf(handle));
    if (before === undefined || WINDOWS || !(Math.abs(Date.now() - before.at) < SURE)) return false;
    try {
      const { size, nlink, ino, ctimeMs } = node.fstatSync(handle);
      return size === len && nlink === 1 && ino === before.ino && ctimeMs === before.ctimeMs;
    } catch {
      return false;
    }
  },
  stat_of: (handle: number) => held(nameOf(handle), () => noted(node.fstatSync(handle))),
  identity: () => inode,
  modified: () => modified,
  open: (path: string) =>
    ifThere(path, -1, () => {
      const handle = node.openSync(path, node.constants.O_RDWR | node.constants.O_APPEND);
      paths.set(handle, path);
      return handle;
    }),
  close(handle: number): void {
    looked.delete(nameOf(handle));
    paths.delete(handle);
    try {
      node.closeSync(handle);
    } catch {
      // What was written is written.
    }
  },
  read_from: (handle: number, from: number): Uint8Array =>
    held(nameOf(handle), () => {
      const bytes = new Uint8Array(Math.max(0, node.fstatSync(handle).size - from));
      let at = 0;
      while (at < bytes.length) {
        const read = node.readSync(handle, bytes, at, bytes.length - at, from + at);
        if (read === 0) break;
        at += read;
      }
      return bytes.subarray(0, at);
    }),
  append: (handle: number, bytes: Uint8Array) => held(nameOf(handle), () => writeAll(handle, bytes)),
  sync: (handle: number) => held(nameOf(handle), () => node.fdatasyncSync(handle)),
  truncate: (handle: number, len: number) => held(nameOf(handle), () => node.ftruncateSync(handle, len)),
  create_new(path: string, bytes: Uint8Array): boolean {
    let handle: number;
    try {
      handle = node.openSync(path, "wx");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
      throw fault(path, error);
    }
    try {
      writeAll(handle, bytes);
      return true;
    } catch (error) {
      node.rmSync(path, { force: true });
      throw fault(path, error);
    } finally {
      node.closeSync(handle);
    }
  },
  replace(path: string, aside: string, bytes: Uint8Array): void {
    try {
      // Who may read the old one may read the new one, and nobody else before; a first journal is as its document.
      const like = [path, path.replace(/\.journal$/, "")];
      const [old] = like.flatMap((name) => node.statSync(name, { throwIfNoEntry: false }) ?? []);
      const handle = node.openSync(aside, "w", old === undefined ? 0o666 : 0o600);
      try {
        if (old !== undefined) inherit(handle, old);
        writeAll(handle, bytes);
        node.fsyncSync(handle);
      } finally {
        node.closeSync(handle);
      }
      node.renameSync(aside, path);
    } catch (error) {
      node.rmSync(aside, { force: true });
      throw fault(path, error);
    }
    // The new name is there already; a crash of the machine may still bring back the old one.
    try {
      const folder = node.openSync(dirname(path), "r");
      try {
        node.fsyncSync(folder);
      } finally {
        node.closeSync(folder);
      }
    } catch {
      // Some systems open no folder.
    }
  },
  rename: (from: string, to: string) => held(to, () => node.renameSync(from, to)),
  remove: (path: string) => ifThere(path, undefined, () => node.unlinkSync(path)),
  pid: () => process.pid,
  started(): number {
    started ??= LINUX ? ifThere("/proc", 0, () => statOf(process.pid)[1]) : 0;
    return started;
  },
  host(): string {
    host ??= hostOf();
    return host;
  },
  is_alive(pid: number, began: number, where: string): number {
    if (where !== fs.host()) return -1;
    try {
      if (LINUX) {
        const [state, started] = statOf(pid);
        if ("ZXx".includes(state)) return 0;
        return began === 0 || started === 0 || started === began ? 1 : 0;
      }
      process.kill(pid, 0);
      return 1;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      return code === "ENOENT" || code === "ESRCH" ? 0 : code === "EPERM" ? 1 : -1;
    }
  },
  now: () => Date.now(),
  sleep(milliseconds: number): void {
    Atomics.wait(sleeper, 0, 0, milliseconds);
  },
  gzip: (bytes: Uint8Array): Uint8Array => gzipSync(bytes, { level: 3 }),
  gunzip(bytes: Uint8Array): Uint8Array {
    try {
      return gunzipSync(bytes);
    } catch (error) {
      throw new KVError("corrupt", `not in gzip format, or not all of it (${(error as Error).message})`);
    }
  },
};

/** The options of each backend. */

export interface MemoryConfig {
  /** More entries are refused with `quota-exceeded`; nothing is evicted. */
  readonly maxEntries?: number;
}

/**
 * Browsers and their workers. All entries are in memory while the store is open: a module has at most 4 GiB, texts
 * and bytes among the values twice at times; what has no room is refused with `quota-exceeded`. A database that somebody deletes
 * meanwhile is an empty one to the store; one that is damaged, foreign or of a newer version is refused with `corrupt`.
 */
export interface IndexedDBConfig {
  /** The database's name. Default: `"dataknobs-kv"`. */
  readonly database?: string;
  /**
   * When is a change acknowledged? `"relaxed"` (the default): when the browser has handed it to the operating
   * system, so that it outlives the browser but perhaps not a loss of power; `"strict"`: when it is on the disk.
   */
  readonly durability?: "relaxed" | "strict";
  /**
   * `"cached"` (the default): reads are answered from memory, and see what another tab wrote milliseconds later;
   * `"strong"`: they look into the database first. Changes always do.
   */
  readonly consistency?: "cached" | "strong";
}

/**
 * One JSON document, with a journal beside it (`<path>.journal`) that is folded into it on close and by size. All
 * entries are in memory while the store is open. Several processes may share it; in Node, Deno and Bun who waits for
 * another one's change or folding stops their thread meanwhile, signals too, for 15 seconds at most (then `timeout`).
 */
export interface FileConfig {
  /** In Node, Deno and Bun a path of the machine, in a folder that is there; in a browser one of the origin's private file system. */
  readonly path: string;
  readonly format?: "json";
  readonly compression?: "gzip";
  /**
   * When is a change acknowledged? `"relaxed"` (the default): when the operating system has it, so that it outlives
   * the process but perhaps not a loss of power; `"strict"`: when it is on the disk. Browsers know no difference.
   */
  readonly durability?: "relaxed" | "strict";
}

/** What went wrong, the same in Rust, JavaScript and WIT. */
export type KVErrorCode =
  | "invalid-key"
  | "invalid-pattern"
  | "invalid-argument"
  | "type-mismatch"
  | "not-found"
  | "conflict"
  | "unsupported"
  | "access-denied"
  | "quota-exceeded"
  | "unavailable"
  | "timeout"
  | "aborted"
  | "closed"
  | "corrupt"
  | "outcome-unknown";

/** The error of every method: what went wrong, about which key, and whether trying again may help. */
export class KVError extends Error {
  declare readonly name: "KVError";
  /** What went wrong. */
  readonly code: KVErrorCode;
  /** The key that it is about, where there is one. */
  readonly key: string | undefined;
  /** May the same call succeed later without a change to it? */
  readonly retryable: boolean;
  /** Of a batch: what became of each item, in the order of the input. */
  declare results?: (boolean | KVError)[];

  static {
    // On the prototype the head of the stack has it too.
    (KVError.prototype as { name: string }).name = "KVError";
  }
  /** @internal A minifier makes the class's own name a letter. */
  static override get name(): string {
    return "KVError";
  }

  /** A custom backend may throw one of its own. */
  constructor(code: KVErrorCode, message: string, key?: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
    this.key = key;
    this.retryable = code === "unavailable" || code === "timeout" || code === "conflict";
  }
}

/** @internal An argument that is not what it must be. */
export const refused = (message: string, key?: string): KVError =>
  new KVError("invalid-argument", message, key);

/** @internal The error, which says from now on which key it is about. */
export function about(error: unknown, key: string | undefined): unknown {
  if (error instanceof KVError && error.key === undefined) (error as { key: string | undefined }).key = key;
  return error;
}

/** @internal What `read` gives. Accessors and proxies throw what they like: then what was handed over is refused. */
export function readable<T>(read: () => T, what: string, key?: string): T {
  try {
    return read();
  } catch (error) {
    throw unreadable(error, what, key);
  }
}

/** @internal What is to be thrown where reading `what` threw. */
export const unreadable = (cause: unknown, what: string, key?: string): KVError =>
  cause instanceof KVError
    ? cause
    : new KVError("invalid-argument", `${what} cannot be read: ${said(cause)}`, key, { cause });

/** @internal The message of what was thrown. */
export function said(thrown: unknown): string {
  try {
    return String((thrown as Error | undefined)?.message ?? thrown);
  } catch {
    return "what was thrown cannot be read either";
  }
}

/** @internal What a value is, for a message. */
export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (typeof value !== "object") return typeof value;
  try {
    return `an instance of ${value.constructor.name || "a class"}`;
  } catch {
    return "an instance of a class";
  }
}

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
  constructor(code: KVErrorCode, message: string, key?: string) {
    super(message);
    this.code = code;
    this.key = key;
    this.retryable = code === "unavailable" || code === "timeout" || code === "conflict";
  }
}

/** @internal An argument that is not what it must be. */
export const refused = (message: string, key?: string): KVError =>
  new KVError("invalid-argument", message, key);

/** @internal What a value is, for a message. */
export const kindOf = (value: unknown): string =>
  value === null
    ? "null"
    : typeof value === "object"
      ? `an instance of ${value.constructor?.name ?? "a class"}`
      : typeof value;

/** Types of the user's own: a tag, and how to take a value apart and put it together again. */
import { about, KVError, kindOf, readable, refused, said } from "./error.js";
import type { Serializer } from "./types.js";

/** The tags of the types that need no serializer. */
export const BUILT_IN: ReadonlySet<string> = new Set([
  "bigint",
  "date",
  "map",
  "set",
  "arraybuffer",
  "bytes",
  "double",
  "object",
  "absent",
  "int8array",
  "uint8clampedarray",
  "int16array",
  "uint16array",
  "int32array",
  "uint32array",
  "float32array",
  "float64array",
  "bigint64array",
  "biguint64array",
  "float16array",
]);

const serializers = new Map<string, Serializer>();

/** Registers serializers for the whole program; the same tag again replaces the one before. */
export function register(added: readonly Serializer[]): void {
  readable(() => registerEach(added), "a serializer");
}

function registerEach(added: readonly Serializer[]): void {
  if (!Array.isArray(added))
    throw refused("serializers are an array of { tag, test, serialize, deserialize }");
  for (const one of added) {
    if (typeof one?.tag !== "string" || one.tag === "" || BUILT_IN.has(one.tag)) {
      const tag: unknown = one?.tag;
      throw refused(
        `a serializer's tag is a text of its own, not ${typeof tag === "string" ? JSON.stringify(tag) : kindOf(tag)}`,
      );
    }
    for (const method of ["test", "serialize", "deserialize"] as const) {
      if (typeof one[method] !== "function")
        throw refused(`the serializer ${one.tag} has no function ${method}`);
    }
  }
  for (const one of added) serializers.set(one.tag, one);
}

/** A value of a custom type as the store keeps it. */
export class Custom {
  constructor(
    readonly tag: string,
    readonly body: unknown,
  ) {}

  /** The user's value, made of a body that nobody else holds. */
  revive(body: unknown): unknown {
    const serializer = serializers.get(this.tag);
    if (serializer === undefined) {
      throw new KVError(
        "unsupported",
        `the value is of the type ${JSON.stringify(this.tag)}: open the store with a serializer for it`,
      );
    }
    try {
      const value = serializer.deserialize(body);
      if (value !== undefined) return value;
    } catch (cause) {
      if (cause instanceof KVError) throw cause;
      const message = `the serializer ${this.tag} cannot deserialize: ${said(cause)}`;
      failure = new KVError("corrupt", message, undefined, { cause });
      throw failure;
    }
    throw new KVError("corrupt", `the serializer ${this.tag} made undefined of what is stored`);
  }
}

/** How a serializer failed last. The core takes such an error over without its cause. */
let failure: KVError | undefined;

/** The error of this message, once: the one that has the cause. */
export function failureOf(message: string, key: string | undefined): KVError | undefined {
  const last = failure;
  failure = undefined;
  return last?.message === message ? (about(last, key) as KVError) : undefined;
}

/** What a serializer threw, of which value. */
export class Thrown {
  constructor(
    readonly tag: string,
    readonly value: object,
    readonly error: unknown,
  ) {}

  /** The error of the call; a `KVError` of the serializer's own comes out as it is. */
  refusal(path: string, key: string | undefined): KVError {
    const { error: cause, tag } = this;
    if (cause instanceof KVError) return cause;
    const message = `${path} cannot be stored: the serializer ${tag} failed: ${said(cause)}`;
    return new KVError("invalid-argument", message, key, { cause });
  }
}

/** Tag and body of a value that a serializer takes. */
export function serialized(value: object): { tag: string; body: unknown } | undefined {
  for (const one of serializers.values()) {
    try {
      if (one.test(value)) return { tag: one.tag, body: one.serialize(value) };
    } catch (error) {
      throw new Thrown(one.tag, value, error);
    }
  }
  return undefined;
}

/** Types that JSON does not have, as a tag with a JSON body, which the other bindings read. */
import { KVError } from "./error.js";
import { Custom } from "./serializer.js";

type Typed = { buffer: ArrayBuffer; byteOffset: number; byteLength: number };
const TYPED: Record<string, { new (buffer: ArrayBuffer): unknown; BYTES_PER_ELEMENT: number }> = {};
for (const name of [
  "Int8Array",
  "Uint8ClampedArray",
  "Int16Array",
  "Uint16Array",
  "Int32Array",
  "Uint32Array",
  "Float16Array",
  "Float32Array",
  "Float64Array",
  "BigInt64Array",
  "BigUint64Array",
]) {
  const type = (globalThis as Record<string, unknown>)[name];
  if (type !== undefined) TYPED[name.toLowerCase()] = type as (typeof TYPED)[string];
}

/** `[tag, body]` of a value, or `undefined` for a plain object. */
export function takeApart(value: unknown): [string, unknown] | undefined {
  if (typeof value === "bigint") return ["bigint", String(value)];
  if (value instanceof Custom) return [value.tag, value.body];
  if (value instanceof Date) return ["date", value.getTime()];
  if (value instanceof Map) return ["map", [...value]];
  if (value instanceof Set) return ["set", [...value]];
  if (value instanceof ArrayBuffer) return ["arraybuffer", new Uint8Array(value)];
  if (ArrayBuffer.isView(value)) {
    const { buffer, byteOffset, byteLength } = value as unknown as Typed;
    return [value.constructor.name.toLowerCase(), new Uint8Array(buffer, byteOffset, byteLength)];
  }
  return undefined;
}

/** The value of a tag and a body. */
export function putTogether(tag: string, body: unknown): unknown {
  const damaged = (): KVError =>
    new KVError("corrupt", `a stored value of the type ${tag} has no fitting body`);
  const bytes = (size: number): ArrayBuffer => {
    if (!(body instanceof Uint8Array) || body.byteLength % size !== 0) throw damaged();
    return body.slice().buffer as ArrayBuffer;
  };
  switch (tag) {
    case "bigint":
      if (typeof body !== "string" || !/^-?\d+$/.test(body)) throw damaged();
      return BigInt(body);
    case "date":
      if (typeof body !== "number") throw damaged();
      return new Date(body);
    case "map":
      if (!Array.isArray(body) || !body.every((pair) => Array.isArray(pair) && pair.length === 2))
        throw damaged();
      return new Map(body as [unknown, unknown][]);
    case "set":
      if (!Array.isArray(body)) throw damaged();
      return new Set(body);
    case "arraybuffer":
      return bytes(1);
    default: {
      const type = TYPED[tag];
      if (type !== undefined) return new type(bytes(type.BYTES_PER_ELEMENT));
      return new Custom(tag, body).revive(body);
    }
  }
}

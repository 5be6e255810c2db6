/** Compression by the runtime's own streams. */
import { KVError } from "../error.js";

/** Not through a `Response`: of one that fails, Firefox tells the console too. */
async function through(
  bytes: Uint8Array,
  stream: CompressionStream | DecompressionStream,
): Promise<Uint8Array> {
  const writer = stream.writable.getWriter();
  // What is wrong is told by the reader.
  writer.write(bytes as Uint8Array<ArrayBuffer>).catch(() => {});
  writer.close().catch(() => {});
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const reader = stream.readable.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value as Uint8Array<ArrayBuffer>);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

export const gzip = (bytes: Uint8Array) => through(bytes, new CompressionStream("gzip"));

/** `path` is for the message. A document that is not compressed is taken as it is. */
export async function gunzip(bytes: Uint8Array, path: string): Promise<Uint8Array> {
  // RFC 1952, section 2.3.1.
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return await through(bytes, new DecompressionStream("gzip"));
  } catch {
    throw new KVError(
      "corrupt",
      `${path} is damaged: it is no whole gzip file. Put a copy in its place. Nothing was changed.`,
    );
  }
}

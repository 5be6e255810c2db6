/** Compression by the runtime's own streams. */
import { KVError } from "../error.js";

const through = async (bytes: Uint8Array, stream: GenericTransformStream): Promise<Uint8Array> =>
  new Uint8Array(
    await new Response(new Blob([bytes as BlobPart]).stream().pipeThrough(stream)).arrayBuffer(),
  );

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

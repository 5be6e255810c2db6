// Bytes that nothing compresses, which tell what they are and whether they are whole.

/** Some bytes that say `number`. */
export function sealed(number, length) {
  const bytes = new Uint8Array(Math.max(length, 8));
  // It gives no more at once.
  for (let at = 0; at < length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, number);
  view.setUint32(4, sum(bytes));
  return bytes;
}

/** The number that they say; `undefined`: they are damaged. */
export function number(bytes) {
  if (!(bytes instanceof Uint8Array) || bytes.length < 8) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return view.getUint32(4) === sum(bytes) ? view.getUint32(0) : undefined;
}

function sum(bytes) {
  let total = bytes.length;
  for (let at = 0; at < bytes.length; at++)
    if (at < 4 || at > 7) total = (Math.imul(total, 31) + bytes[at]) >>> 0;
  return total;
}

/**
 * The bytes as zlib data (RFC 1950) of one stored block (RFC 1951), which is quicker than deflating where there is
 * nothing to win. At most 65,535 bytes.
 */
export function storedBlock(bytes: Uint8Array): Buffer {
  const size = bytes.length;
  const out = Buffer.allocUnsafe(size + 11);
  out.writeUInt16BE(0x7801, 0);
  out[2] = 1;
  out.writeUInt16LE(size, 3);
  out.writeUInt16LE(size ^ 0xffff, 5);
  out.set(bytes, 7);
  out.writeUInt32BE(adler32(bytes), size + 7);
  return out;
}

function adler32(bytes: Uint8Array): number {
  let low = 1;
  let high = 0;
  for (const byte of bytes) {
    low = (low + byte) % 65_521;
    high = (high + low) % 65_521;
  }
  return high * 65_536 + low;
}

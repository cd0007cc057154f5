/** A set of bytes: bit n stands for byte n. */
export type ByteSet = bigint;

export const noBytes: ByteSet = 0n;
export const allBytes: ByteSet = (1n << 256n) - 1n;
/** Bytes 128 to 255: every byte of a character beyond ASCII. */
export const highBytes: ByteSet = allBytes ^ ((1n << 128n) - 1n);

/** `from` to `to`, both inclusive. */
export function byteRange(from: number, to: number): ByteSet {
  return ((1n << BigInt(to - from + 1)) - 1n) << BigInt(from);
}

export function bytesOf(text: string): ByteSet {
  let set = noBytes;
  for (let at = 0; at < text.length; at++) set |= 1n << BigInt(text.charCodeAt(at));
  return set;
}

export function hasByte(set: ByteSet, byte: number): boolean {
  return ((set >> BigInt(byte)) & 1n) === 1n;
}

/** The set with both cases of every ASCII letter of it. */
export function foldBytes(set: ByteSet): ByteSet {
  const upper = set & byteRange(0x41, 0x5a);
  const lower = set & byteRange(0x61, 0x7a);
  return set | (upper << 32n) | (lower >> 32n);
}

/** The set as ranges, both ends inclusive, in order. */
export function rangesOf(set: ByteSet): readonly (readonly [number, number])[] {
  const ranges: [number, number][] = [];
  for (let byte = 0; byte < 256; byte++) {
    if (!hasByte(set, byte)) continue;
    const last = ranges.at(-1);
    if (last?.[1] === byte - 1) last[1] = byte;
    else ranges.push([byte, byte]);
  }
  return ranges;
}

/** Marvin32, US patent 20130262421, as .NET hashes strings and Microsoft's identifiable secrets are summed. */

/** 64 bits of `data` under a 64-bit seed. */
export function marvin64(data: Uint8Array, seed: bigint): bigint {
  let low = Number(seed & 0xffffffffn) | 0;
  let high = Number(seed >> 32n) | 0;
  const mix = (word: number): void => {
    low = (low + word) | 0;
    high ^= low;
    low = (rotate(low, 20) + high) | 0;
    high = rotate(high, 9) ^ low;
    low = (rotate(low, 27) + high) | 0;
    high = rotate(high, 19);
  };
  const whole = data.length - (data.length % 4);
  for (let i = 0; i < whole; i += 4) mix(wordAt(data, i, 4));
  mix(wordAt(data, whole, data.length - whole) | (0x80 << (8 * (data.length - whole))));
  mix(0);
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}

/** The two halves of marvin64, folded. */
export function marvin32(data: Uint8Array, seed: bigint): number {
  const hash = marvin64(data, seed);
  return Number((hash >> 32n) ^ (hash & 0xffffffffn));
}

const rotate = (value: number, bits: number): number => (value << bits) | (value >>> (32 - bits));

function wordAt(data: Uint8Array, at: number, length: number): number {
  let word = 0;
  for (let i = 0; i < length; i++) word |= (data[at + i] as number) << (8 * i);
  return word;
}

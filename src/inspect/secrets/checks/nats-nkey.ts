/** Seeds of NATS: base 32 of two bytes of kind, 32 of seed, and the CRC-16 (CCITT, XMODEM) of all before it, little-endian. */
import { decodeBase32, encodeBase32 } from './base32.ts';
import type { Check } from './check.ts';

function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : crc << 1;
  }
  return crc;
}

export const natsNkey: Check = {
  check(value) {
    const bytes = decodeBase32(value);
    if (bytes?.length !== 36) return 'invalid';
    return crc16(bytes.subarray(0, -2)) === bytes.readUInt16LE(34) ? 'valid' : 'invalid';
  },
  complete(value) {
    const bytes = decodeBase32(value) ?? Buffer.alloc(36);
    bytes.writeUInt16LE(crc16(bytes.subarray(0, -2)), 34);
    return encodeBase32(bytes);
  },
};

/** Bech32, BIP-173: `human1data`, five bits a character, six of which are a checksum with the constant 1. */
import type { Check } from './check.ts';

const alphabet = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';
const generators = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];
const checksumLength = 6;

function polymod(values: readonly number[]): number {
  let sum = 1;
  for (const value of values) {
    const top = sum >>> 25;
    sum = ((sum & 0x1ffffff) << 5) ^ value;
    generators.forEach((generator, bit) => {
      if ((top >>> bit) & 1) sum ^= generator;
    });
  }
  return sum;
}

function expand(human: string): number[] {
  const codes = Array.from(human, (char) => char.charCodeAt(0));
  return [...codes.map((code) => code >>> 5), 0, ...codes.map((code) => code & 31)];
}

/** As age writes its keys, in capitals. */
export const bech32: Check = {
  check(value) {
    const text = value.toLowerCase();
    const at = text.lastIndexOf('1');
    const data = Array.from(text.slice(at + 1), (char) => alphabet.indexOf(char));
    if (at < 1 || data.length <= checksumLength || data.includes(-1)) return 'invalid';
    return polymod([...expand(text.slice(0, at)), ...data]) === 1 ? 'valid' : 'invalid';
  },
  complete(value) {
    const text = value.toLowerCase();
    const at = text.lastIndexOf('1');
    const body = text.slice(at + 1, -checksumLength);
    const data = Array.from(body, (char) => alphabet.indexOf(char));
    const sum = polymod([...expand(text.slice(0, at)), ...data, 0, 0, 0, 0, 0, 0]) ^ 1;
    const checksum = Array.from({ length: checksumLength }, (_, i) =>
      alphabet.charAt((sum >>> (5 * (5 - i))) & 31),
    );
    return (text.slice(0, at + 1) + body + checksum.join('')).toUpperCase();
  },
};

/**
 * AWS access key ids: four letters and 16 characters of base 32. In keys since
 * 2019 (the fifth character is Q or later) 40 bits of them are the account id, of twelve decimal digits.
 */
import { decodeBase32 } from './base32.ts';
import type { Check } from './check.ts';

const prefixLength = 4;
const accounts = 10n ** 12n;

export const awsAccessKey: Check = {
  check(value) {
    if (value.endsWith('EXAMPLE')) return 'placeholder';
    const bytes = decodeBase32(value.slice(prefixLength));
    if (bytes?.length !== 10) return 'invalid';
    if ((bytes[0] as number) < 0x80) return 'unknown';
    const account = (BigInt(bytes.readUIntBE(0, 6)) & 0x7fffffffff80n) >> 7n;
    return account < accounts ? 'valid' : 'invalid';
  },
  complete: (value) => `${value.slice(0, prefixLength)}Q${value.slice(prefixLength + 1)}`,
};

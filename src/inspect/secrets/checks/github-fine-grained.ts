/**
 * `github_pat_`, 22 characters, `_`, 59 characters. The last six are said to be the CRC-32 of what is between prefix and
 * them, in base 62; no published sample bears it out, so a wrong one says nothing.
 */
import type { Check } from './check.ts';
import { base62, crc32 } from './crc32.ts';

const prefixLength = 'github_pat_'.length;

export const githubFineGrained: Check = {
  check: (value) =>
    base62(crc32(value.slice(prefixLength, -6)), 6) === value.slice(-6) ? 'valid' : 'unknown',
};

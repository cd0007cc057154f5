/**
 * Tokens of GitHub and npm: a prefix that ends with `_`, 30 characters, and six
 * that are the CRC-32 of those 30 in base 62.
 */
import type { Check } from './check.ts';
import { base62, crc32 } from './crc32.ts';

const parts = /^([A-Za-z]+_)([0-9A-Za-z]{30})([0-9A-Za-z]{6})$/;

export const githubCrc32: Check = {
  check(value) {
    const [, , body, checksum] = parts.exec(value) ?? [];
    if (body === undefined) return 'unknown';
    return base62(crc32(body), 6) === checksum ? 'valid' : 'invalid';
  },
  complete(value) {
    const [, prefix = '', body = ''] = parts.exec(value) ?? [];
    return prefix + body + base62(crc32(body), 6);
  },
};

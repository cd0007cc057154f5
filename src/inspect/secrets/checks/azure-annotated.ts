/**
 * Azure's common annotated keys: 52 characters, `JQQJ9`, the kind, a year, a
 * month, what platform and provider reserve, the provider's signature, then the
 * Marvin32 of the first 60 bytes in base64, of which the short form has four characters.
 */

import { seedOf } from './azure-key.ts';
import type { Check } from './check.ts';
import { marvin32 } from './marvin32.ts';

const summedChars = 80;
const kindAt = 57;
const seed = seedOf('Default0');

function checksumOf(value: string): string {
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32LE(marvin32(Buffer.from(value.slice(0, summedChars), 'base64'), seed));
  return checksum.toString('base64');
}

export const azureAnnotated: Check = {
  check(value) {
    if (checksumOf(value).startsWith(value.slice(summedChars))) return 'valid';
    // Derived and hashed keys write it in base 62.
    return value[kindAt] === '9' ? 'invalid' : 'unknown';
  },
  complete(value, random) {
    for (;;) {
      const first = String.fromCharCode(97 + Math.floor(random() * 26), 97 + Math.floor(random() * 26));
      const head = `${first}${value.slice(2, kindAt)}9${value.slice(kindAt + 1, summedChars)}`;
      const checksum = checksumOf(head);
      if (!/[+/]/.test(checksum)) return head + checksum.slice(0, value.length - summedChars);
    }
  },
};

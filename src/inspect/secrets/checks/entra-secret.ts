/**
 * Client secrets of Microsoft Entra: with `8Q~`, the last three characters are
 * the first three of a Marvin32 of all before them, in an alphabet of 66. With `7Q~` there is none.
 */
import { seedOf } from './azure-key.ts';
import type { Check } from './check.ts';
import { marvin32 } from './marvin32.ts';

const alphabet = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ1234567890.-_~';
const seed = seedOf('AadPwd00');

function checksumOf(head: string): string {
  let text = '';
  let rest = marvin32(Buffer.from(head, 'latin1'), seed);
  for (; rest > 0; rest = Math.floor(rest / alphabet.length))
    text = alphabet.charAt(rest % alphabet.length) + text;
  return text.slice(0, 3);
}

export const entraSecret: Check = {
  check(value) {
    if (value.slice(3, 6) !== '8Q~' || value.length !== 40) return 'unknown';
    return checksumOf(value.slice(0, -3)) === value.slice(-3) ? 'valid' : 'invalid';
  },
  complete: (value) =>
    value.slice(3, 6) === '8Q~' ? value.slice(0, -3) + checksumOf(value.slice(0, -3)) : value,
};

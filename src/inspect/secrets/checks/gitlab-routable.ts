/**
 * GitLab's routable tokens: prefix, base64url payload, `.`, a version (`01.`, in newer ones), the payload's length in
 * two digits of base 36, and the CRC-32 of all before it in seven.
 */
import type { Check } from './check.ts';
import { crc32 } from './crc32.ts';

const parts = /^([A-Za-z0-9_-]+)\.(01\.)?([0-9a-z]{2})([0-9a-z]{7})$/;

const base36 = (value: number, width: number): string => value.toString(36).padStart(width, '0');

export const gitlabRoutable: Check = {
  check(value) {
    const [, body = '', , length = ''] = parts.exec(value) ?? [];
    const payload = Number.parseInt(length, 36);
    const separator = body.charAt(body.length - payload - 1);
    if (!(payload < body.length) || (separator !== '-' && separator !== '_')) return 'invalid';
    return base36(crc32(value.slice(0, -7)), 7) === value.slice(-7) ? 'valid' : 'invalid';
  },
  complete(value) {
    const [, body = '', version = ''] = parts.exec(value) ?? [];
    const prefix = /^(?:[a-z]+-(?:t\d_)?)/.exec(body)?.[0].length ?? 0;
    const head = `${body}.${version}${base36(body.length - prefix, 2)}`;
    return head + base36(crc32(head), 7);
  },
};

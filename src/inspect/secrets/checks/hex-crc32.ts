/**
 * Tokens that end with the CRC-32 of all before it, in hexadecimal digits: of
 * Atlassian's cloud (ATATT, ATCTT, ATSTT: the `=` before the digits counts),
 * of Bitbucket's app passwords (ATBB), and of Grafana (`glsa_`, the `_` does not count).
 */
import type { Check } from './check.ts';
import { crc32 } from './crc32.ts';

const digits = 8;

function hexCrc32(write: (crc: number) => string, body: (head: string) => string): Check {
  const checksum = (head: string): string => write(crc32(body(head)));
  return {
    check: (value) => (checksum(value.slice(0, -digits)) === value.slice(-digits) ? 'valid' : 'invalid'),
    complete: (value) => value.slice(0, -digits) + checksum(value.slice(0, -digits)),
  };
}

const bigEndian = (crc: number): string => crc.toString(16).padStart(digits, '0').toUpperCase();

function littleEndian(crc: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(crc);
  return bytes.toString('hex');
}

/** In a URL the `=` is `%3D`, and in a properties file `\=`. */
export const atlassianCrc32: Check = hexCrc32(bigEndian, (head) => head.replace(/(?:%3D|\\=)$/i, '='));

export const bitbucketCrc32: Check = hexCrc32(bigEndian, (head) => head);

export const grafanaCrc32: Check = hexCrc32(littleEndian, (head) => head.replace(/_$/, ''));

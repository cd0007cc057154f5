/**
 * Private keys in PEM, RFC 7468, as people keep them: in a file, indented, in
 * quotes, on one line with `\n`, in JSON within JSON. What is proven is that the
 * body decodes to what a key of its label begins with, and is whole.
 */
import type { CheckResult } from '../rule.ts';
import type { Check } from './check.ts';

const leastBody = 64;
/** Headers of RFC 1421, which OpenSSL writes before a body that it enciphers: what follows is no DER. */
const sealing = /Proc-Type: 4, ?ENCRYPTED[^A-Za-z0-9]{1,24}DEK-Info: [A-Z0-9-]+,[0-9A-Fa-f]+/;
/** PKCS #8 of an Ed25519 key, up to its 32 bytes. */
const ed25519Head = '302e020100300506032b657004220420';
const sshMagic = 'openssh-key-v1\0';

export const pem: Check = {
  check(value) {
    const { label, sealed, sum, body } = partsOf(value);
    if (body.replace(/[^A-Za-z0-9+/]/g, '').length < leastBody || /\.\.\.|…|[<>$*{}]|(.)\1{31}/.test(body)) {
      return 'placeholder';
    }
    if (!/^[A-Za-z0-9+/]+={0,2}$/.test(body)) return 'invalid';
    return judge(label, Buffer.from(body, 'base64'), sealed, sum);
  },
};

interface Parts {
  readonly label: string;
  readonly sealed: boolean;
  /** The checksum of an OpenPGP armour, from its equals sign. */
  readonly sum: string | undefined;
  /** Base64, without what stands between its lines. */
  readonly body: string;
}

function partsOf(value: string): Parts {
  const [, label = '', inner = ''] =
    /^-----BEGIN ([A-Z0-9 ]+)-----([\s\S]*?)(?:-----END |$)/.exec(value) ?? [];
  const text = inner.replace(/\\+[nr]/g, '\n');
  const lines = withoutPatchMarks(text.replace(sealing, '\n').split(/[\r\n]+/))
    .map(bareLine)
    .filter((line) => /[A-Za-z0-9]/.test(line) && !/^[A-Za-z-]+: /.test(line));
  const last = lines.at(-1) ?? '';
  const sum = label.startsWith('PGP') && last.startsWith('=') ? last : undefined;
  return { label, sealed: sealing.test(text), sum, body: lines.filter((line) => line !== sum).join('') };
}

/** As a patch adds or removes them, one mark before each line; no key begins with it. */
function withoutPatchMarks(lines: readonly string[]): readonly string[] {
  const mark = lines.find((line) => line.trim() !== '')?.[0];
  if (mark !== '+' && mark !== '-') return lines;
  return lines.map((line) => (line.startsWith(mark) ? line.slice(1) : line));
}

/** What is alike however a key in PEM or of PuTTY is wrapped, indented and quoted: its base64. Undefined of what is neither. */
export function keyBody(value: string): string | undefined {
  if (value.startsWith('-----BEGIN ')) return partsOf(value).body;
  if (!value.startsWith('PuTTY-User-Key-File-')) return undefined;
  return puttyLines(value).body.join('');
}

// Without quotes, comment marks, the plus of a concatenation, and what parts words.
function bareLine(line: string): string {
  return line
    .trim()
    .replace(/^(?:(?:#|\/\/|\*|>|--|\+|-)\s+)?["'`]?/, '')
    .replace(/["'`][\s,;.+)\\]*$|[\s,;\\]+$/, '')
    .replace(/^([A-Za-z-]+: .*)|\s+/g, '$1');
}

function judge(label: string, body: Buffer, sealed: boolean, sum: string | undefined): CheckResult {
  if (label.startsWith('PGP')) {
    // A sum that is cut short is none: RFC 9580, 6.1 has readers do without it.
    if (sum === undefined || !/^=[A-Za-z0-9+/]{4}$/.test(sum))
      return (body[0] ?? 0) >= 0x80 ? 'valid' : 'invalid';
    return Buffer.from(sum.slice(1, 5), 'base64').readUIntBE(0, 3) === crc24(body) ? 'valid' : 'invalid';
  }
  if (label.includes('OPENSSH'))
    return body.toString('latin1', 0, sshMagic.length) === sshMagic ? 'valid' : 'invalid';
  if (sealed) return body.length % 8 === 0 ? 'valid' : 'invalid';
  return derLength(body) === body.length ? 'valid' : 'invalid';
}

/** Bytes of the DER SEQUENCE that the data begin with, its head included; undefined when they do not. */
function derLength(body: Buffer): number | undefined {
  const first = body[1] ?? 0;
  if (body[0] !== 0x30) return undefined;
  if (first < 0x80) return 2 + first;
  const count = first - 0x80;
  return count >= 1 && count <= 3 && body.length > 2 + count
    ? 2 + count + body.readUIntBE(2, count)
    : undefined;
}

/** CRC-24 of RFC 4880, 6.1. */
export function crc24(bytes: Uint8Array): number {
  let crc = 0xb704ce;
  for (const byte of bytes) {
    crc ^= byte << 16;
    for (let bit = 0; bit < 8; bit++) {
      crc <<= 1;
      if (crc & 0x1000000) crc ^= 0x1864cfb;
    }
  }
  return crc & 0xffffff;
}

/** Base64 of a PEM; certificates and public keys begin alike and are dropped. */
export const base64Pem: Check = {
  check(value) {
    const text = Buffer.from(value, 'base64').toString('latin1');
    const begin = text.search(/-----BEGIN [A-Z0-9 ]*PRIVATE KEY/);
    return begin === -1 ? 'placeholder' : pem.check(text.slice(begin));
  },
  complete(value) {
    const key = Buffer.concat([
      Buffer.from(ed25519Head, 'hex'),
      Buffer.from(value.replaceAll('=', '').slice(-44), 'base64').subarray(0, 32),
    ]);
    const label = ['PRIVATE', 'KEY'].join(' ');
    return Buffer.from(
      `-----BEGIN ${label}-----\n${key.toString('base64')}\n-----END ${label}-----\n`,
    ).toString('base64');
  },
};

/** A key of PuTTY: as many lines of base64 as it says. */
export const putty: Check = {
  check(value) {
    const { count, body } = puttyLines(value);
    if (body.length < Number(count) || Number(count) === 0) return 'invalid';
    return /^\d+$/.test(count) && !/^(.)\1*$/.test(body.join('')) ? 'valid' : 'placeholder';
  },
};

function puttyLines(value: string): { readonly count: string; readonly body: readonly string[] } {
  const [, count = '', lines = ''] =
    /Private-Lines: (\d{1,4})\s+([\s\S]*)$/.exec(value.replace(/\\+[nr]/g, '\n')) ?? [];
  return { count, body: lines.split(/\s+/).filter((line) => /^[A-Za-z0-9+/]{2,76}={0,2}$/.test(line)) };
}

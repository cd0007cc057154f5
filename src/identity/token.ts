import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

/**
 * A token is `rgt_`, 43 characters of base64url for 32 random bytes, and 6
 * characters of base64url for the CRC-32 (big-endian) of everything before
 * them. Scanners find it with `rgt_[A-Za-z0-9_-]{49}` and tell a real one from
 * a look-alike by the checksum, without asking anybody.
 */
const prefix = 'rgt_';
const shape = /^rgt_[A-Za-z0-9_-]{49}$/;
const bodyLength = prefix.length + 43;

const idBytes = 8;

/** A new token. It is shown once, and kept only as its hash. */
export function makeToken(): string {
  const body = prefix + randomBytes(32).toString('base64url');
  return body + checksum(body);
}

/** Whether the text has the form of a token and its checksum. */
export function isToken(text: string): boolean {
  return shape.test(text) && checksum(text.slice(0, bodyLength)) === text.slice(bodyLength);
}

/** SHA-256 of the token: what is stored. A token has 256 random bits, so that it needs no salt and no slow hash. */
export function hashToken(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** A public id, safe to show and to log; it has nothing to do with the token's own bytes. */
export function makeTokenId(): string {
  return `tok-${randomBytes(idBytes).toString('hex')}`;
}

function checksum(body: string): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(body));
  return bytes.toString('base64url');
}

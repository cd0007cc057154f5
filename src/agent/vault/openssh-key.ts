/** The openssh-key-v1 format (OpenSSH's PROTOCOL.key), not encrypted. */

import { type KeyObject, randomBytes } from 'node:crypto';

/** An Ed25519 private key as ssh-keygen would write it. */
export function openSshEd25519(key: KeyObject): string {
  const { x = '', d = '' } = key.export({ format: 'jwk' });
  const publicBytes = Buffer.from(x, 'base64url');
  const secretBytes = Buffer.from(d, 'base64url');
  const publicBlob = Buffer.concat([field('ssh-ed25519'), field(publicBytes)]);
  const check = randomBytes(4);
  const privateBlob = padded(
    Buffer.concat([check, check, publicBlob, field(Buffer.concat([secretBytes, publicBytes])), field('')]),
  );
  const one = Buffer.from([0, 0, 0, 1]);
  const whole = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    ...[field('none'), field('none'), field(''), one],
    ...[field(publicBlob), field(privateBlob)],
  ]);
  const lines = whole.toString('base64').match(/.{1,70}/g) ?? [];
  const label = 'OPENSSH PRIVATE KEY';
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}

function field(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** To a multiple of 8 bytes, with 1, 2, 3... */
function padded(bytes: Buffer): Buffer {
  const missing = (8 - (bytes.length % 8)) % 8;
  return Buffer.concat([bytes, Buffer.from(Array.from({ length: missing }, (_, index) => index + 1))]);
}

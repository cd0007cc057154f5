/** How the vault's secrets lie on disk: AES-256-GCM (NIST SP 800-38D), nonce, tag and ciphertext in one base64 text. */

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { RefgateError } from '../../domain/error.ts';
import { Secret } from '../../domain/secret.ts';

const nonceBytes = 12;
const tagBytes = 16;

/** Encrypts; the label is bound to the result, so that a sealed text is of no use in another place. */
export function seal(plain: Secret<string>, label: string, key: Secret<Buffer>): string {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', key.reveal(), nonce);
  cipher.setAAD(Buffer.from(label));
  const sealed = Buffer.concat([cipher.update(plain.reveal(), 'utf8'), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64');
}

/** CONFIG_INVALID when the key is another one, or the text was changed. */
export function unseal(sealed: string, label: string, key: Secret<Buffer>): Secret<string> {
  const bytes = Buffer.from(sealed, 'base64');
  try {
    const decipher = createDecipheriv('aes-256-gcm', key.reveal(), bytes.subarray(0, nonceBytes), {
      authTagLength: tagBytes,
    });
    decipher.setAAD(Buffer.from(label));
    decipher.setAuthTag(bytes.subarray(nonceBytes, nonceBytes + tagBytes));
    const plain = Buffer.concat([decipher.update(bytes.subarray(nonceBytes + tagBytes)), decipher.final()]);
    return new Secret(plain.toString('utf8'));
  } catch {
    const detail = `the vault's entry ${label} does not open; put back the vault.key that it was made with`;
    throw new RefgateError('CONFIG_INVALID', 'operator', detail);
  }
}

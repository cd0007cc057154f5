import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { RefgateError } from '../../domain/error.ts';
import type { KeptSecret } from './view-rows.ts';

const nonceBytes = 12;
const tagBytes = 16;

/** The keys that the rows need, each derived from the key of the repository by HKDF-SHA256 (RFC 5869). */
export interface RowKeys {
  /** 32 bytes. */
  readonly seal: Buffer;
  /** Tells which key the rows were written under, and nothing about it. */
  readonly id: Buffer;
}

export function deriveRowKeys(key: Buffer): RowKeys {
  const derive = (purpose: string, bytes: number): Buffer =>
    Buffer.from(hkdfSync('sha256', key, Buffer.alloc(0), `refgate rows ${purpose}`, bytes));
  return { seal: derive('seal', 32), id: derive('id', 16) };
}

/** AES-256-GCM over rule, first object and secret; bound to its placeholder: nonce, ciphertext, tag. */
export function sealSecret(keys: RowKeys, placeholder: string, kept: KeptSecret): Buffer {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', keys.seal, nonce);
  cipher.setAAD(Buffer.from(placeholder, 'utf8'));
  const head = Buffer.from(`${kept.rule}\n${kept.first}\n`, 'utf8');
  return Buffer.concat([
    nonce,
    cipher.update(head),
    cipher.update(kept.secret),
    cipher.final(),
    cipher.getAuthTag(),
  ]);
}

/** Throws CONFIG_INVALID where the row was sealed under another key or for another placeholder, or is damaged. */
export function unsealSecret(keys: RowKeys, placeholder: string, sealed: Buffer): KeptSecret {
  try {
    const decipher = createDecipheriv('aes-256-gcm', keys.seal, sealed.subarray(0, nonceBytes), {
      authTagLength: tagBytes,
    });
    decipher.setAAD(Buffer.from(placeholder, 'utf8'));
    decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes));
    const body = sealed.subarray(nonceBytes, sealed.length - tagBytes);
    return parse(Buffer.concat([decipher.update(body), decipher.final()]));
  } catch (cause) {
    const detail = `the row of ${placeholder} is damaged; remove the folder rows, and it is made anew`;
    throw new RefgateError('CONFIG_INVALID', 'operator', detail, { cause });
  }
}

function parse(plain: Buffer): KeptSecret {
  const ruleEnd = plain.indexOf(10);
  const firstEnd = plain.indexOf(10, ruleEnd + 1);
  return {
    rule: plain.toString('utf8', 0, ruleEnd),
    first: plain.toString('latin1', ruleEnd + 1, firstEnd),
    secret: plain.subarray(firstEnd + 1),
  };
}

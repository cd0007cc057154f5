import { createHmac } from 'node:crypto';

/**
 * Keyed hash of a secret, 32 hex digits: the same secret gives the same with
 * the same key, wherever it was found and however it was wrapped; without the
 * key it tells nothing. `value` is latin1, as in a SecretMatch.
 */
export function fingerprint(key: Buffer, value: string): string {
  return createHmac('sha256', key)
    .update('refgate secret fingerprint\0')
    .update(value, 'latin1')
    .digest('hex')
    .slice(0, 32);
}

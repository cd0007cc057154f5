import { createHmac } from 'node:crypto';
import type { Secret } from '../../domain/secret.ts';
import type { Summary } from './summary.ts';

/**
 * Standard Webhooks 1.0.0 (standard-webhooks/standard-webhooks, spec): the
 * body is `{type, timestamp, data}`, and `id.timestamp.body` is signed.
 */

/** The body, which is the same at every attempt. Texts in it are peers', whole and not escaped but for JSON. */
export function webhookBody({ type, time, ...data }: Summary): string {
  return JSON.stringify({ type, timestamp: time, data });
}

/** The three headers. `seconds` since 1970 is the time of this attempt, and `id` the same at every attempt. */
export function webhookHeaders(
  id: string,
  seconds: number,
  body: string,
  keys: readonly Secret<Buffer>[],
): Readonly<Record<string, string>> {
  const sign = (key: Buffer): string =>
    `v1,${createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64')}`;
  return {
    'webhook-id': id,
    'webhook-timestamp': String(seconds),
    'webhook-signature': keys.map((key) => sign(key.reveal())).join(' '),
  };
}

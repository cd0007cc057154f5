import { createHmac } from 'node:crypto';
import type { Part } from './object-parts.ts';

/** The header, or the last line of a tag, that stands for what was left out. */
export const unsignedWord = 'refgate-unsigned';

/** Something that was left out of an object. */
export interface Dropped {
  readonly start: number;
  readonly end: number;
  /** Which of the object's lines it was. */
  readonly index: number;
}

/**
 * `refgate-unsigned <32 hex>`: a keyed hash of what was left out of an object and from where, so that objects that differ only in that
 * stay different. Empty where nothing was left out.
 */
export function unsignedLine(
  key: Buffer,
  type: 'commit' | 'tag',
  content: Buffer,
  dropped: readonly Dropped[],
): string {
  if (dropped.length === 0) return '';
  const hmac = createHmac('sha256', key).update(`${unsignedWord} ${type}\n`);
  for (const { start, end, index } of dropped) {
    hmac.update(`${index} ${end - start}\n`).update(content.subarray(start, end));
  }
  return `${unsignedWord} ${hmac.digest('hex').slice(0, 32)}\n`;
}

/** The line as a part of its own, at this place. */
export const linePart = (at: number, line: string): Part => ({
  start: at,
  end: at,
  bytes: Buffer.from(line),
});

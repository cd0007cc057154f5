import { deceptive } from '../domain/deceptive.ts';

const found = new RegExp(`[${deceptive}]`, 'gu');

/**
 * One line that is safe to show on a terminal, in a log and in a `remote:`
 * line: line ends and tabs become spaces; other control characters, bidi
 * controls and invisible characters become `?`. At most `max` UTF-16 units,
 * the last of which is `…` when something was cut.
 */
export function cleanLine(text: string, max: number): string {
  const line = text
    .slice(0, max * 4)
    .replace(/[\t\n\r\v\f]+/g, ' ')
    .replace(found, '?')
    .trim();
  if (line.length <= max) return line;
  return `${line.slice(0, Math.max(0, max - 1)).replace(/[\ud800-\udbff]$/, '')}…`;
}

/** The same for bytes of a peer; what is not UTF-8 shows as U+FFFD. */
export function cleanBytes(bytes: Buffer, max: number): string {
  return cleanLine(bytes.subarray(0, max * 4).toString('utf8'), max);
}

import { RefgateError } from '../domain/error.ts';

const unitMs = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

const minTtlMs = unitMs.m;
const maxTtlMs = 366 * unitMs.d;

/** Milliseconds of a time to live such as `30m`, `8h` or `7d`. Throws USAGE, also outside one minute to 366 days. */
export function parseTtl(text: string): number {
  const [, count, unit] = /^([1-9][0-9]{0,6})([mhd])$/.exec(text) ?? [];
  if (count === undefined || !isUnit(unit)) {
    throw new RefgateError(
      'USAGE',
      'operator',
      `${JSON.stringify(text)} is not a time to live; write 30m, 8h or 7d`,
    );
  }
  return checkTtl(Number(count) * unitMs[unit]);
}

/** The same milliseconds, when they are one minute to 366 days. Throws USAGE. */
export function checkTtl(ms: number): number {
  if (ms >= minTtlMs && ms <= maxTtlMs) return ms;
  throw new RefgateError('USAGE', 'operator', 'a time to live is at least 1m and at most 366d');
}

function isUnit(text: string | undefined): text is keyof typeof unitMs {
  return text !== undefined && text in unitMs;
}

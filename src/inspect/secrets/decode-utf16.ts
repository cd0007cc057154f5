/**
 * UTF-16 is taken where it is ASCII: every other byte zero, for a dozen
 * characters and more, with or without a byte order mark, in text and in
 * binary files alike. What is not ASCII ends a stretch; no token holds it.
 */
import type { Encoded } from './encoded.ts';
import type { Span } from './rule.ts';

const shortestBytes = 24;
/** A stretch of at least `shortestBytes` holds two pairs at one of these. */
const step = 16;
const reachBytes = 16 * 1024;

const printable = new Uint8Array(256);
for (let byte = 32; byte < 127; byte++) printable[byte] = 1;
for (const byte of [9, 10, 13]) printable[byte] = 1;

export function findUtf16(data: Buffer, span: Span, found: (encoded: Encoded) => void): void {
  const low = Math.max(0, span.start - reachBytes);
  const high = Math.min(data.length, span.end + reachBytes);
  const firstZero = data.indexOf(0, low);
  if (firstZero < 0 || firstZero >= high) return;
  let floor = low;
  for (let probe = Math.max(low, firstZero - 1); probe + 3 < high; ) {
    const at =
      isPair(data, probe) && isPair(data, probe + 2) ? probe : isPair(data, probe + 1) ? probe + 1 : -1;
    if (at < 0) {
      probe += step;
      continue;
    }
    let start = at;
    while (start - 2 >= floor && isPair(data, start - 2)) start -= 2;
    let end = at + 2;
    while (end + 1 < high && isPair(data, end)) end += 2;
    // In big-endian order the last character has no zero after it.
    const bigEndian = start > 0 && data[start - 1] === 0 && isBigEndian(data, start);
    if (bigEndian && end < high && printable[data[end] as number] === 1) end += 2;
    if (end - start >= shortestBytes)
      found(encodedOf(data, start, Math.min(end, high), bigEndian, low, high));
    floor = end;
    probe = end;
  }
}

const isPair = (data: Buffer, at: number): boolean =>
  printable[data[at] as number] === 1 && data[at + 1] === 0;

// By the mark at the beginning; without one characters lie at even offsets.
function isBigEndian(data: Buffer, start: number): boolean {
  if (data[0] === 0xfe && data[1] === 0xff) return true;
  if (data[0] === 0xff && data[1] === 0xfe) return false;
  return (start & 1) === 1;
}

function encodedOf(
  data: Buffer,
  start: number,
  end: number,
  bigEndian: boolean,
  low: number,
  high: number,
): Encoded {
  const size = Math.ceil((end - start) / 2);
  const shift = bigEndian ? -1 : 0;
  return {
    name: 'utf-16',
    shallow: true,
    sure: false,
    size,
    open() {
      const bytes = Buffer.allocUnsafe(size);
      for (let i = 0; i < size; i++) bytes[i] = data[start + 2 * i] as number;
      return bytes;
    },
    outer: (span) => ({
      start: start + 2 * span.start + shift,
      end: Math.min(data.length, start + 2 * span.end + shift),
    }),
    openStart: low > 0 && start < low + 2,
    openEnd: high < data.length && end + 2 > high,
  };
}

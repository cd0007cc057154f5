/**
 * Hex digits, wrapped or not, are decoded where twelve pairs in a row are
 * printable ASCII, or where gzip or zip begins: object ids and digests are not.
 */
import type { Encoded } from './encoded.ts';
import { type EncodedRun, eachRun, type RunKind, reachBytes } from './encoded-run.ts';
import type { Span } from './rule.ts';

/** Digits. */
const shortestRun = 32;
const marginDigits = 8192;

const values = new Int8Array(256).fill(-1);
const digits = new Uint8Array(256);
const highDigits = new Uint8Array(256);
for (const character of '0123456789abcdefABCDEF') {
  const byte = character.charCodeAt(0);
  const value = Number.parseInt(character, 16);
  values[byte] = value;
  digits[byte] = 1;
  // Of 0x20..0x7f.
  if (value >= 2 && value <= 7) highDigits[byte] = 1;
}

const twelvePairs = 0x555555;
const sixteenPairs = 0x55555555;

const archiveDigit = new Set(Buffer.from('15'));

const hex: RunKind = {
  alphabet: digits,
  shortest: shortestRun,
  plausible(data, start, end) {
    if (archiveDigit.has(data[start] as number)) return true;
    let history = 0;
    for (let at = start; at < end; at++) {
      history = (history << 1) | (highDigits[data[at] as number] as number);
      if ((history & twelvePairs) === twelvePairs) return true;
    }
    return false;
  },
};

/** Within the span, and what of it reaches beyond. */
export function findHex(data: Buffer, span: Span, found: (encoded: Encoded) => void): void {
  eachRun(data, span, hex, reachBytes, (run) => {
    for (let alignment = 0; alignment < 2; alignment++) findAt(data, run, alignment, found);
  });
}

function findAt(data: Buffer, run: EncodedRun, alignment: number, found: (encoded: Encoded) => void): void {
  let firstHit = -1;
  let lastHit = -1;
  let sure = false;
  let history = 0;
  run.eachPart(0, run.length, (start, end, count) => {
    for (let at = start; at < end; at++) {
      history = (history << 1) | (highDigits[data[at] as number] as number);
      const character = count + at - start;
      if ((history & twelvePairs) !== twelvePairs || (character & 1) !== alignment) continue;
      if (firstHit < 0) firstHit = character;
      lastHit = character;
      sure ||= (history & sixteenPairs) === sixteenPairs;
    }
  });
  if (alignment === 0 && beginsArchive(data, run)) found(encodedOf(data, run, 0, run.length, true));
  else if (firstHit >= 0) {
    const from = Math.max(alignment, alignment + ((firstHit - alignment - marginDigits) & ~1));
    found(encodedOf(data, run, from, Math.min(run.length, lastHit + marginDigits), sure));
  }
}

function beginsArchive(data: Buffer, run: EncodedRun): boolean {
  const { start } = run.spanOf(0, 1);
  const head = data.toString('latin1', start, start + 8).toLowerCase();
  return head.startsWith('1f8b08') || head === '504b0304';
}

function encodedOf(data: Buffer, run: EncodedRun, from: number, to: number, sure: boolean): Encoded {
  return {
    name: 'hex',
    shallow: false,
    sure,
    size: (to - from) >> 1,
    open: () => decode(data, run, from, to),
    outer: ({ start, end }) => run.spanOf(from + start * 2, from + end * 2),
    openStart: from > 1 || run.cutStart,
    openEnd: to < run.length - 1 || run.cutEnd,
  };
}

function decode(data: Buffer, run: EncodedRun, from: number, to: number): Buffer {
  const bytes = Buffer.allocUnsafe((to - from) >> 1);
  let length = 0;
  let high = -1;
  run.eachPart(from, to, (start, end) => {
    for (let at = start; at < end; at++) {
      const value = values[data[at] as number] as number;
      if (high < 0) high = value;
      else {
        bytes[length++] = high * 16 + value;
        high = -1;
      }
    }
  });
  return bytes.subarray(0, length);
}

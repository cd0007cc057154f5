/**
 * base64 (RFC 4648, both alphabets, wrapped or not) is decoded where text may
 * be in it. Of three ASCII characters the four characters of their base64 are
 * of few kinds; four such groups in a row are a reason to decode, at that
 * alignment, whatever stands before them. The same for UTF-16 in base64, whose
 * zero bytes show; and a run that begins as gzip or zip does is decoded whole.
 */
import type { Encoded } from './encoded.ts';
import { type EncodedRun, eachRun, type RunKind, reachBytes } from './encoded-run.ts';
import type { Span } from './rule.ts';

const shortestRun = 24;
/** What is decoded before and after the groups that look like text. */
const marginChars = 8192;

const first = 1;
const second = 2;
const third = 4;
const member = 8;
const zero = 16;

const values = new Int8Array(256).fill(-1);
const kinds = new Uint8Array(256);
'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'.split('').forEach((character, value) => {
  values[character.charCodeAt(0)] = value;
});
values['-'.charCodeAt(0)] = 62;
values['_'.charCodeAt(0)] = 63;
values.forEach((value, byte) => {
  if (value < 0) return;
  let kind = member;
  // The first six bits of 0x20..0x7e; its last two and 0x2..0x7; four bits and 00 or 01.
  if (value >= 8 && value <= 31) kind |= first;
  if ((value & 15) >= 2 && (value & 15) <= 7) kind |= second;
  if ((value & 3) <= 1) kind |= third;
  if (value === 0) kind |= zero;
  kinds[byte] = kind;
});

const fourGroups = 0x1111;
const eightGroups = 0x11111111;
/** Six zero characters where three UTF-16 pairs have them, and none beside the first of each two. */
const utf16Zeros = (1 << 19) | (1 << 16) | (1 << 11) | (1 << 8) | (1 << 3) | 1;
const utf16Mask = utf16Zeros | (1 << 18) | (1 << 10) | (1 << 2);

interface Alignment {
  readonly from: number;
  readonly to: number;
  readonly sure: boolean;
}

/** What gzip (H4sI) and zip (UEsD) begin with. */
const letterH = 72;
const letterU = 85;

const base64: RunKind = {
  alphabet: kinds,
  shortest: shortestRun,
  plausible(data, start, end) {
    if (data[start] === letterH || data[start] === letterU) return true;
    let history = 0;
    let zeros = 0;
    let before = 0;
    let before2 = 0;
    for (let at = start; at < end; at++) {
      const kind = kinds[data[at] as number] as number;
      history = (history << 1) | ((kind >> 2) & (before >> 1) & before2 & 1);
      zeros = (zeros << 1) | (kind >> 4);
      before2 = before;
      before = kind;
      if ((history & fourGroups) === fourGroups || (zeros & utf16Mask) === utf16Zeros) return true;
    }
    return false;
  },
};

/** Within the span, and what of it reaches beyond. */
export function findBase64(data: Buffer, span: Span, found: (encoded: Encoded) => void): void {
  eachRun(data, span, base64, reachBytes, (run) => {
    for (const alignment of alignmentsOf(data, run)) found(encodedOf(data, run, alignment));
  });
}

function alignmentsOf(data: Buffer, run: EncodedRun): Alignment[] {
  const firsts = [-1, -1, -1, -1];
  const lasts = [-1, -1, -1, -1];
  let sure = 0;
  let history = 0;
  let zeros = 0;
  let before = 0;
  let before2 = 0;
  run.eachPart(0, run.length, (start, end, count) => {
    for (let at = start; at < end; at++) {
      const kind = kinds[data[at] as number] as number;
      history = (history << 1) | ((kind >> 2) & (before >> 1) & before2 & 1);
      zeros = (zeros << 1) | (kind >> 4);
      before2 = before;
      before = kind;
      const text = (history & fourGroups) === fourGroups;
      if (!text && (zeros & utf16Mask) !== utf16Zeros) continue;
      const character = count + at - start;
      const alignment = (character + (text ? 2 : 1)) & 3;
      if ((firsts[alignment] as number) < 0) firsts[alignment] = character;
      lasts[alignment] = character;
      if ((history & eightGroups) === eightGroups) sure |= 1 << alignment;
    }
  });
  const archive = beginsArchive(data, run);
  const alignments: Alignment[] = [];
  for (let alignment = 0; alignment < 4; alignment++) {
    const firstHit = firsts[alignment] as number;
    if (archive && alignment === 0) {
      alignments.push({ from: 0, to: run.length, sure: true });
    } else if (firstHit >= 0) {
      const from = Math.max(alignment, alignment + ((firstHit - alignment - marginChars) & ~3));
      const to = Math.min(run.length, (lasts[alignment] as number) + marginChars);
      alignments.push({ from, to, sure: (sure & (1 << alignment)) !== 0 });
    }
  }
  return alignments;
}

function beginsArchive(data: Buffer, run: EncodedRun): boolean {
  const { start } = run.spanOf(0, 1);
  const head = data.toString('latin1', start, start + 4);
  return head === 'H4sI' || head === 'UEsD';
}

function encodedOf(data: Buffer, run: EncodedRun, { from, to, sure }: Alignment): Encoded {
  return {
    name: 'base64',
    shallow: false,
    sure,
    size: Math.floor(((to - from) * 3) / 4),
    open: () => decode(data, run, from, to),
    outer: ({ start, end }) =>
      run.spanOf(from + Math.floor((start * 4) / 3), Math.min(to, from + Math.ceil((end * 4) / 3))),
    openStart: from > 3 || run.cutStart,
    openEnd: to < run.length || run.cutEnd,
  };
}

function decode(data: Buffer, run: EncodedRun, from: number, to: number): Buffer {
  const bytes = Buffer.allocUnsafe(Math.floor(((to - from) * 3) / 4));
  let bits = 0;
  let count = 0;
  let length = 0;
  run.eachPart(from, to, (start, end) => {
    for (let at = start; at < end; at++) {
      bits = (bits << 6) | (values[data[at] as number] as number);
      if ((++count & 3) !== 0) continue;
      bytes[length++] = bits >> 16;
      bytes[length++] = bits >> 8;
      bytes[length++] = bits;
      bits = 0;
    }
  });
  const left = count & 3;
  if (left > 1) bytes[length++] = left === 2 ? bits >> 4 : bits >> 10;
  if (left === 3) bytes[length++] = bits >> 2;
  return bytes.subarray(0, length);
}

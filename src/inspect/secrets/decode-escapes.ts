/**
 * Escapes within text: backslashes of JSON, JavaScript and their kin, percent,
 * HTML entities, quoted-printable, and lists of 0xNN. The automaton says where
 * one that hides a character of ASCII begins; what is around it is decoded with
 * the escapes of its family, and a stretch full of them is decoded once.
 */
import type { Encoded } from './encoded.ts';
import { byteOfEscape, type EscapeFamily, escapeFamilies, lengthOfEscape } from './escape-families.ts';
import type { Span } from './rule.ts';

/** What begins an escape, in lower case, and the number of its family. */
export const encodingAnchors: readonly { readonly text: string; readonly family: number }[] =
  escapeFamilies.flatMap(({ anchors }, family) => anchors.map((text) => ({ text, family })));

/** Where escapes begin, by family, in order. */
export type Anchors = readonly (readonly number[])[];

const bytesBefore = 160;
const bytesAfter = 480;
const greatestStretch = 64 * 1024;
/** So much of a stretch that was cut is in the next one again. */
const overlap = 4 * 1024;

/** Gives whether somewhere there are half as many escapes as make a stretch: few more, and it is one. */
export function findEscapes(data: Buffer, anchors: Anchors, found: (encoded: Encoded) => void): boolean {
  let nearly = false;
  escapeFamilies.forEach((family, n) => {
    const places = anchors[n] as readonly number[];
    if (places.length * 2 < family.least) return;
    for (const { span, count } of stretchesOf(data, places, family)) {
      if (count >= family.least) found(encodedOf(data, span, family));
      else if (count * 2 >= family.least) nearly = true;
    }
  });
  return nearly;
}

interface Stretch {
  readonly span: Span;
  /** Escapes in it. */
  readonly count: number;
}

function stretchesOf(data: Buffer, anchors: readonly number[], family: EscapeFamily): Stretch[] {
  const stretches: Stretch[] = [];
  let start = -1;
  let end = -1;
  let count = 0;
  const close = (): void => {
    stretches.push({ span: { start, end: Math.min(end, data.length) }, count });
  };
  for (const at of anchors) {
    if (family.counts?.(data, at) === false) continue;
    const touches = start >= 0 && at - bytesBefore <= end;
    if (touches && at + bytesAfter - start <= greatestStretch) {
      end = at + bytesAfter;
      count++;
      continue;
    }
    if (start >= 0) close();
    start = Math.max(0, touches ? end - overlap : at - bytesBefore);
    end = at + bytesAfter;
    count = touches ? family.least : 1;
  }
  if (start >= 0) close();
  return stretches;
}

function encodedOf(data: Buffer, { start, end }: Span, family: EscapeFamily): Encoded {
  return {
    name: family.name,
    shallow: true,
    sure: false,
    size: end - start,
    open: () => decode(data, { start, end }, family),
    // Spans are asked for seldom: where each byte came from is found by decoding once more.
    outer(span) {
      const places = new Int32Array(end - start + 1);
      const length = decode(data, { start, end }, family, places).length;
      places[length] = end;
      return {
        start: places[Math.min(span.start, length)] ?? start,
        end: places[Math.min(span.end, length)] ?? end,
      };
    },
    openStart: start > 0,
    openEnd: end < data.length,
  };
}

// `places`, when given, is told where each byte came from.
function decode(data: Buffer, { start, end }: Span, family: EscapeFamily, places?: Int32Array): Buffer {
  const bytes = Buffer.allocUnsafe(end - start);
  const begin = family.begin;
  let length = 0;
  for (let at = start; at < end; ) {
    const byte = data[at] as number;
    const packed = byte === begin ? family.decode(data, at, end) : 0;
    const decoded = packed === 0 ? byte : byteOfEscape(packed);
    if (decoded >= 0) {
      if (places !== undefined) places[length] = at;
      bytes[length++] = decoded;
    }
    at += packed === 0 ? 1 : lengthOfEscape(packed);
  }
  return bytes.subarray(0, length);
}

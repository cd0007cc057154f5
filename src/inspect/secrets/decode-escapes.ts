/**
 * Escapes within text: backslashes of JSON, JavaScript and their kin, percent,
 * HTML entities, quoted-printable, and lists of 0xNN. The automaton says where
 * one that hides a character of ASCII begins; what is around it is decoded with
 * the escapes of its family, and a stretch full of them is decoded once.
 */
import type { Encoded } from './encoded.ts';
import { type EscapeFamily, escapeFamilies } from './escape-families.ts';
import type { Span } from './rule.ts';

/** What begins an escape, in lower case. */
export const encodingAnchors: readonly string[] = escapeFamilies.flatMap((family) => family.anchors);

const bytesBefore = 160;
const bytesAfter = 480;
const greatestStretch = 64 * 1024;
/** So much of a stretch that was cut is in the next one again. */
const overlap = 4 * 1024;

export function findEscapes(
  data: Buffer,
  anchors: readonly number[],
  found: (encoded: Encoded) => void,
): void {
  if (anchors.length === 0) return;
  for (const family of escapeFamilies) {
    for (const stretch of stretchesOf(data, anchors, family)) found(encodedOf(data, stretch, family));
  }
}

function* stretchesOf(data: Buffer, anchors: readonly number[], family: EscapeFamily): Generator<Span> {
  let start = -1;
  let end = -1;
  for (const at of anchors) {
    if (data[at] !== family.begin) continue;
    if (start >= 0 && at - bytesBefore <= end && at + bytesAfter - start <= greatestStretch) {
      end = at + bytesAfter;
      continue;
    }
    if (start >= 0) yield { start, end: Math.min(end, data.length) };
    const touches = start >= 0 && at - bytesBefore <= end;
    start = Math.max(0, touches ? end - overlap : at - bytesBefore);
    end = at + bytesAfter;
  }
  if (start >= 0) yield { start, end: Math.min(end, data.length) };
}

function encodedOf(data: Buffer, { start, end }: Span, family: EscapeFamily): Encoded {
  let places: Uint32Array | undefined;
  return {
    name: family.name,
    shallow: true,
    sure: false,
    size: end - start,
    open() {
      const bytes = Buffer.allocUnsafe(end - start);
      places = new Uint32Array(end - start + 1);
      let length = 0;
      for (let at = start; at < end; ) {
        places[length] = at;
        const byte = data[at] as number;
        if (byte === family.begin) {
          const decoded = family.decode(data, at, end);
          if (decoded !== undefined) {
            at += decoded.length;
            if (decoded.byte >= 0) bytes[length++] = decoded.byte;
            continue;
          }
        }
        bytes[length++] = byte;
        at++;
      }
      places[length] = end;
      return bytes.subarray(0, length);
    },
    outer: (span) => ({
      start: (places as Uint32Array)[span.start] as number,
      end: (places as Uint32Array)[span.end] as number,
    }),
    openStart: start > 0,
    openEnd: end < data.length,
  };
}

/**
 * gzip, RFC 1952: wherever one begins, in a tar or behind other bytes too. Its
 * members are inflated one by one, because node's gunzip gives nothing at all
 * when something else follows the last one.
 */
import type { Encoded } from './encoded.ts';
import { inflateBounded } from './inflate-bounded.ts';
import type { Work } from './work.ts';

export const gzipMagic = Buffer.of(0x1f, 0x8b, 8);
const headerBytes = 10;
export const trailerBytes = 8;
const mostArchives = 1000;
const greatestSystem = 19;
const unknownSystem = 255;

const flagHeaderCrc = 2;
const flagExtra = 4;
const flagName = 8;
const flagComment = 16;
const flagsReserved = 0xe0;

export function findGzip(
  data: Buffer,
  work: Work,
  skips: (at: number) => boolean,
  found: (encoded: Encoded) => void,
): void {
  let archives = 0;
  for (let at = data.indexOf(gzipMagic); at !== -1 && !work.spent; ) {
    const span = { start: at, end: data.length };
    let next = at + gzipMagic.length;
    if (contentOf(data, at) !== undefined && !skips(at)) {
      if (++archives > mostArchives) {
        work.unscanned.add(`more than ${mostArchives} gzip archives are in it`);
        return;
      }
      const name = at === 0 ? 'gzip' : undefined;
      found({
        name: 'gzip',
        shallow: false,
        sure: at === 0,
        size: 0,
        open() {
          const opened = inflateMembers(data, at, work, name);
          if (opened === undefined) return undefined;
          next = span.end = opened.end;
          return opened.bytes;
        },
        outer: () => span,
        openStart: false,
        openEnd: false,
      });
    }
    at = data.indexOf(gzipMagic, next);
  }
}

// Text may go on from one member into the next, and so may a secret.
function inflateMembers(
  data: Buffer,
  start: number,
  work: Work,
  name: string | undefined,
): { bytes: Buffer; end: number } | undefined {
  const parts: Buffer[] = [];
  let end = start;
  for (let content = contentOf(data, start); content !== undefined; content = contentOf(data, end)) {
    const member = inflateBounded(data.subarray(content), work, name);
    if (member === undefined) break;
    parts.push(member.bytes);
    end = Math.min(data.length, content + member.consumed + trailerBytes);
  }
  return parts.length === 0 ? undefined : { bytes: Buffer.concat(parts), end };
}

/** Where the deflated bytes of a member begin; undefined when none is at this place. */
export function contentOf(data: Buffer, at: number): number | undefined {
  if (at + headerBytes >= data.length || gzipMagic.compare(data, at, at + gzipMagic.length) !== 0)
    return undefined;
  const flags = data[at + 3] as number;
  const system = data[at + 9] as number;
  if ((flags & flagsReserved) !== 0 || (system > greatestSystem && system !== unknownSystem))
    return undefined;
  let content = at + headerBytes;
  if ((flags & flagExtra) !== 0) {
    if (content + 2 > data.length) return undefined;
    content += 2 + data.readUInt16LE(content);
  }
  for (const flag of [flagName, flagComment]) {
    if ((flags & flag) === 0) continue;
    const end = data.indexOf(0, content);
    if (end === -1) return undefined;
    content = end + 1;
  }
  if ((flags & flagHeaderCrc) !== 0) content += 2;
  return content < data.length ? content : undefined;
}

import type { DeltaHeader } from '../git/delta.ts';
import type { ScannedSecret } from './contents/walk-order.ts';
import type { DeltaEdits, EditedRange } from './delta-edits.ts';

export interface Inheritance {
  /** Findings of the base, moved to where they are in the result; their lines are still those of the base. */
  readonly kept: readonly ScannedSecret[];
  /** Where the result holds findings of the base, or parts of them, so close to an edit that they may be others there. */
  readonly again: readonly EditedRange[];
}

/**
 * What a result has from its base. A finding is taken over with every copied
 * part that holds it together with `context` bytes on both sides; where the part
 * holds less, but some of the finding, that place is to be searched again.
 * Undefined when that takes more than `limit` comparisons.
 * @param held the findings of the base, by their start.
 */
export function inherit(
  held: readonly ScannedSecret[],
  edits: DeltaEdits,
  header: DeltaHeader,
  context: number,
  limit: number,
): Inheritance | undefined {
  if (held.length === 0) return nothing;
  const longest = held.reduce((most, { match }) => Math.max(most, match.end - match.start), 0);
  let left = limit;
  const kept: ScannedSecret[] = [];
  const again: EditedRange[] = [];
  for (let i = 0; i < edits.count; i++) {
    const from = edits.from[i] as number;
    const to = edits.to[i] as number;
    const size = edits.size[i] as number;
    const end = from + size;
    // Nothing lies beyond what both begin or end with.
    const first = from === 0 && to === 0 ? 0 : from + context;
    const last = end === header.baseSize && to + size === header.resultSize ? end : end - context;
    const moved = to - from;
    for (let k = firstFrom(held, from - longest); k < held.length; k++) {
      const secret = held[k] as ScannedSecret;
      const { match } = secret;
      if (match.start >= end) break;
      if (left-- === 0) return undefined;
      if (match.start >= first && match.end <= last) kept.push(moveBy(secret, moved));
      else if (match.end > from)
        again.push({ start: Math.max(match.start, from) + moved, end: Math.min(match.end, end) + moved });
    }
  }
  return { kept, again };
}

const nothing: Inheritance = { kept: [], again: [] };

function firstFrom(held: readonly ScannedSecret[], start: number): number {
  let low = 0;
  let high = held.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((held[middle] as ScannedSecret).match.start < start) low = middle + 1;
    else high = middle;
  }
  return low;
}

function moveBy(secret: ScannedSecret, distance: number): ScannedSecret {
  if (distance === 0) return secret;
  const { match } = secret;
  return { ...secret, match: { ...match, start: match.start + distance, end: match.end + distance } };
}

/** All findings by their start, each once, with the lines that they are on in `content`. */
export function combine(
  kept: readonly ScannedSecret[],
  found: readonly ScannedSecret[],
  content: Buffer,
): ScannedSecret[] {
  const all = [...kept, ...found].sort(byPlace);
  const combined: ScannedSecret[] = [];
  let line = 1;
  let counted = 0;
  for (const secret of all) {
    const last = combined[combined.length - 1];
    if (last !== undefined && byPlace(last, secret) === 0) continue;
    for (; counted < secret.match.start; counted++) if (content[counted] === newline) line++;
    combined.push(secret.line === line ? secret : { ...secret, line });
  }
  return combined;
}

const newline = 0x0a;

function byPlace(a: ScannedSecret, b: ScannedSecret): number {
  return (
    a.match.start - b.match.start ||
    a.match.end - b.match.end ||
    (a.match.rule.id < b.match.rule.id ? -1 : a.match.rule.id > b.match.rule.id ? 1 : 0)
  );
}

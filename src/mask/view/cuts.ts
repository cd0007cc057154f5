import type { Confidence } from '../../domain/facts.ts';
import { compareConfidence, type Hit } from './find-secrets.ts';
import { literalRule, widen } from './placeholder.ts';
import type { MaskedSpan } from './view-function.ts';

/** What is cut out of a content. */
export interface Cut {
  /** Bytes of the original; end exclusive. */
  readonly start: number;
  readonly end: number;
  readonly rule: string;
  readonly confidence: Confidence;
  readonly wide: boolean;
  /** Nobody's secret: this is put in its place. */
  readonly instead?: string;
}

/** A cut with what took its place. */
export interface PlacedCut extends Cut {
  readonly viewStart: number;
  readonly viewEnd: number;
  /** As it stands there, without what fills its place up. */
  readonly text: string;
}

/** A content with its cuts filled. */
export interface FilledContent {
  readonly content: Buffer;
  readonly placed: readonly PlacedCut[];
}

export const cutOf = ({ start, end, rule, confidence, wide }: Hit): Cut => ({
  start,
  end,
  rule,
  confidence,
  wide,
});

/**
 * Cuts that overlap become one: by the rule of the surest, then of the longest, then of the first by its name.
 * What lies within text that looks like a placeholder is that text. Undefined where bytes and UTF-16 overlap.
 */
export function mergeCuts(cuts: readonly Cut[]): readonly Cut[] | undefined {
  const sorted = [...cuts].sort((a, b) => a.start - b.start || a.end - b.end);
  const merged: Cut[] = [];
  for (let first = 0; first < sorted.length; ) {
    const { start, wide } = sorted[first] as Cut;
    let { end } = sorted[first] as Cut;
    let next = first + 1;
    for (; next < sorted.length && (sorted[next] as Cut).start < end; next++) {
      const other = sorted[next] as Cut;
      if (other.wide !== wide || (wide && (other.start - start) % 2 !== 0)) return undefined;
      end = Math.max(end, other.end);
    }
    merged.push(next === first + 1 ? (sorted[first] as Cut) : union(sorted.slice(first, next), start, end));
    first = next;
  }
  return merged;
}

function union(cuts: readonly Cut[], start: number, end: number): Cut {
  const literal = cuts.find((cut) => cut.rule === literalRule && cut.start === start && cut.end === end);
  const best = literal ?? ([...cuts].sort(surestFirst)[0] as Cut);
  const { rule, confidence, wide } = best;
  return { start, end, rule, confidence, wide };
}

function surestFirst(a: Cut, b: Cut): number {
  const kind = Number(isWeak(a)) - Number(isWeak(b));
  const length = b.end - b.start - (a.end - a.start);
  return kind || compareConfidence(b.confidence, a.confidence) || length || (a.rule < b.rule ? -1 : 1);
}

// What names nobody's rule: another one tells more.
const isWeak = ({ rule, instead }: Cut): boolean => rule === literalRule || instead !== undefined;

/** What takes the place of a cut: the bytes, and the text without what fills them up. */
export interface Filling {
  readonly text: string;
  readonly bytes: Buffer;
}

/** The content with each cut filled; undefined where there is nothing for one of them. Cuts are in order and do not overlap. */
export function fillCuts(
  content: Buffer,
  cuts: readonly Cut[],
  fill: (cut: Cut, secret: Buffer) => Filling | undefined,
): FilledContent | undefined {
  const pieces: Buffer[] = [];
  const placed: PlacedCut[] = [];
  let at = 0;
  let length = 0;
  for (const cut of cuts) {
    const filling = fill(cut, content.subarray(cut.start, cut.end));
    if (filling === undefined) return undefined;
    pieces.push(content.subarray(at, cut.start), filling.bytes);
    const viewStart = length + cut.start - at;
    length = viewStart + filling.bytes.length;
    at = cut.end;
    placed.push({ ...cut, viewStart, viewEnd: length, text: filling.text });
  }
  pieces.push(content.subarray(at));
  return { content: Buffer.concat(pieces), placed };
}

/** ASCII as it stands in a cut. */
export const bytesOf = (text: string, wide: boolean): Buffer =>
  wide ? widen(text) : Buffer.from(text, 'latin1');

/** Where a hit in a filled content lies in the original, with all of the cuts that it touches; undefined where it is nothing but a placeholder. */
export function hitInOriginal(hit: Hit, placed: readonly PlacedCut[]): Cut | undefined {
  const isPlaceholder = placed.some(
    ({ viewStart, viewEnd, instead }) =>
      instead === undefined && hit.start >= viewStart && hit.end <= viewEnd,
  );
  if (isPlaceholder) return undefined;
  return { ...cutOf(hit), start: startInOriginal(hit.start, placed), end: endInOriginal(hit.end, placed) };
}

function startInOriginal(at: number, placed: readonly PlacedCut[]): number {
  let shift = 0;
  for (const { start, end, viewStart, viewEnd } of placed) {
    if (at < viewStart) break;
    if (at < viewEnd) return start;
    shift = viewEnd - end;
  }
  return at - shift;
}

function endInOriginal(at: number, placed: readonly PlacedCut[]): number {
  let shift = 0;
  for (const { end, viewStart, viewEnd } of placed) {
    if (at <= viewStart) break;
    if (at <= viewEnd) return end;
    shift = viewEnd - end;
  }
  return at - shift;
}

/** Secrets with what stands for them. */
export function spansOf(original: Buffer, placed: readonly PlacedCut[]): MaskedSpan[] {
  return placed
    .filter(({ instead }) => instead === undefined)
    .map(({ start, end, viewStart, viewEnd, rule, text }) => ({
      start,
      end,
      viewStart,
      viewEnd,
      rule,
      placeholder: text,
      secret: original.subarray(start, end),
    }));
}

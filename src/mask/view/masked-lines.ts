import { encodingOf } from './encoding.ts';
import { findPlaceholders } from './placeholder.ts';
import type { MaskedContent, MaskedSpan } from './view-function.ts';

/** One line of a view that holds placeholders, and what the original has in its place: of a secret over several lines, all of them. */
export interface MaskedLine {
  /** Without its line end; a carriage return before it is part of the line. In UTF-16 whole units. */
  readonly view: Buffer;
  readonly original: Buffer;
  /** Counted from 1, in the view; the first one in the original. */
  readonly viewLine: number;
  readonly originalLine: number;
  /** Where `view` and `original` begin, in bytes of their contents. */
  readonly viewStart: number;
  readonly originalStart: number;
  /** Those of the line, in their order. */
  readonly spans: readonly MaskedSpan[];
}

export interface PlacedPlaceholder {
  /** Bytes of the content; end exclusive; in UTF-16 from the byte of the first character to that of the last one. */
  readonly start: number;
  readonly end: number;
  readonly placeholder: string;
  /** Counted from 1; absent in binary content. */
  readonly line?: number;
}

/**
 * The lines of a view that hold placeholders, in their order; none of binary content. Of content that is one
 * placeholder as a whole, one line that stands for all of the original.
 */
export function maskedLines(original: Buffer, masked: MaskedContent): readonly MaskedLine[] {
  const { content, spans, whole } = masked;
  const first = spans[0];
  if (first === undefined) return [];
  if (whole !== undefined) {
    const view = content.at(-1) === 10 ? content.subarray(0, -1) : content;
    return [{ view, original, viewLine: 1, originalLine: 1, viewStart: 0, originalStart: 0, spans }];
  }
  if (encodingOf(original) === 'binary') return [];
  const viewEnds = new LineEnds(content);
  const originalEnds = new LineEnds(original);
  const lines: MaskedLine[] = [];
  for (let next = 0; next < spans.length; ) {
    const from = next;
    const begin = spans[from] as MaskedSpan;
    const viewLine = viewEnds.move(begin.viewStart);
    const viewStart = viewEnds.start;
    const viewEnd = viewEnds.lineEnd;
    while (next < spans.length && (spans[next] as MaskedSpan).viewStart < viewEnd) next++;
    const last = spans[next - 1] as MaskedSpan;
    const originalStart = begin.start - (begin.viewStart - viewStart);
    const originalEnd = last.end + (viewEnd - last.viewEnd);
    lines.push({
      view: content.subarray(viewStart, viewEnd),
      original: original.subarray(originalStart, originalEnd),
      viewLine,
      originalLine: originalEnds.move(originalStart),
      viewStart,
      originalStart,
      spans: spans.slice(from, next),
    });
  }
  return lines;
}

/**
 * Everything in the content that looks like a placeholder, in the order of their places. Where a placeholder has the length of its
 * secret, `end` is that of the placeholder; with the spans that it may come from, that of its padding.
 */
export function placeholdersIn(
  content: Buffer,
  known: readonly MaskedSpan[] = [],
): readonly PlacedPlaceholder[] {
  const found = findPlaceholders(content);
  if (found.length === 0) return [];
  const lengths = new Map(
    known.map(({ placeholder, viewStart, viewEnd }) => [placeholder, viewEnd - viewStart]),
  );
  const lines = encodingOf(content) === 'binary' ? undefined : new LineEnds(content);
  return found.map(({ start, end, placeholder, wide }) => {
    const padded = start + (lengths.get(placeholder) ?? 0);
    return {
      start,
      end: padded > end && isPadding(content, end, padded, wide) ? padded : end,
      placeholder,
      ...(lines === undefined ? {} : { line: lines.move(start) }),
    };
  });
}

const hyphen = 0x2d;

function isPadding(content: Buffer, from: number, to: number, wide: boolean): boolean {
  if (to > content.length) return false;
  for (let at = from; at < to; at++) {
    const expected = wide && (at - from) % 2 === 0 ? 0 : hyphen;
    if (content[at] !== expected) return false;
  }
  return true;
}

const newline = 10;

/** Goes through the lines of a content forwards, in text and in UTF-16. */
class LineEnds {
  readonly #content: Buffer;
  readonly #encoding: ReturnType<typeof encodingOf>;
  #line = 1;
  /** Where the line begins. */
  start = 0;
  /** Where its line end begins. */
  lineEnd: number;
  #next: number;

  constructor(content: Buffer) {
    this.#content = content;
    this.#encoding = encodingOf(content);
    this.#next = 0;
    this.lineEnd = this.#find(0);
  }

  /** The number of the line that holds the place, which must not be before one asked for earlier. */
  move(at: number): number {
    while (this.lineEnd < at && this.#next <= at && this.#next < this.#content.length) {
      this.start = this.#next;
      this.#line++;
      this.lineEnd = this.#find(this.start);
    }
    return this.#line;
  }

  #find(from: number): number {
    const wide = this.#encoding === 'utf-16le' || this.#encoding === 'utf-16be';
    const low = this.#encoding === 'utf-16le' ? 0 : 1;
    for (
      let at = this.#content.indexOf(newline, from);
      at >= 0;
      at = this.#content.indexOf(newline, at + 1)
    ) {
      if (!wide) {
        this.#next = at + 1;
        return at;
      }
      if (at % 2 !== low || this.#content[at + 1 - 2 * low] !== 0) continue;
      this.#next = at + 2 - low;
      return at - low;
    }
    this.#next = this.#content.length;
    return this.#content.length;
  }
}

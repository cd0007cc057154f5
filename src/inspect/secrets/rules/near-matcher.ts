import type { Matcher, Span } from '../rule.ts';
import { boundaryReach, type CompiledToken } from './token-matcher.ts';

/** A rule whose matches make those of another rule near them believable. */
export interface Partner {
  readonly keywords: readonly string[];
  readonly matcher: Matcher;
}

export interface Nearness {
  /** Bytes between keyword and token. */
  readonly near: number;
  /** Looks before the keyword as well. */
  readonly around: boolean;
  readonly keywords: readonly string[];
  readonly partner: Partner | undefined;
  /** False goes on looking: a candidate that is a placeholder does not hide the next one. */
  readonly admit: (value: string) => boolean;
}

const partnerLines = 5;
/** Bytes; five lines of up to 200. */
const partnerReach = 1000;

/**
 * Finds tokens that have no keyword of their own: the nearest one after a keyword
 * (or before it, with `around`), with nothing but an assignment's shape between
 * them, or within five lines of a match of the partner.
 */
export function nearMatcher(tokens: readonly CompiledToken[], nearness: Nearness): Matcher {
  const { near, around, keywords, partner, admit } = nearness;
  const greatest = Math.max(...tokens.map((token) => token.greatest));
  const reach = partner === undefined ? near : Math.max(near, partnerReach);
  const partnerWords = new Set(partner?.keywords);
  const ownWords = new Set(keywords);
  const firsts = new Uint8Array(256).map((_, byte) =>
    tokens.some(({ first }) => first[byte] === 1) ? 1 : 0,
  );
  const backwards = around || partner !== undefined;
  const tryAt = (data: Buffer, from: number, to: number, start: number): Span | undefined => {
    for (const token of tokens) {
      if (!token.mayBegin(data, to, start)) continue;
      const span = token.matchFrom(data, from, to, start);
      if (span !== undefined && admit(data.toString('latin1', span.start, span.end))) return span;
    }
    return undefined;
  };
  return {
    before: (backwards ? reach + greatest : 0) + Math.max(boundaryReach, partner?.matcher.before ?? 0),
    after: reach + greatest + 1 + (partner?.matcher.after ?? 0),
    // The window is gone through after the hit and before it, and the partner's own comes on top.
    weight: partner === undefined ? 1 : 6,
    find(data, from, to, at, keyword) {
      const end = at + keyword.length;
      if (ownWords.has(keyword)) {
        const window = { data, from, to, low: at, high: end, reach: near, firsts };
        const found =
          searchAfter(window, tryAt, assigned) ??
          (around ? searchBefore(window, tryAt, assigned) : undefined);
        if (found !== undefined) return found;
      }
      const other = partnerWords.has(keyword)
        ? partner?.matcher.find(data, from, to, at, keyword)
        : undefined;
      if (other === undefined) return undefined;
      const window = { data, from, to, low: other.start, high: other.end, reach: partnerReach, firsts };
      return searchAfter(window, tryAt, fewLines) ?? searchBefore(window, tryAt, fewLines);
    },
  };
}

interface Window {
  readonly data: Buffer;
  readonly from: number;
  readonly to: number;
  /** What is looked around: from `low` to `high`. */
  readonly low: number;
  readonly high: number;
  readonly reach: number;
  /** The bytes that a token can begin with. */
  readonly firsts: Uint8Array;
}

type Try = (data: Buffer, from: number, to: number, start: number) => Span | undefined;
type Between = (data: Buffer, low: number, high: number) => boolean;

function searchAfter(window: Window, tryAt: Try, between: Between): Span | undefined {
  const { data, from, to, high, reach, firsts } = window;
  const last = Math.min(to, high + reach + 1);
  for (let start = high; start < last; start++) {
    if (firsts[data[start] as number] !== 1 || !opens(data, start, high)) continue;
    const span = tryAt(data, from, to, start);
    if (span !== undefined && between(data, high, start)) return span;
  }
  return undefined;
}

function searchBefore(window: Window, tryAt: Try, between: Between): Span | undefined {
  const { data, from, low, reach, firsts } = window;
  for (let start = low - 1; start >= from && start >= low - reach; start--) {
    if (firsts[data[start] as number] !== 1 || (start > from && !opens(data, start, from))) continue;
    const span = tryAt(data, from, low, start);
    if (span !== undefined && between(data, span.end, low)) return span;
  }
  return undefined;
}

const openers = new Uint8Array(256);
for (const byte of Buffer.from(' \t\n\r"\'`=:,>([{|;@/\\&?')) openers[byte] = 1;

/** Whether the byte before can stand before a value; the first byte after the keyword may follow it at once. */
const opens = (data: Buffer, start: number, first: number): boolean =>
  start === first || openers[data[start - 1] as number] === 1;

/** No more than two line ends, and something that assigns, quotes or parts: between, or the keyword's own last byte. */
function assigned(data: Buffer, low: number, high: number): boolean {
  let lines = 0;
  let parted = openers[data[low - 1] as number] === 1;
  for (let i = low; i < high; i++) {
    const byte = data[i] as number;
    if (byte === 10 && ++lines > 2) return false;
    parted ||= openers[byte] === 1;
  }
  return parted;
}

function fewLines(data: Buffer, low: number, high: number): boolean {
  let lines = 0;
  for (let i = low; i < high; i++) {
    if (data[i] === 10 && ++lines > partnerLines) return false;
  }
  return true;
}

import type { Matcher, Span } from '../rule.ts';
import {
  type ByteSet,
  firstClass,
  greatestLength,
  parseClass,
  parseToken,
  reversed,
  type TokenSequence,
} from './token-grammar.ts';
import { run } from './token-run.ts';

/** A token that can be found by a keyword of its own, or searched for in a window. */
export interface CompiledToken {
  /** Empty when no part of the token is literal enough: then it is found near another keyword only. */
  readonly keywords: readonly string[];
  /** Bytes of the longest match. */
  readonly greatest: number;
  /** The literals that matches begin with, for what is variable in one. */
  readonly leading: readonly string[];
  /** False where `findAt` would give nothing, by a look at a few bytes. */
  mayBeAt(data: Buffer, from: number, to: number, at: number, keyword: string): boolean;
  /** The longest match around its keyword at `at`. */
  findAt(data: Buffer, from: number, to: number, at: number, keyword: string): Span | undefined;
  /** The bytes that a match can begin with. */
  readonly first: ByteSet;
  /** False where no match begins at `start`, by a look at two bytes. */
  mayBegin(data: Buffer, to: number, start: number): boolean;
  /** The longest match that begins at `start`, if one does. */
  matchFrom(data: Buffer, from: number, to: number, start: number): Span | undefined;
}

/** How far to the left of a match its boundary is judged by: an escape such as `\x1b[38;5;1m`. */
export const boundaryReach = 16;
const greatestChoice = 128;
const shortestKeyword = 3;
const goodKeyword = 4;

/**
 * `boundary` names the class of bytes that may not stand beside a match; left
 * out, it is the first and the last class of the token. Throws TokenError.
 */
export function compileToken(grammar: string, boundary?: string): CompiledToken {
  const whole = parseToken(grammar);
  const around = boundary === undefined ? undefined : parseClass(boundary);
  const left = around ?? firstClass(whole);
  const right = around ?? firstClass(reversed(whole));
  const pivot = findPivot(whole);
  const before = reversed(whole.slice(0, pivot?.start ?? 0));
  const after = whole.slice(pivot?.end ?? 0);
  const beginning = beginningOf(whole);
  const behind = beginningOf(after);
  const leads = pivot?.start === 0;
  const matchForward = (
    sequence: TokenSequence,
    data: Buffer,
    to: number,
    start: number,
  ): number | undefined =>
    furthest(run(sequence, data, start, to, 1), (end) => end >= to || right[data[end] as number] !== 1);
  return {
    keywords: pivot?.texts ?? [],
    greatest: greatestLength(whole),
    leading: leadingTexts(whole),
    mayBeAt(data, from, to, at, keyword) {
      const next = at + keyword.length;
      return (
        (after.length === 0 || beginsAt(behind, data, to, next)) &&
        (!leads || freeOnLeft(data, from, at, left))
      );
    },
    findAt(data, from, to, at, keyword) {
      if (!holds(data, at, to, keyword)) return undefined;
      const negated = furthest(run(before, data, -at, -from, -1), (place) =>
        freeOnLeft(data, from, -place, left),
      );
      if (negated === undefined) return undefined;
      const end = matchForward(after, data, to, at + keyword.length);
      return end === undefined ? undefined : { start: 0 - negated, end };
    },
    first: beginning.first,
    mayBegin: (data, to, start) => beginsAt(beginning, data, to, start),
    matchFrom(data, from, to, start) {
      if (!freeOnLeft(data, from, start, left)) return undefined;
      const end = matchForward(whole, data, to, start);
      return end === undefined ? undefined : { start, end };
    },
  };
}

interface Beginning {
  readonly length: number;
  readonly first: ByteSet;
  readonly last: ByteSet;
}

const onlyByte = (text: string, at: number): ByteSet =>
  new Uint8Array(256).fill(1, text.charCodeAt(at), text.charCodeAt(at) + 1);

// What every match begins with: bytes of a class or a literal; of a choice, one byte of any of its options.
function beginningOf([node]: TokenSequence): Beginning {
  if (node?.kind === 'choice') {
    const options = node.options.map((option) => beginningOf(option));
    if (options.every(({ length }) => length > 0)) {
      const first = new Uint8Array(256).map((_, byte) =>
        options.some((one) => one.first[byte] === 1) ? 1 : 0,
      );
      return { length: 1, first, last: first };
    }
  }
  if (node?.kind === 'class' && node.min > 0) return { length: node.min, first: node.set, last: node.set };
  if (node?.kind === 'literal') {
    const length = node.text.length;
    return { length, first: onlyByte(node.text, 0), last: onlyByte(node.text, length - 1) };
  }
  const any = new Uint8Array(256).fill(1);
  return { length: 0, first: any, last: any };
}

const beginsAt = ({ length, first, last }: Beginning, data: Buffer, to: number, start: number): boolean =>
  length === 0 ||
  (start + length <= to &&
    first[data[start] as number] === 1 &&
    last[data[start + length - 1] as number] === 1);

/** One matcher of several tokens, each found by its own keywords; the longest span wins. */
export function tokenMatcher(tokens: readonly CompiledToken[]): Matcher {
  const byKeyword = new Map<string, CompiledToken[]>();
  for (const token of tokens) {
    for (const keyword of token.keywords) {
      byKeyword.set(keyword, [...(byKeyword.get(keyword) ?? []), token]);
    }
  }
  const reach = Math.max(...tokens.map((token) => token.greatest));
  return {
    before: reach + boundaryReach,
    after: reach + 1,
    mayMatch: (data, from, to, at, keyword) =>
      byKeyword.get(keyword)?.some((token) => token.mayBeAt(data, from, to, at, keyword)) === true,
    find(data, from, to, at, keyword) {
      let longest: Span | undefined;
      for (const token of byKeyword.get(keyword) ?? []) {
        const span = token.findAt(data, from, to, at, keyword);
        if (span !== undefined && (longest === undefined || lengthOf(span) > lengthOf(longest)))
          longest = span;
      }
      return longest;
    },
  };
}

const lengthOf = (span: Span): number => span.end - span.start;

function furthest(places: readonly number[], allowed: (place: number) => boolean): number | undefined {
  for (let i = places.length - 2; i >= 0; i -= 2) {
    for (let place = places[i + 1] as number; place >= (places[i] as number); place--) {
      if (allowed(place)) return place;
    }
  }
  return undefined;
}

function holds(data: Buffer, at: number, to: number, keyword: string): boolean {
  if (at + keyword.length > to) return false;
  for (let i = 0; i < keyword.length; i++) {
    if (data[at + i] !== keyword.charCodeAt(i)) return false;
  }
  return true;
}

function freeOnLeft(data: Buffer, from: number, start: number, taken: ByteSet): boolean {
  return start <= from || taken[data[start - 1] as number] !== 1 || endsEscape(data, from, start);
}

const backslash = 0x5c;
const isHex = (byte: number | undefined): boolean => byte !== undefined && hexDigits[byte] === 1;
const hexDigits = parseClass('hexx');
const oneLetterEscapes = new Set(Buffer.from('nrtbfv0e'));

// A letter that ends an escape (\n, \x3d, \u003d, %3D, the colour of a terminal) is not part of the word that follows it.
function endsEscape(data: Buffer, from: number, start: number): boolean {
  const back = (count: number): number | undefined =>
    start - count < from ? undefined : data[start - count];
  const last = back(1) as number;
  if (back(2) === backslash) return oneLetterEscapes.has(last);
  if (last === 0x6d) return endsColour(back);
  if (!isHex(last) || !isHex(back(2))) return false;
  if (back(3) === 0x25) return true;
  if (back(3) === 0x78) return back(4) === backslash;
  return back(5) === 0x75 && back(6) === backslash && isHex(back(3)) && isHex(back(4));
}

// ESC [ digits and semicolons m
function endsColour(back: (count: number) => number | undefined): boolean {
  let count = 2;
  for (; count < boundaryReach - 1; count++) {
    const byte = back(count) ?? 0;
    if (byte !== 0x3b && (byte < 0x30 || byte > 0x39)) break;
  }
  return back(count) === 0x5b && back(count + 1) === 0x1b;
}

interface Pivot {
  readonly start: number;
  readonly end: number;
  readonly texts: readonly string[];
}

// Leading text is best: the left boundary then turns away most hits at once. Too short, and a later one is rarer.
function findPivot(sequence: TokenSequence): Pivot | undefined {
  const pivots: Pivot[] = [];
  for (let start = 0; start < sequence.length; ) {
    let end = start;
    let texts: readonly string[] = [''];
    for (; end < sequence.length; end++) {
      const more = expand(sequence.slice(end, end + 1));
      if (more === undefined || more.length * texts.length > greatestChoice) break;
      texts = texts.flatMap((text) => more.map((next) => text + next));
    }
    if (end > start) pivots.push({ start, end, texts: [...new Set(texts)] });
    start = Math.max(end, start + 1);
  }
  const shortest = (pivot: Pivot): number => Math.min(...pivot.texts.map((text) => text.length));
  const usable = pivots.filter((pivot) => shortest(pivot) >= shortestKeyword);
  const first = usable[0];
  if (first === undefined || (first.start === 0 && shortest(first) >= goodKeyword)) return first;
  return usable.reduce((best, pivot) => (shortest(pivot) > shortest(best) ? pivot : best));
}

function leadingTexts(sequence: TokenSequence): readonly string[] {
  const end = sequence.findIndex((_, index) => expand(sequence.slice(0, index + 1)) === undefined);
  return expand(sequence.slice(0, end === -1 ? sequence.length : end)) ?? [];
}

/** All texts of a sequence without classes; undefined when there is a class, or too many. */
function expand(sequence: TokenSequence): readonly string[] | undefined {
  let texts: readonly string[] = [''];
  for (const node of sequence) {
    if (node.kind === 'class') return undefined;
    const options = node.kind === 'literal' ? [[node.text]] : node.options.map(expand);
    const more: string[] = [];
    for (const option of options) {
      if (option === undefined) return undefined;
      more.push(...option);
    }
    if (more.length * texts.length > greatestChoice) return undefined;
    texts = texts.flatMap((text) => more.map((next) => text + next));
  }
  return texts;
}

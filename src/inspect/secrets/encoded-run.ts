import type { Span } from './rule.ts';

/** How far beyond a span a run of encoded text is followed. */
export const reachBytes = 16 * 1024;
/** A line at least so long goes on in the next one. */
const shortestWrapped = 40;
/** Up to so many characters the whole run is the encoded form of what is in it. */
const wholeUpTo = 1024;

const newline = 10;
const carriageReturn = 13;
const space = 32;
const tab = 9;
const backslash = 92;
const letterN = 110;
const letterR = 114;
const equals = 61;

/** Characters of one alphabet, over several lines where they are wrapped; what lies between is not counted. */
export class EncodedRun {
  readonly #starts: number[] = [];
  /** How many characters come before each part. */
  readonly #counts: number[] = [];
  readonly #data: Buffer;
  readonly cutStart: boolean;
  readonly cutEnd: boolean;
  readonly end: number;
  readonly length: number;

  constructor(data: Buffer, start: number, reach: Span, alphabet: Uint8Array) {
    this.#data = data;
    let count = 0;
    let from = start;
    let end = start;
    for (;;) {
      while (end < reach.end && alphabet[data[end] as number] !== 0) end++;
      this.#starts.push(from);
      this.#counts.push(count);
      count += end - from;
      if (end - from < shortestWrapped) break;
      from = nextLine(data, end);
      if (from === end || from >= reach.end || alphabet[data[from] as number] === 0) break;
      end = from;
    }
    this.#counts.push(count);
    this.length = count;
    this.end = end;
    this.cutStart = start > 0 && start === reach.start;
    this.cutEnd = end === reach.end && end < data.length;
  }

  get span(): Span {
    return { start: this.#starts[0] as number, end: this.end };
  }

  /** Calls for each part with its place and the number of its first character. */
  eachPart(from: number, to: number, part: (start: number, end: number, count: number) => void): void {
    for (let n = this.#partOf(from); n < this.#starts.length; n++) {
      const count = this.#counts[n] as number;
      if (count >= to) return;
      const first = Math.max(from, count);
      const last = Math.min(to, this.#counts[n + 1] as number);
      const shift = (this.#starts[n] as number) - count;
      part(first + shift, last + shift, first);
    }
  }

  /**
   * Where these characters lie. A short run is one thing from its beginning, up to the end of their last line, padding
   * included: the lines behind that may be other people's.
   */
  spanOf(from: number, to: number): Span {
    if (this.length > wholeUpTo) return { start: this.#placeOf(from), end: this.#placeOf(to - 1) + 1 };
    const part = this.#partOf(to - 1);
    const lineEnd =
      (this.#starts[part] as number) + (this.#counts[part + 1] as number) - (this.#counts[part] as number);
    let end = lineEnd;
    while (end < lineEnd + 2 && this.#data[end] === equals) end++;
    return { start: this.#starts[0] as number, end };
  }

  #placeOf(character: number): number {
    const part = this.#partOf(character);
    return (this.#starts[part] as number) + character - (this.#counts[part] as number);
  }

  #partOf(character: number): number {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#counts[middle] as number) <= character) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/** What is looked for: characters, how many at least, and a first look at a run of one line that is cheap. */
export interface RunKind {
  readonly alphabet: Uint8Array;
  readonly shortest: number;
  /** False turns a run away before anything is made of it. */
  plausible(data: Buffer, start: number, end: number): boolean;
}

/** Calls for every run of the kind that has characters in the span, and follows it up to `beyond` bytes further. */
export function eachRun(
  data: Buffer,
  span: Span,
  { alphabet, shortest, plausible }: RunKind,
  beyond: number,
  found: (run: EncodedRun) => void,
): void {
  const reach = {
    start: runStart(data, span.start, Math.max(0, span.start - beyond), alphabet),
    end: Math.min(data.length, span.end + beyond),
  };
  // The run would begin behind `before`; up to `known` its characters have been seen.
  let before = reach.start - 1;
  let known = before;
  for (let probe = before + shortest; probe < reach.end && before + 1 < span.end; probe = before + shortest) {
    let at = probe;
    while (at > known && alphabet[data[at] as number] !== 0) at--;
    if (at > known) {
      before = at;
      known = probe;
      continue;
    }
    const start = before + 1;
    let end = probe + 1;
    while (end < reach.end && alphabet[data[end] as number] !== 0) end++;
    const wrapped = end - start >= shortestWrapped && nextLine(data, end) !== end;
    if (wrapped || plausible(data, start, end)) {
      const run = new EncodedRun(data, start, reach, alphabet);
      found(run);
      end = run.end;
    }
    before = end;
    known = end;
  }
}

// Before the run that goes on at `at`, if one does, or at `least`; a line belongs to it where the one before is long enough.
function runStart(data: Buffer, at: number, least: number, alphabet: Uint8Array): number {
  let start = at;
  for (;;) {
    while (start > least && alphabet[data[start - 1] as number] !== 0) start--;
    const end = lineBefore(data, start);
    let from = end;
    while (from > least && alphabet[data[from - 1] as number] !== 0) from--;
    if (end - from < shortestWrapped) return Math.max(least, start - 1);
    start = from;
  }
}

// Where the line ends that comes before the one that begins at `at`; `at` when none does.
function lineBefore(data: Buffer, at: number): number {
  if (data[at - 1] === backslash && data[at] === letterN)
    return data[at - 3] === backslash && data[at - 2] === letterR ? at - 3 : at - 1;
  let end = at;
  while (end > at - 64 && (data[end - 1] === space || data[end - 1] === tab)) end--;
  if (data[end - 1] !== newline) return at;
  return data[end - 2] === carriageReturn ? end - 2 : end - 1;
}

// The end of a line and the indentation of the next one, plain or escaped.
function nextLine(data: Buffer, at: number): number {
  let next = at;
  if (data[next] === backslash) {
    if (data[next + 1] === letterR && data[next + 2] === backslash) next += 2;
    return data[next + 1] === letterN ? next + 2 : at;
  }
  if (data[next] === carriageReturn) next++;
  if (data[next] !== newline) return at;
  next++;
  while (next < at + 64 && (data[next] === space || data[next] === tab)) next++;
  return next;
}

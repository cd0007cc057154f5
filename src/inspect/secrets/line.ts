import type { Span } from './rule.ts';

const newline = 10;
const carriageReturn = 13;
const maxLineBytes = 4096;
/** Of a line that is cut, how much before the offset is kept. */
const keptBefore = 1024;

/** The line around an offset without its end, at most 4 KiB of it and 1 KiB before the offset where it is longer. */
export function lineSpanAt(data: Buffer, offset: number): Span {
  const least = Math.max(0, offset - maxLineBytes);
  let start = offset;
  while (start > least && data[start - 1] !== newline) start--;
  if (start === least && start > 0 && data[start - 1] !== newline) start = Math.max(0, offset - keptBefore);
  const most = Math.min(data.length, start + maxLineBytes);
  let end = Math.min(offset, data.length);
  while (end < most && data[end] !== newline) end++;
  if (end > start && data[end - 1] === carriageReturn) end--;
  return { start, end: Math.max(start, end) };
}

/** The text of that line, as latin1. */
export function lineAt(data: Buffer, offset: number): string {
  const { start, end } = lineSpanAt(data, offset);
  return data.toString('latin1', start, end);
}

/** Counts lines up to offsets that do not decrease; from 1. */
export class LineCounter {
  readonly #data: Buffer;
  #line = 1;
  #next: number;

  constructor(data: Buffer) {
    this.#data = data;
    this.#next = data.indexOf(newline);
  }

  lineOf(offset: number): number {
    while (this.#next !== -1 && this.#next < offset) {
      this.#line++;
      this.#next = this.#data.indexOf(newline, this.#next + 1);
    }
    return this.#line;
  }
}

/** Whether a line says that what it holds is accepted; policy decides whether that counts. */
export function hasAllowComment(line: string): boolean {
  return line.includes('refgate:allow') || line.includes('gitleaks:allow');
}

import { type ContentEncoding, encodingOf } from '../view/encoding.ts';
import { maskedLines } from '../view/masked-lines.ts';
import type { MaskedContent, MaskedSpan } from '../view/view-function.ts';

/** A line of a view that holds placeholders, or a placeholder of binary content, and how often it stands there. */
interface KeptLine {
  readonly original: Buffer;
  left: number;
}

/**
 * The lines with placeholders that a path had before: each is given out as often as it stood there. Lines are
 * compared without their ends; binary content has none, and its placeholders are compared alone.
 */
export class KeptLines {
  readonly #lines = new Map<string, KeptLine>();
  readonly #spans: MaskedSpan[] = [];

  /** Adds a version of the file. Of several versions that hold a line, the one that holds it most often counts. */
  addVersion(original: Buffer, masked: MaskedContent): void {
    if (masked.whole !== undefined) return;
    const version = new Map<string, KeptLine>();
    for (const [key, line] of linesOf(original, masked)) {
      const before = version.get(key);
      if (before === undefined) version.set(key, { original: line, left: 1 });
      else before.left++;
    }
    for (const [key, line] of version) {
      if ((this.#lines.get(key)?.left ?? 0) < line.left) this.#lines.set(key, line);
    }
    for (const span of masked.spans) this.#spans.push(span);
  }

  /** What the line stands for; undefined where it was not there, or not so often. */
  take(key: string): Buffer | undefined {
    const line = this.#lines.get(key);
    if (line === undefined || line.left === 0) return undefined;
    line.left--;
    return line.original;
  }

  /** Whether all of these lines may be taken. */
  covers(keys: readonly string[]): boolean {
    const wanted = new Map<string, number>();
    for (const key of keys) wanted.set(key, (wanted.get(key) ?? 0) + 1);
    return [...wanted].every(([key, count]) => (this.#lines.get(key)?.left ?? 0) >= count);
  }

  /** Everything that was masked in the versions. */
  get spans(): readonly MaskedSpan[] {
    return this.#spans;
  }
}

/** The lines of content that hold placeholders, as they are compared, in their order, with what they stand for. */
function* linesOf(original: Buffer, masked: MaskedContent): Generator<readonly [key: string, line: Buffer]> {
  const encoding = encodingOf(original);
  if (encoding === 'binary') {
    for (const { placeholder, secret } of masked.spans) yield [placeholder, secret];
    return;
  }
  for (const { view, original: line } of maskedLines(original, masked))
    yield [keyOf(view, encoding), withoutReturn(line, encoding)];
}

/** How a line is compared. */
export const keyOf = (line: Buffer, encoding: ContentEncoding): string =>
  withoutReturn(line, encoding).toString('latin1');

function withoutReturn(line: Buffer, encoding: ContentEncoding): Buffer {
  const [narrow, wide] = encoding === 'utf-16be' ? [-1, -2] : [-2, -1];
  if (encoding === 'text') return line.at(-1) === 13 ? line.subarray(0, -1) : line;
  return line.at(narrow) === 13 && line.at(wide) === 0 ? line.subarray(0, -2) : line;
}

/** The bytes of the line around a place, without its end. */
export function lineAround(
  content: Buffer,
  at: number,
  encoding: ContentEncoding,
): [from: number, to: number] {
  if (encoding === 'text') {
    const from = at === 0 ? 0 : content.lastIndexOf(10, at - 1) + 1;
    const end = content.indexOf(10, at);
    return trimmed(content, from, end < 0 ? content.length : end, encoding);
  }
  const isEnd = (unit: number) =>
    (encoding === 'utf-16be' ? content[unit] : content[unit + 1]) === 0 &&
    (encoding === 'utf-16be' ? content[unit + 1] : content[unit]) === 10;
  let from = at - (at % 2);
  while (from > 0 && !isEnd(from - 2)) from -= 2;
  let to = at - (at % 2);
  while (to < content.length && !isEnd(to)) to += 2;
  return trimmed(content, from, Math.min(to, content.length), encoding);
}

function trimmed(content: Buffer, from: number, to: number, encoding: ContentEncoding): [number, number] {
  return [from, from + withoutReturn(content.subarray(from, to), encoding).length];
}

import { RefgateError } from '../../domain/error.ts';
import type { ObjectType, Oid } from '../../domain/git.ts';

/** One answer of git-cat-file(1): `<oid> <type> <size>`, then the content and a newline where it was asked for; or `<oid> missing`. */
export type BatchAnswer =
  | { readonly oid: Oid; readonly missing: true }
  | { readonly oid: Oid; readonly type: ObjectType; readonly size: number; readonly content?: Buffer };

const answerLine = /^([0-9a-f]{40}|[0-9a-f]{64}) (?:(commit|tree|blob|tag) (\d{1,15})|missing)$/;

/** A line is far shorter; what is longer is no answer. */
const maxLine = 256;

/**
 * Takes the output of `cat-file --batch` in pieces of any size and gives whole answers. Keeps at most one unfinished
 * content of `maxBytes`; a larger one is skipped over and comes without content. Throws INTERNAL (refgate).
 */
export class BatchReader {
  readonly #maxBytes: number;
  readonly #onAnswer: (answer: BatchAnswer) => void;
  /** Whether the next answer brings its content. */
  readonly #hasContent: () => boolean;
  #line = '';
  #head: { oid: Oid; type: ObjectType; size: number } | undefined;
  #content: Buffer | undefined;
  /** Of the content, and of the newline behind it. */
  #left = 0;

  constructor(maxBytes: number, hasContent: () => boolean, onAnswer: (answer: BatchAnswer) => void) {
    this.#maxBytes = maxBytes;
    this.#hasContent = hasContent;
    this.#onAnswer = onAnswer;
  }

  /** Whether it stands between two answers. */
  get isBetween(): boolean {
    return this.#head === undefined && this.#line === '';
  }

  write(piece: Buffer): void {
    let at = 0;
    while (at < piece.length)
      at = this.#head === undefined ? this.#readLine(piece, at) : this.#readBody(piece, at);
  }

  #readLine(piece: Buffer, from: number): number {
    const end = piece.indexOf(10, from);
    const to = end < 0 ? piece.length : end;
    if (this.#line.length + to - from > maxLine) throw unexpected();
    this.#line += piece.toString('latin1', from, to);
    if (end < 0) return to;
    const line = this.#line;
    this.#line = '';
    this.#begin(line);
    return end + 1;
  }

  #begin(line: string): void {
    const match = answerLine.exec(line);
    if (match === null) throw unexpected();
    const oid = match[1] as Oid;
    if (match[2] === undefined) {
      this.#onAnswer({ oid, missing: true });
      return;
    }
    const head = { oid, type: match[2] as ObjectType, size: Number(match[3]) };
    if (!this.#hasContent()) {
      this.#onAnswer(head);
      return;
    }
    this.#head = head;
    this.#left = head.size + 1;
    this.#content = head.size <= this.#maxBytes ? Buffer.allocUnsafeSlow(head.size) : undefined;
  }

  #readBody(piece: Buffer, from: number): number {
    const head = this.#head as { oid: Oid; type: ObjectType; size: number };
    const count = Math.min(this.#left, piece.length - from);
    // The newline finds no room in the content, and is left out by itself.
    this.#content?.set(
      piece.subarray(from, from + Math.min(count, this.#left - 1)),
      head.size + 1 - this.#left,
    );
    this.#left -= count;
    if (this.#left > 0) return from + count;
    if (piece[from + count - 1] !== 10) throw unexpected();
    const content = this.#content;
    this.#head = undefined;
    this.#content = undefined;
    this.#onAnswer(content === undefined ? head : { ...head, content });
    return from + count;
  }
}

function unexpected(): RefgateError {
  return new RefgateError('INTERNAL', 'refgate', 'git cat-file answered something unexpected');
}

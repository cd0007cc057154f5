import { ArchiveStream, type EntryScan } from './archive-stream.ts';
import { hasAllowComment, LineCounter, lineAt } from './line.ts';
import type { SecretMatch } from './match.ts';
import type { ObjectScan } from './object-scan.ts';
import type { Work } from './work.ts';

/** A match in data that are gone, with what was to be seen around it. */
export interface StreamedMatch extends SecretMatch {
  /** Counted from 1; absent in binary content, and in archives. */
  readonly line?: number;
  readonly comment?: boolean;
}

export const tooMany = (matches: number): string => `more than ${matches} secrets are in it`;

/** So much is scanned at a time; less is scanned as a whole. */
const windowBytes = 4 * 1024 * 1024;
const overlapBytes = 64 * 1024;

/** git, and we, look so far for a NUL. */
const sniffedBytes = 8192;

/**
 * Scans content that comes in pieces, and what is packed in it. Windows lie at
 * fixed places of the whole, so that the pieces make no difference.
 */
export class WindowedScan implements EntryScan {
  readonly #scan: ObjectScan;
  readonly #work: Work;
  readonly #depth: number;
  readonly #archives: ArchiveStream;
  #matches: StreamedMatch[] = [];
  #held: Buffer = Buffer.allocUnsafe(overlapBytes);
  #length = 0;
  /** Where `held` begins, and where the next window does, in the whole. */
  #base = 0;
  #next = 0;
  /** Line ends before `held`. */
  #linesBefore = 0;
  #isBinary = false;

  /** @param depth how many archives the content was taken out of. */
  constructor(scan: ObjectScan, work: Work, depth = 0) {
    this.#scan = scan;
    this.#work = work;
    this.#depth = depth;
    const inner = depth < work.limits.depth ? () => new WindowedScan(scan, work, depth + 1) : undefined;
    this.#archives = new ArchiveStream(work, inner);
  }

  /** Makes it ready for other content. */
  restart(): void {
    this.#archives.restart();
    this.#matches = [];
    this.#length = 0;
    this.#base = 0;
    this.#next = 0;
    this.#linesBefore = 0;
  }

  write(piece: Buffer): void {
    for (let taken = 0; taken < piece.length; ) {
      const room = this.#next - this.#base + windowBytes + overlapBytes - this.#length;
      const count = Math.min(room, piece.length - taken);
      this.#append(piece.subarray(taken, taken + count));
      taken += count;
      // Only once more has come than a window needs is it known that this is not the last one.
      if (count === room && taken < piece.length) this.#scanWindow();
    }
  }

  /** Gives all matches; `restart` comes next, or nothing. */
  finish(): readonly StreamedMatch[] {
    this.#look(true);
    return this.#matches;
  }

  #append(piece: Buffer): void {
    const needed = this.#length + piece.length;
    if (needed > this.#held.length) {
      const larger = Buffer.allocUnsafe(
        Math.min(Math.max(needed, this.#held.length * 2), windowBytes + 2 * overlapBytes),
      );
      this.#held.copy(larger, 0, 0, this.#length);
      this.#held = larger;
    }
    piece.copy(this.#held, this.#length);
    this.#length = needed;
  }

  #scanWindow(): void {
    this.#look(false);
    this.#next += windowBytes;
    const kept = this.#next - overlapBytes - this.#base;
    if (this.#depth === 0) this.#linesBefore += lineEnds(this.#held, kept);
    this.#held.copyWithin(0, kept, this.#length);
    this.#length -= kept;
    this.#base += kept;
  }

  #look(last: boolean): void {
    const data = this.#held.subarray(0, this.#length);
    const start = this.#next - this.#base;
    const span = { start, end: last ? data.length : start + windowBytes };
    if (this.#base === 0) this.#isBinary = data.subarray(0, sniffedBytes).includes(0);
    // What comes out of an archive has been granted as it came.
    if (this.#depth === 0) this.#work.grantWindow(span.end - span.start, false);
    this.#take(this.#placed(data, this.#scan.look(data, span, this.#depth)));
    this.#take(this.#archives.take({ data, base: this.#base, span, last }));
  }

  /** With their places in the whole. */
  #placed(data: Buffer, matches: readonly SecretMatch[]): readonly StreamedMatch[] {
    const base = this.#base;
    const lines = this.#depth > 0 || this.#isBinary ? undefined : new LineCounter(data);
    return [...matches]
      .sort((a, b) => a.start - b.start)
      .map((match) => ({
        ...match,
        start: match.start + base,
        end: match.end + base,
        comment: this.#depth === 0 && hasAllowComment(lineAt(data, match.start)),
        ...(lines === undefined ? {} : { line: this.#linesBefore + lines.lineOf(match.start) }),
      }));
  }

  #take(matches: readonly StreamedMatch[]): void {
    const most = this.#work.limits.matches;
    const room = most - this.#matches.length;
    if (matches.length > room) this.#work.unscanned.add(tooMany(most));
    for (const match of matches.slice(0, room)) this.#matches.push(match);
  }
}

function lineEnds(data: Buffer, end: number): number {
  let count = 0;
  for (let at = 0; at < end; at++) if (data[at] === 10) count++;
  return count;
}

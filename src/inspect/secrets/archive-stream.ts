import { bestEngine } from '../../git/inflate.ts';
import { RawInflater } from '../../git/raw-inflater.ts';
import { contentOf, gzipMagic, trailerBytes } from './decode-gzip.ts';
import { isDeflated, readHeader, zipSignature } from './decode-zip.ts';
import { unitsPerByte, unitsPerStart } from './inflate-bounded.ts';
import type { SecretMatch } from './match.ts';
import type { Span } from './rule.ts';
import type { Work } from './work.ts';

/** Scans what comes out of an archive, one entry after another. */
export interface EntryScan {
  restart(): void;
  write(piece: Buffer): void;
  finish(): readonly SecretMatch[];
}

/** A part of the whole that is in memory; what follows `span` in `data` is there to be looked at only. */
export interface Window {
  readonly data: Buffer;
  /** Where `data` begins in the whole. */
  readonly base: number;
  /** In `data`. */
  readonly span: Span;
  /** The whole ends with `data`. */
  readonly last: boolean;
}

/** One kind of archive, as it is found in a stream. */
interface Format {
  readonly name: 'gzip' | 'zip';
  readonly magic: Buffer;
  readonly most: number;
  /** Where deflated bytes begin, or where to go on; undefined when nothing of the kind begins here. */
  entryAt(
    window: Window,
    at: number,
    work: Work,
  ): { readonly at: number; readonly deflated: boolean } | undefined;
}

/** More than a header takes: it is looked at once so much of it, or all, is there. */
const lookahead = 70_000;

const gzip: Format = {
  name: 'gzip',
  magic: gzipMagic,
  most: 10_000,
  entryAt({ data, last }, at, work) {
    const content = contentOf(data, at);
    if (content !== undefined) return { at: content, deflated: true };
    // With an end to its names it would be one.
    const ended = Buffer.concat([data.subarray(at, at + lookahead), Buffer.alloc(lookahead)]);
    if (!last && contentOf(ended, 0) !== undefined)
      work.unscanned.add('a gzip archive in it has a header that is too long');
    return undefined;
  },
};

const zip: Format = {
  name: 'zip',
  magic: zipSignature,
  most: 200_000,
  entryAt({ data }, at, work) {
    const entry = readHeader(data, at);
    return entry && { at: entry.content, deflated: isDeflated(entry, work) };
  },
};

const formats: readonly Format[] = [gzip, zip];

const canOpen = (): boolean => bestEngine() === 'handle';

/** A gzip archive that breaks within so many bytes was none: three bytes are no proof. */
const trialBytes = 64 * 1024;
const trialOutput = 1024 * 1024;

/**
 * Opens the archives in a stream, entry by entry; its own memory does not
 * depend on how large they are. What is packed is not searched for archives as
 * it is, because packing may leave some of it plain. What cannot be opened is said in `unscanned` of the work.
 */
export class ArchiveStream {
  #format: Format = gzip;
  readonly #work: Work;
  readonly #createScan: (() => EntryScan) | undefined;
  #scan: EntryScan | undefined;
  #inflater: RawInflater | undefined;
  #state: 'searching' | 'inside' | 'between' | 'off' = 'searching';
  /** In the whole: where to go on, and where the archive began that is open. */
  #next = 0;
  #from = 0;
  /** By format: entries so far, and where in the whole its magic stands next. */
  readonly #entries = [0, 0];
  readonly #magicAt = [-1, -1];
  #waiting = false;
  #found: SecretMatch[] = [];

  /** @param createScan undefined where archives are too deep to be opened. */
  constructor(work: Work, createScan: (() => EntryScan) | undefined) {
    this.#work = work;
    this.#createScan = createScan;
  }

  restart(): void {
    this.#state = 'searching';
    this.#next = 0;
    this.#entries.fill(0);
    this.#magicAt.fill(-1);
  }

  /** Takes the next part; windows follow one another without a gap. Gives the matches of archives that ended, with the span of those. */
  take(window: Window): readonly SecretMatch[] {
    const { base, last, span } = window;
    let at = this.#next - base;
    this.#waiting = false;
    while (at < span.end && this.#state !== 'off' && !this.#waiting) {
      if (this.#work.spent) this.#giveUp(base + at);
      else if (this.#state === 'inside') at = this.#inflate(window, at);
      else if (this.#state === 'between') at = this.#continue(window, at);
      else at = this.#search(window, at);
    }
    this.#next = base + at;
    if (last && this.#isOpen) this.#end(base + span.end);
    const found = this.#found;
    this.#found = [];
    return found;
  }

  get #isOpen(): boolean {
    return this.#state === 'inside' || this.#state === 'between';
  }

  /** Nothing more is opened; why has been said. */
  #giveUp(end: number): void {
    if (this.#isOpen) this.#end(end);
    this.#state = 'off';
  }

  /** Whether it takes the next window, too, to judge what is here; that one begins before it. */
  #mustWait({ data, last }: Window, at: number): boolean {
    this.#waiting = !last && data.length - at < lookahead;
    return this.#waiting;
  }

  /** Gives where to go on. */
  #search(window: Window, from: number): number {
    const { data, base, span } = window;
    const [at, index] = this.#nearest(window, from);
    if (at >= span.end) return span.end;
    if (this.#mustWait(window, at)) return at;
    const format = formats[index] as Format;
    const { magic, name, most } = format;
    const entry = format.entryAt(window, at, this.#work);
    if (entry === undefined) return at + magic.length;
    if (!entry.deflated) return entry.at;
    // Three bytes are no proof that it is gzip.
    const isSure = name === 'zip' || base + at === 0;
    if (!isSure && canOpen() && !this.#mayInflate(data, entry.at)) return at + magic.length;
    this.#entries[index] = (this.#entries[index] as number) + 1;
    if ((this.#entries[index] as number) > most)
      return this.#refuse(window, `more than ${most} ${name} archives or entries are in it`);
    if (!canOpen())
      return this.#refuse(window, 'an archive in it cannot be opened piece by piece by this version of Node');
    if (this.#createScan === undefined)
      return this.#refuse(
        window,
        `what is encoded in it is wrapped more than ${this.#work.limits.depth} times`,
      );
    this.#scan ??= this.#createScan();
    this.#scan.restart();
    this.#format = format;
    this.#from = base + at;
    return this.#start(entry.at);
  }

  #refuse({ span }: Window, reason: string): number {
    this.#work.unscanned.add(reason);
    this.#state = 'off';
    return span.end;
  }

  /** Where the next magic stands, in the data, and of which format; behind the span when there is none in it. */
  #nearest({ data, base, span }: Window, from: number): readonly [at: number, format: number] {
    let best: [number, number] = [span.end, 0];
    for (const [index, { magic }] of formats.entries()) {
      let at = (this.#magicAt[index] as number) - base;
      if (at < from) {
        const found = data.indexOf(magic, from);
        at = found < 0 ? span.end : found;
        this.#magicAt[index] = base + at;
      }
      if (at < best[0]) best = [at, index];
    }
    return best;
  }

  #start(content: number): number {
    this.#inflater ??= new RawInflater();
    this.#inflater.start();
    this.#state = 'inside';
    this.#work.spend(unitsPerStart);
    return content;
  }

  #mayInflate(data: Buffer, content: number): boolean {
    this.#inflater ??= new RawInflater();
    this.#inflater.start();
    let made = 0;
    try {
      this.#inflater.write(data, content, Math.min(data.length, content + trialBytes), ({ length }) => {
        made += length;
        return made < trialOutput;
      });
      return true;
    } catch {
      return false;
    } finally {
      this.#work.spend(unitsPerStart + made * unitsPerByte);
    }
  }

  #inflate({ data, base, span }: Window, at: number): number {
    let end: number | undefined;
    try {
      end = this.#inflater?.write(data, at, span.end, (piece) => this.#sink(piece));
    } catch {
      const { name } = this.#format;
      this.#work.unscanned.add(
        this.#from === 0 ? `it is a broken ${name} archive` : `a broken ${name} archive is in it`,
      );
      this.#end(base + at);
      return at;
    }
    if (end === undefined) {
      this.#giveUp(base + span.end);
      return span.end;
    }
    if (end < 0) return span.end;
    if (this.#format.name === 'gzip') {
      this.#state = 'between';
      return end + trailerBytes;
    }
    this.#end(base + end);
    return end;
  }

  #sink(piece: Buffer): boolean {
    const work = this.#work;
    if (piece.length > work.decodedLeft) {
      work.unscanned.add('what is compressed in it is too large to scan');
      return false;
    }
    work.grantWindow(piece.length, true);
    if (!work.decode(piece.length) || !work.spend(piece.length * unitsPerByte)) return false;
    this.#scan?.write(piece);
    return true;
  }

  /** Text may go on from one member of a gzip archive into the next, and so may a secret. */
  #continue(window: Window, at: number): number {
    if (this.#mustWait(window, at)) return at;
    const entry = this.#format.entryAt(window, at, this.#work);
    if (entry !== undefined) return this.#start(entry.at);
    this.#end(window.base + at);
    return at;
  }

  #end(end: number): void {
    this.#state = 'searching';
    const matches = this.#scan?.finish() ?? [];
    // One more than may be told, so that it is seen that they are too many.
    const room = Math.max(0, this.#work.limits.matches + 1 - this.#found.length);
    for (const match of matches.slice(0, room))
      this.#found.push({ ...match, start: this.#from, end, decoded: [this.#format.name, ...match.decoded] });
  }
}

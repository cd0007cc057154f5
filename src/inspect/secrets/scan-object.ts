import type { ScannedBlob, ScannedSecret } from '../contents/walk-order.ts';
import { fingerprint } from './fingerprint.ts';
import { hasAllowComment, LineCounter, lineAt } from './line.ts';
import type { SecretMatch } from './match.ts';
import type { Span } from './rule.ts';
import { maskedSample } from './sample.ts';
import type { Scanner } from './scanner.ts';
import type { StreamedMatch } from './windowed-scan.ts';

/** What scanning tells of a blob; its size and type are for others to add. */
export interface ScannedContent extends Pick<ScannedBlob, 'secrets' | 'unscanned'> {
  /** As the scanner gives it. */
  readonly reach?: number;
}

/** Content that comes in pieces; `end` is called once, and nothing after it. */
export interface ContentStream {
  write(piece: Buffer): void;
  end(): ScannedContent;
}

const sniffedBytes = 8192;

/**
 * Scans whole objects, and tells of each candidate what may be shown: a masked
 * sample, a fingerprint, the line, and whether the line carries an allow
 * comment. The key is the one of fingerprints.
 */
export class ObjectScanner {
  readonly #scanner: Scanner;
  readonly #key: Buffer;

  constructor(scanner: Scanner, key: Buffer) {
    this.#scanner = scanner;
    this.#key = key;
  }

  /**
   * A blob, or whatever else is nobody's object: a path, a ref name, a push
   * option. With `ranges` (of a blob whose other bytes were scanned before),
   * only those and what is around them; `reach` is what the scan before gave.
   */
  blob(content: Buffer, ranges?: readonly Span[], reach?: number): ScannedContent {
    const { matches, unscanned, reach: found = 0 } = this.#scanner.scan(content, ranges, reach);
    return { secrets: this.secretsOf(content, matches), unscanned, reach: found };
  }

  /** A blob that is too large to be held; of what lies in archives no line and no allow comment is told. */
  stream(): ContentStream {
    const inner = this.#scanner.stream();
    return {
      write: (piece) => inner.write(piece),
      end: () => {
        const { matches, unscanned } = inner.end();
        return { secrets: matches.map((match) => this.#streamed(match)), unscanned };
      },
    };
  }

  /**
   * A commit or a tag, as it is in the pack; offsets and lines are of the whole
   * object. What could not be scanned is in `unscanned` of `blob`: callers for
   * whom that matters use it instead.
   */
  object(content: Buffer): readonly ScannedSecret[] {
    return this.blob(content).secrets;
  }

  /** Matches as they may be told, in the order of their places. */
  secretsOf(content: Buffer, matches: readonly SecretMatch[]): readonly ScannedSecret[] {
    const binary = content.subarray(0, sniffedBytes).includes(0);
    const lines = new LineCounter(content);
    return [...matches]
      .sort((a, b) => a.start - b.start || a.end - b.end)
      .map((match) => {
        const secret = this.#describe(match, hasAllowComment(lineAt(content, match.start)));
        return binary ? secret : { ...secret, line: lines.lineOf(match.start) };
      });
  }

  #streamed({ line, comment = false, ...match }: StreamedMatch): ScannedSecret {
    return { ...this.#describe(match, comment), ...(line === undefined ? {} : { line }) };
  }

  /** The keyed hash of any text, as findings carry it. */
  fingerprint(text: string): string {
    return fingerprint(this.#key, Buffer.from(text).toString('latin1'));
  }

  #describe(match: SecretMatch, comment = false): ScannedSecret {
    return {
      match,
      sample: maskedSample(match.value),
      fingerprint: fingerprint(this.#key, match.value),
      comment,
    };
  }
}

/** The spans of the matches in their text, merged where they touch: what a reader must not see. */
export function maskedSpans(matches: readonly SecretMatch[]): readonly Span[] {
  const spans: Span[] = [];
  for (const { start, end } of [...matches].sort((a, b) => a.start - b.start)) {
    const last = spans.at(-1);
    if (last !== undefined && start <= last.end) {
      spans[spans.length - 1] = { start: last.start, end: Math.max(last.end, end) };
    } else {
      spans.push({ start, end });
    }
  }
  return spans;
}

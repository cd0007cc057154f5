import { gzipMagic } from './decode-gzip.ts';
import { zipSignature } from './decode-zip.ts';
import type { ScanResult, SecretMatch } from './match.ts';
import { ObjectScan } from './object-scan.ts';
import { widen } from './ranges.ts';
import type { SecretRule, Span } from './rule.ts';
import { RuleSet } from './rule-set.ts';
import { type StreamedMatch, tooMany, WindowedScan } from './windowed-scan.ts';
import { defaultLimits, type ScanLimits, Work } from './work.ts';

/** Content that comes in pieces of any size; the pieces do not change what is found. */
export interface ScanStream {
  write(piece: Buffer): void;
  /** Called once, and nothing after it. */
  end(): StreamResult;
}

export interface StreamResult extends ScanResult {
  readonly matches: readonly StreamedMatch[];
}

/** Larger data are scanned as a stream, so that memory stays bounded; and so are archives, whose content is larger than they are. */
const wholeBytes = 8 * 1024 * 1024;

/**
 * Finds secrets with all rules in one pass over bytes, and looks into what is
 * encoded. Keeps nothing from scan to scan. Its work is bounded by the limits,
 * whatever the data; what could not be looked at is said in `unscanned`.
 * A rule that throws makes the scan throw.
 */
export class Scanner {
  readonly #rules: RuleSet;
  readonly #limits: ScanLimits;

  constructor(rules: readonly SecretRule[], limits: Partial<ScanLimits> = {}) {
    this.#rules = new RuleSet(rules);
    this.#limits = { ...defaultLimits, ...limits };
  }

  /**
   * Matches in the order of their places. With `ranges`, only what begins in
   * them or in the lines around them; an archive is opened as a whole.
   * @param reach of the data before the ranges were changed; what is as far from a range is looked at.
   */
  scan(data: Buffer, ranges?: readonly Span[], reach = 0): ScanResult {
    if (ranges === undefined && (data.length > wholeBytes || isArchive(data))) {
      const stream = this.stream();
      stream.write(data);
      return stream.end();
    }
    if (ranges === undefined) return this.#look(data, [{ start: 0, end: data.length }]).result;
    const near = Math.max(reach, this.#rules.leastReach);
    const { result, opened } = this.#look(data, widen(data, ranges, near));
    if (!opened || (result.reach ?? 0) <= near) return result;
    return this.#look(data, widen(data, ranges, result.reach ?? 0)).result;
  }

  #look(data: Buffer, spans: readonly Span[]): { readonly result: ScanResult; readonly opened: boolean } {
    const work = new Work(this.#limits);
    work.grant(data.length);
    const scan = new ObjectScan(this.#rules, work);
    const matches: SecretMatch[] = [];
    for (const span of spans) matches.push(...scan.look(data, span));
    if (spans.length > 0) matches.push(...scan.lookIntoArchive(data));
    return { result: { ...resultOf(matches, work), reach: scan.reach }, opened: scan.opened };
  }

  /** Memory is bounded by some 15 MiB, whatever is packed in what; without archives in it, by 5 MiB. */
  stream(): ScanStream {
    const work = new Work(this.#limits);
    const scan = new WindowedScan(new ObjectScan(this.#rules, work), work);
    work.pause();
    const timed = <T>(step: () => T): T => {
      work.resume();
      const done = step();
      work.pause();
      return done;
    };
    return {
      write: (piece) => timed(() => scan.write(piece)),
      end: () => timed(() => resultOf(scan.finish(), work)),
    };
  }

  /** How many units the scan of the data takes, of those that the limits allow: the same on every machine. */
  workOf(data: Buffer): number {
    const work = new Work(this.#limits);
    work.grant(data.length);
    const scan = new ObjectScan(this.#rules, work);
    scan.look(data, { start: 0, end: data.length });
    scan.lookIntoArchive(data);
    return work.used;
  }
}

function isArchive(data: Buffer): boolean {
  const begins = (magic: Buffer) => data.subarray(0, magic.length).equals(magic);
  return begins(gzipMagic) || begins(zipSignature);
}

function resultOf<Match extends SecretMatch>(
  matches: readonly Match[],
  work: Work,
): { readonly matches: readonly Match[]; readonly unscanned: readonly string[] } {
  const sorted = [...matches].sort((a, b) => a.start - b.start || a.end - b.end);
  if (sorted.length > work.limits.matches) work.unscanned.add(tooMany(work.limits.matches));
  return { matches: sorted.slice(0, work.limits.matches), unscanned: [...work.unscanned] };
}

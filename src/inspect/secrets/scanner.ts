import type { ScanResult, SecretMatch } from './match.ts';
import { ObjectScan } from './object-scan.ts';
import { widen } from './ranges.ts';
import type { SecretRule, Span } from './rule.ts';
import { RuleSet } from './rule-set.ts';
import { defaultLimits, type ScanLimits, Work } from './work.ts';

/** Content that comes in pieces of any size; the pieces do not change what is found. */
export interface ScanStream {
  write(piece: Buffer): void;
  /** Called once, and nothing after it. */
  end(): ScanResult;
}

/** Of a stream, so much is scanned at a time; smaller ones are scanned as a whole. */
const windowBytes = 4 * 1024 * 1024;
const overlapBytes = 64 * 1024;

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

  /** Memory is bounded by some 8 MiB; an archive larger than 4 MiB is not opened, and said to be unscanned. */
  stream(): ScanStream {
    return new WindowedScan(this.#rules, this.#limits);
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

/** Windows lie at fixed places of the whole, so that the pieces in which it came make no difference. */
class WindowedScan implements ScanStream {
  readonly #work: Work;
  readonly #scan: ObjectScan;
  readonly #matches: SecretMatch[] = [];
  #held: Buffer = Buffer.allocUnsafe(overlapBytes);
  #length = 0;
  /** Where `held` begins, and where the next window does, in the whole. */
  #base = 0;
  #next = 0;

  constructor(rules: RuleSet, limits: ScanLimits) {
    this.#work = new Work(limits);
    this.#scan = new ObjectScan(rules, this.#work);
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

  end(): ScanResult {
    const data = this.#held.subarray(0, this.#length);
    const start = this.#next - this.#base;
    this.#work.grant(data.length - start);
    this.#take(this.#scan.look(data, { start, end: data.length }));
    if (this.#base === 0) this.#take(this.#scan.lookIntoArchive(data));
    this.#held = Buffer.alloc(0);
    return resultOf(this.#matches, this.#work);
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
    const data = this.#held.subarray(0, this.#length);
    const start = this.#next - this.#base;
    if (this.#next === 0 && isArchive(data)) this.#work.unscanned.add('it is an archive of more than 4 MiB');
    this.#work.grant(windowBytes);
    this.#take(this.#scan.look(data, { start, end: start + windowBytes }));
    this.#next += windowBytes;
    const kept = this.#next - overlapBytes - this.#base;
    this.#held.copyWithin(0, kept, this.#length);
    this.#length -= kept;
    this.#base += kept;
  }

  #take(matches: readonly SecretMatch[]): void {
    const room = this.#work.limits.matches - this.#matches.length;
    if (matches.length > room) this.#work.unscanned.add(tooMany(this.#work));
    for (const match of matches.slice(0, room)) {
      this.#matches.push({ ...match, start: match.start + this.#base, end: match.end + this.#base });
    }
  }
}

const tooMany = (work: Work): string => `more than ${work.limits.matches} secrets are in it`;

const isArchive = (data: Buffer): boolean =>
  data.subarray(0, 3).equals(Buffer.of(0x1f, 0x8b, 8)) ||
  data.subarray(0, 4).equals(Buffer.from('PK\x03\x04'));

function resultOf(matches: readonly SecretMatch[], work: Work): ScanResult {
  const sorted = [...matches].sort((a, b) => a.start - b.start || a.end - b.end);
  if (sorted.length > work.limits.matches) work.unscanned.add(tooMany(work));
  return { matches: sorted.slice(0, work.limits.matches), unscanned: [...work.unscanned] };
}

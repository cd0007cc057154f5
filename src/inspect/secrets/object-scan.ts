import { type Candidate, CandidateFinder } from './candidates.ts';
import { findArchives, findEncodedText } from './decode.ts';
import { encodingAnchors } from './decode-escapes.ts';
import type { Encoded } from './encoded.ts';
import { escapeFamilies } from './escape-families.ts';
import type { SecretMatch } from './match.ts';
import type { Span } from './rule.ts';
import type { RuleSet } from './rule-set.ts';
import { settle } from './settle.ts';
import type { Work } from './work.ts';

interface Found extends Candidate {
  readonly decoded: readonly string[];
}

/** As many as tell where an archive begins. */
const magicBytes = 3;
const unitsPerDecodedByte = 4;
const never = (): boolean => false;

/** What is decoded may be so much shorter than its encoded form. */
const mostShortened = 4;

/** How far a change of text may reach in which something is encoded, in bytes. */
const encodedReach = 4 * 1024;

/** The same, where a few more escapes would make text in which something is encoded. */
const nearlyEncodedReach = 1024;

/** One object on its way through the rules and the decoders, whole or in pieces. */
export class ObjectScan {
  readonly #finder: CandidateFinder;
  readonly #work: Work;
  #opened = false;
  #nearlyEncoded = false;

  constructor(rules: RuleSet, work: Work) {
    this.#work = work;
    this.#finder = new CandidateFinder(rules, work);
  }

  /** As `ScanResult` has it, of what was looked at so far. */
  get reach(): number {
    const { reach } = this.#finder;
    if (this.#opened) return Math.max(encodedReach, reach * mostShortened);
    return this.#nearlyEncoded ? Math.max(nearlyEncodedReach, reach) : reach;
  }

  /** Something encoded was looked into: what a change makes of it may begin further away than plain text does. */
  get opened(): boolean {
    return this.#opened;
  }

  /**
   * What begins within the span; what is around it is looked at where a match needs it.
   * @param depth how many wrappings have been taken off the data; archives in them are the caller's.
   */
  look(data: Buffer, span: Span, depth = 0): SecretMatch[] {
    return this.#look(data, span, depth, undefined).map(toMatch);
  }

  /** What an archive holds, if the data are one; its span is the whole. */
  lookIntoArchive(data: Buffer): SecretMatch[] {
    const found: Found[] = [];
    findArchives(data, this.#work, never, (encoded) => this.#open(data, encoded, 0, found));
    return found.map(toMatch);
  }

  // `isPlain` says of a place that what stands there was not wrapped, and is looked at as it is; without it, archives are left alone.
  #look(data: Buffer, span: Span, depth: number, isPlain: ((at: number) => boolean) | undefined): Found[] {
    const anchors: number[][] = escapeFamilies.map(() => []);
    const onAnchor = (anchor: number, at: number): void => {
      anchors[encodingAnchors[anchor]?.family ?? 0]?.push(at);
    };
    const plain = settle(this.#finder.find(data, span, onAnchor));
    const found: Found[] = plain.map((candidate) => ({ ...candidate, decoded: [] }));
    if (this.#work.spent || depth > this.#work.limits.depth) return found;
    const inner: Found[] = [];
    const open = (encoded: Encoded): void => this.#open(data, encoded, depth, inner);
    if (findEncodedText(data, span, anchors, open)) this.#nearlyEncoded = true;
    if (isPlain !== undefined) {
      findArchives(data, this.#work, isPlain, open);
    }
    // Of a secret that is seen through several decoders, the fewest tell best where it ends.
    inner.sort((a, b) => a.decoded.length - b.decoded.length);
    for (const candidate of inner) {
      const within = candidate.start >= span.start && candidate.start < span.end;
      if (within && !found.some((known) => isKnown(known, candidate))) found.push(candidate);
    }
    return found;
  }

  #open(outer: Buffer, encoded: Encoded, depth: number, into: Found[]): void {
    const work = this.#work;
    if (work.spent || into.length >= work.limits.matches) return;
    if (depth >= work.limits.depth && !encoded.shallow) {
      if (encoded.sure)
        work.unscanned.add(`what is encoded in it is wrapped more than ${work.limits.depth} times`);
      return;
    }
    if (!work.decode(encoded.size) || !work.spend(encoded.size * unitsPerDecodedByte)) return;
    const data = encoded.open();
    if (data === undefined) return;
    this.#opened = true;
    const isPlain = (at: number): boolean => {
      const { start } = encoded.outer({ start: at, end: at + magicBytes });
      return encoded.shallow && outer.compare(data, at, at + magicBytes, start, start + magicBytes) === 0;
    };
    for (const candidate of this.#look(data, { start: 0, end: data.length }, depth + 1, isPlain)) {
      if (encoded.openStart && candidate.start === 0) continue;
      if (encoded.openEnd && candidate.end === data.length) continue;
      const { start, end } = encoded.outer(candidate);
      into.push({ ...candidate, start, end, decoded: [encoded.name, ...candidate.decoded] });
    }
  }
}

// The same secret seen twice, plain and through a decoder; or a guess inside what is known for what it is.
function isKnown(known: Found, candidate: Found): boolean {
  if (candidate.start >= known.end || known.start >= candidate.end) return false;
  if (known.value === candidate.value) return true;
  const within = candidate.start >= known.start && candidate.end <= known.end;
  const generic = candidate.rule.tier === 'C' || candidate.rule.tier === 'D';
  return within && generic && known.decoded.length === 0 && known.rule.tier !== 'D';
}

function toMatch({ rule, confidence, start, end, value, decoded }: Found): SecretMatch {
  return { rule, confidence, start, end, value, decoded };
}

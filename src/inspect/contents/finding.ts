import type { Finding, FindingPlace, UnknownFact } from '../../domain/facts.ts';
import type { Oid } from '../../domain/git.ts';
import type { SecretRule } from '../secrets/rule.ts';
import { messageStart } from './commit-facts.ts';
import type { ScannedSecret } from './walk-order.ts';

/** Where a candidate was found. */
export interface Place {
  readonly place: FindingPlace;
  readonly commit?: Oid | undefined;
  readonly path?: string | undefined;
  readonly line?: number | undefined;
  readonly oid?: Oid | undefined;
}

/** @param baseline fingerprints that are accepted. */
export function findingOf(secret: ScannedSecret, where: Place, baseline: ReadonlySet<string>): Finding {
  const { match, sample, fingerprint, comment } = secret;
  const { id, family, tier } = match.rule;
  return {
    rule: id,
    family,
    tier,
    confidence: match.confidence,
    ...definedPlace(where),
    sample,
    fingerprint,
    ...(match.decoded.length > 0 ? { decoded: match.decoded } : {}),
    ...(comment ? { comment: true as const } : {}),
    state: baseline.has(fingerprint) ? 'baseline' : 'new',
  };
}

/** A file that a rule takes for a secret because of its path. @param fingerprint of the rule and the path. */
export function pathRuleFinding(
  rule: SecretRule,
  where: Place,
  fingerprint: string,
  baseline: ReadonlySet<string>,
): Finding {
  const { id, family, tier } = rule;
  const confidence = rule.confidence ?? (tier === 'D' ? 'low' : tier === 'C' ? 'medium' : 'high');
  const state = baseline.has(fingerprint) ? 'baseline' : 'new';
  return { rule: id, family, tier, confidence, ...definedPlace(where), sample: '', fingerprint, state };
}

/** A path without the secret in it. */
export function maskedPath(path: string, { match: { start, end }, sample }: ScannedSecret): string {
  const bytes = Buffer.from(path);
  return `${bytes.toString('utf8', 0, start)}${sample}${bytes.toString('utf8', end)}`;
}

function definedPlace({ place, commit, path, line, oid }: Place): Pick<Finding, 'place'> & Partial<Finding> {
  return {
    place,
    ...(commit === undefined ? {} : { commit }),
    ...(path === undefined ? {} : { path }),
    ...(line === undefined ? {} : { line }),
    ...(oid === undefined ? {} : { oid }),
  };
}

const personPlaces: readonly FindingPlace[] = ['author', 'committer', 'tagger'];

/**
 * In which part of a commit or tag a candidate lies: in the line of a person, or
 * in the message, whose lines are counted from 1. Other header lines count as the message, without a line.
 */
export function placeInObject(
  content: Buffer,
  type: 'commit' | 'tag',
  { match: { start: offset }, line }: ScannedSecret,
): Pick<Place, 'place' | 'line'> {
  const message = type === 'commit' ? 'commit-message' : 'tag-message';
  const start = messageStart(content);
  if (offset >= start) return { place: message, line: line && line - linesBefore(content, start) };
  const lineStart = offset === 0 ? 0 : content.lastIndexOf(10, offset - 1) + 1;
  const word = content.toString('latin1', lineStart, lineStart + 10).split(' ', 1)[0];
  return { place: personPlaces.find((place) => place === word) ?? message };
}

function linesBefore(content: Buffer, end: number): number {
  let lines = 0;
  for (let at = content.indexOf(10); at >= 0 && at < end; at = content.indexOf(10, at + 1)) lines++;
  return lines;
}

/** Findings, or unknown facts, of one update that are listed. */
const maxListed = 1000;

/** What was found of one update. What is too much to be listed is counted, and is an unknown fact of its own. */
export class FoundList {
  readonly findings: Finding[] = [];
  readonly #unknowns: UnknownFact[] = [];
  readonly #maxFindings: number;
  #findingsLeft = 0;
  readonly #unknownsLeft = { history: 0, content: 0 };

  constructor(maxFindings: number = maxListed) {
    this.#maxFindings = maxFindings;
  }

  find(finding: Finding): void {
    if (this.findings.length < this.#maxFindings) this.findings.push(finding);
    else this.#findingsLeft++;
  }

  miss(unknown: UnknownFact): void {
    if (this.#unknowns.length < maxListed) this.#unknowns.push(unknown);
    else this.#unknownsLeft[unknown.what]++;
  }

  get unknowns(): readonly UnknownFact[] {
    const left: UnknownFact[] = [];
    if (this.#findingsLeft > 0)
      left.push({ what: 'content', text: `${this.#findingsLeft} more findings are not listed` });
    // Checks tell the two apart, and one must not be hidden by much of the other.
    for (const what of ['history', 'content'] as const)
      if (this.#unknownsLeft[what] > 0)
        left.push({ what, text: `${this.#unknownsLeft[what]} more unknown facts are not listed` });
    return [...this.#unknowns, ...left];
  }
}

import type { Confidence } from '../../domain/facts.ts';
import { fingerprint } from '../../inspect/secrets/fingerprint.ts';
import { isForShow } from '../../inspect/secrets/for-show.ts';
import { LineCounter } from '../../inspect/secrets/line.ts';
import type { SecretMatch } from '../../inspect/secrets/match.ts';
import { maskedSample } from '../../inspect/secrets/sample.ts';
import type { Scanner } from '../../inspect/secrets/scanner.ts';
import { encodingOf } from './encoding.ts';
import { findPlaceholders, literalRule } from './placeholder.ts';
import type { FoundSecret, FoundSecrets } from './view-function.ts';

/** Something that must not be shown. */
export interface Hit {
  /** Bytes of the content; end exclusive. Of UTF-16 as a placeholder's: without the zero bytes around it. */
  readonly start: number;
  readonly end: number;
  readonly rule: string;
  readonly confidence: Confidence;
  /** In UTF-16. */
  readonly wide: boolean;
  /** In an archive: the content cannot be shown in part. */
  readonly packed: boolean;
}

export interface Hits {
  /** In the order of their places; they may overlap. */
  readonly hits: readonly Hit[];
  readonly unscanned: readonly string[];
}

export interface FinderOptions {
  readonly scanner: Scanner;
  readonly fingerprintKey: Buffer;
  /** Less sure hits are shown. */
  readonly confidence: Confidence;
  /** Whether the value of this fingerprint is shown in clear. */
  readonly isAllowed: (fingerprint: string) => boolean;
}

const ranks: Readonly<Record<Confidence, number>> = { low: 0, medium: 1, high: 2 };

/** Positive where `a` is the surer one. */
export const compareConfidence = (a: Confidence, b: Confidence): number => ranks[a] - ranks[b];

/** Which of the scanner's hits are masked. */
export class SecretFinder {
  readonly #options: FinderOptions;

  constructor(options: FinderOptions) {
    this.#options = options;
  }

  /** What must not be shown of an original: secrets, and what looks like a placeholder. */
  hits(content: Buffer): Hits {
    const { hits, unscanned } = this.secrets(content);
    const literals = findPlaceholders(content);
    if (literals.length === 0) return { hits, unscanned };
    const literal = { rule: literalRule, confidence: 'high', packed: false } as const;
    const all = [...hits, ...literals.map(({ start, end, wide }) => ({ ...literal, start, end, wide }))];
    return { hits: all.sort((a, b) => a.start - b.start || a.end - b.end), unscanned };
  }

  /** Secrets alone. */
  secrets(content: Buffer): Hits {
    const { matches, unscanned } = this.#options.scanner.scan(content);
    if (matches.length === 0) return { hits: [], unscanned };
    const hits = matches
      .filter(
        (match) => this.#isMeant(content, match) && !this.#options.isAllowed(this.#fingerprint(match.value)),
      )
      .map((match) => hitOf(content, match));
    return { hits, unscanned };
  }

  /** Each secret as it may be told of. @param allowed with those that are shown in clear. */
  find(content: Buffer, allowed: boolean): FoundSecrets {
    const { matches, unscanned } = this.#options.scanner.scan(content);
    const literals = findPlaceholders(content);
    if (matches.length + literals.length === 0) return { secrets: [], unscanned };
    const found: Omit<FoundSecret, 'line'>[] = literals.map(({ start, end, placeholder }) => ({
      start,
      end,
      rule: literalRule,
      family: 'placeholder',
      confidence: 'high',
      fingerprint: this.#fingerprint(placeholder),
      sample: maskedSample(placeholder),
    }));
    for (const match of matches) {
      const hit = hitOf(content, match);
      if (
        !this.#isMeant(content, match) ||
        literals.some(({ start, end }) => hit.start >= start && hit.end <= end)
      )
        continue;
      const secret = { ...this.#describe(match), start: hit.start, end: hit.end };
      const isAllowed = this.#options.isAllowed(secret.fingerprint);
      if (!isAllowed) found.push(secret);
      else if (allowed) found.push({ ...secret, allowed: true });
    }
    found.sort((a, b) => a.start - b.start || a.end - b.end);
    if (encodingOf(content) === 'binary') return { secrets: found, unscanned };
    const lines = new LineCounter(content);
    return {
      secrets: found.map((secret) => ({ ...secret, line: lines.lineOf(secret.start) })),
      unscanned,
    };
  }

  /** Sure enough, and not what documentation and tests show to everybody. */
  #isMeant(content: Buffer, match: SecretMatch): boolean {
    return compareConfidence(match.confidence, this.#options.confidence) >= 0 && !isForShow(content, match);
  }

  #describe({ rule, confidence, value }: SecretMatch) {
    const { id, family } = rule;
    return {
      rule: id,
      family,
      confidence,
      fingerprint: this.#fingerprint(value),
      sample: maskedSample(value),
    };
  }

  #fingerprint(value: string): string {
    return fingerprint(this.#options.fingerprintKey, value);
  }
}

const archives: ReadonlySet<string> = new Set(['gzip', 'zip']);

function hitOf(content: Buffer, { rule, confidence, start, end, decoded }: SecretMatch): Hit {
  const wide = decoded[0] === 'utf-16';
  return {
    // In either byte order what remains begins and ends with a character.
    start: wide && content[start] === 0 ? start + 1 : start,
    end: wide && content[end - 1] === 0 ? end - 1 : end,
    rule: rule.id,
    confidence,
    wide,
    packed: decoded.some((name) => archives.has(name)),
  };
}

import { fold } from './fold.ts';
import { Glob, type GlobOptions, type Meter } from './glob.ts';

/**
 * How a name is compared. `wide` also sees the folded name, and is for what
 * refuses; `exact` sees the name as it is, and is for what grants.
 */
export type Width = 'wide' | 'exact';

/** One pattern of the policy, in both widths. Throws GlobError when it cannot be compiled. */
export class Pattern {
  readonly source: string;
  readonly #exact: Glob;
  readonly #folded: Glob;

  constructor(source: string, options?: GlobOptions) {
    this.source = source;
    this.#exact = new Glob(source, options);
    this.#folded = new Glob(fold(source), options);
  }

  matches(name: string, width: Width, meter?: Meter): boolean {
    if (this.#exact.matches(name, meter)) return true;
    if (width === 'exact') return false;
    const folded = fold(name);
    if (folded === name && this.#folded.source === this.source) return false;
    return this.#folded.matches(folded, meter);
  }

  /** Whether it has no wildcard, and so names one thing. */
  get literal(): boolean {
    return !/[*?[\\]/.test(this.source);
  }
}

export function anyMatches(patterns: readonly Pattern[], name: string, width: Width): boolean {
  return patterns.some((pattern) => pattern.matches(name, width));
}

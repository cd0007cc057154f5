import { fold } from './fold.ts';
import { Glob, type GlobOptions, type Meter } from './glob.ts';

/**
 * How a name is compared. `wide` also sees the folded name, and is for what
 * refuses; `exact` sees the name as it is, and is for what grants.
 */
export type Width = 'wide' | 'exact';

/** The place in a pattern that stands for the name of who pushes. */
const userPlace = '{user}';

/** How many users one pattern is kept ready for. */
const maxUsers = 256;

/**
 * One pattern of the policy, in both widths. `{user}` in it stands for the name
 * of who pushes, and matches nothing before `for`. Throws GlobError when it cannot be compiled.
 */
export class Pattern {
  readonly source: string;
  readonly #options: GlobOptions | undefined;
  readonly #exact: Glob;
  readonly #folded: Glob;
  readonly #forUsers: Map<string, Pattern> | undefined;

  constructor(source: string, options?: GlobOptions) {
    this.source = source;
    this.#options = options;
    this.#exact = new Glob(source, options);
    this.#folded = new Glob(fold(source), options);
    if (source.includes(userPlace)) this.#forUsers = new Map();
  }

  /** The pattern with the user's name, taken literally, in the place of `{user}`. */
  for(user: string): Pattern {
    const known = this.#forUsers;
    if (!known) return this;
    let pattern = known.get(user);
    if (!pattern) {
      const literal = user.replace(/[*?[\]\\{}!]/g, '\\$&');
      pattern = new Pattern(
        this.source.replaceAll(userPlace, () => literal),
        this.#options,
      );
      if (known.size >= maxUsers) known.clear();
      known.set(user, pattern);
    }
    return pattern;
  }

  matches(name: string, width: Width, meter?: Meter): boolean {
    if (this.#exact.matches(name, meter)) return true;
    if (width === 'exact') return false;
    return this.#matchesFolded(name, fold(name), meter);
  }

  /** The same as `matches`, for a name that was folded before. */
  matchesFolded(name: string, folded: string, width: Width): boolean {
    if (this.#exact.matches(name)) return true;
    return width === 'wide' && this.#matchesFolded(name, folded);
  }

  #matchesFolded(name: string, folded: string, meter?: Meter): boolean {
    if (folded === name && this.#folded.source === this.source) return false;
    return this.#folded.matches(folded, meter);
  }

  /** What every name that it matches begins with, folded. */
  get literalStart(): string {
    return fold(/^[^*?[\\]*/.exec(this.source)?.[0] ?? '');
  }

  /** Whether it has no wildcard, and so names one thing. */
  get literal(): boolean {
    return !/[*?[\\]/.test(this.source);
  }

  /** Whether it names the user who pushes. */
  get ofUser(): boolean {
    return this.#forUsers !== undefined;
  }
}

export function anyMatches(patterns: readonly Pattern[], name: string, width: Width): boolean {
  return patterns.some((pattern) => pattern.matches(name, width));
}

/** The other width: what refuses must exclude no more than what was written. */
export function turned(width: Width): Width {
  return width === 'wide' ? 'exact' : 'wide';
}

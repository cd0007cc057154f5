import type { Oid } from '../../domain/git.ts';
import type { OidPair } from '../../domain/mask.ts';
import { replaceOidWords } from '../../git/oid-words.ts';

/** What stands for an oid that cannot be looked up. */
const hidden = '[oid]';

const hiddenRef = '[hidden ref]';

/** The text without anything that may be an oid. */
export const withoutOids = (text: string): string => replaceOidWords(text, () => hidden);

/** The text without these ref names, whole or without `refs/heads/` and `refs/tags/`. */
export function withoutRefs(text: string, refs: readonly string[]): string {
  let rest = text;
  for (const ref of [...refs].sort((a, b) => b.length - a.length)) {
    rest = rest.replaceAll(ref, hiddenRef);
    const short = ref.replace(/^refs\/(?:heads|tags)\//, '');
    if (short.length >= minShortName) rest = rest.replaceAll(short, hiddenRef);
  }
  return rest;
}

/** A name that holds a secret is longer. */
const minShortName = 8;

/** Pushes whose pairs are kept at a time for one repository. */
const maxPushes = 16;

/**
 * The pairs of the last pushes of a repository: until the view has followed them, their originals are known nowhere else.
 * Bounded by 16 pushes of at most 1,000 pairs.
 */
export class RecentPairs {
  readonly #pushes: (readonly OidPair[])[] = [];

  keep(pairs: readonly OidPair[]): void {
    if (pairs.length === 0) return;
    this.#pushes.push(pairs);
    if (this.#pushes.length > maxPushes) this.#pushes.shift();
  }

  get isEmpty(): boolean {
    return this.#pushes.length === 0;
  }

  /** The view's digits where the token is, or begins, an original. */
  shown(token: string): string | undefined {
    const found = this.#find(token);
    return found === undefined ? undefined : found.slice(0, token.length).padEnd(token.length, '0');
  }

  #find(token: string): Oid | undefined {
    for (const pairs of this.#pushes) {
      const pair = pairs.find(({ original, view }) => original !== view && original.startsWith(token));
      if (pair !== undefined) return pair.view;
    }
    return undefined;
  }
}

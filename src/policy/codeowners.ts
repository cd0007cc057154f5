import { RefgateError } from '../domain/error.ts';
import { Glob, type Meter, maxGlobLength } from './glob.ts';

/**
 * CODEOWNERS as GitHub documents it ("About code owners"): one pattern and its
 * owners a line, and the last line that matches a path decides. Patterns are
 * gitignore's, but without `!`, `[...]` and an escaped `#`, and `docs/*` is only what
 * lies in that folder itself. Names are compared as they are written. A line that
 * is not valid is passed over, as there, and told.
 */

/** One line that names a pattern. */
export interface CodeownersRule {
  readonly pattern: string;
  /** `@user`, `@org/team` or an e-mail address; none takes the owners away. */
  readonly owners: readonly string[];
  /** Counted from 1. */
  readonly line: number;
}

/** A line that counts for nothing, and why. */
export interface CodeownersProblem {
  readonly line: number;
  readonly text: string;
}

/** Who owns a path: the line that decides. `owners` is empty where it takes them away. */
export type PathOwners = CodeownersRule;

/** Bytes of a CODEOWNERS file; GitHub reads no larger one. */
export const maxCodeownersBytes = 3 * 1024 * 1024;

/** Patterns that are tried for the paths of one push, and steps that they take: a second of one core. */
const maxWork = 10_000_000;

/** Patterns of one file, and owners of one line; what is longer is not read, so that a file costs little memory. */
const maxRules = 50_000;
const maxOwners = 100;

/** A CODEOWNERS file, ready to be asked for the owners of paths. */
export class Codeowners {
  readonly rules: readonly CodeownersRule[];
  readonly problems: readonly CodeownersProblem[];
  /** Numbers of rules, ascending, by a part that every path they match holds. */
  readonly #buckets = new Map<string, number[]>();
  /** Made when they are first tried: most paths try few. */
  readonly #globs = new Map<number, readonly Glob[]>();
  readonly #maxWork: number;
  readonly #meter: Meter = { steps: 0 };

  constructor(
    rules: readonly CodeownersRule[],
    problems: readonly CodeownersProblem[],
    limits: { readonly work: number } = { work: maxWork },
  ) {
    this.rules = rules;
    this.problems = problems;
    this.#maxWork = limits.work;
    const keys = rules.map(({ pattern }) => keysOf(pattern));
    const uses = new Map<string, number>();
    for (const key of keys.flat()) uses.set(key, (uses.get(key) ?? 0) + 1);
    const usesOf = (key: string): number => uses.get(key) ?? 0;
    for (const [at, candidates] of keys.entries()) {
      // The rarest part keeps buckets small: `services` in `/services/pay/` tells little, `pay` much.
      const key = candidates.reduce(
        (best, one) => (usesOf(one) < usesOf(best) ? one : best),
        candidates[0] ?? '',
      );
      const bucket = this.#buckets.get(key);
      if (bucket) bucket.push(at);
      else this.#buckets.set(key, [at]);
    }
  }

  /** The line that decides about a path; undefined when none matches. Throws LIMIT_EXCEEDED (client) once all the paths asked about are too much work. */
  ownersOf(path: string): PathOwners | undefined {
    let best = -1;
    for (const part of path.split('/')) {
      best = this.#lastOf(part, path, best);
      const dot = part.lastIndexOf('.');
      if (dot >= 0) best = this.#lastOf(`*${part.slice(dot)}`, path, best);
    }
    return this.rules[this.#lastOf('', path, best)];
  }

  /** The last rule of a bucket that matches, where it comes after `best`. */
  #lastOf(key: string, path: string, best: number): number {
    const bucket = this.#buckets.get(key);
    for (let at = (bucket?.length ?? 0) - 1; at >= 0; at--) {
      const rule = bucket?.[at] ?? -1;
      if (rule <= best) return best;
      if (++this.#meter.steps > this.#maxWork) throw tooMuch();
      if (this.#globsOf(rule).some((glob) => glob.matches(path, this.#meter))) return rule;
    }
    return best;
  }

  #globsOf(rule: number): readonly Glob[] {
    let globs = this.#globs.get(rule);
    if (globs === undefined) {
      globs = globsOf(this.rules[rule]?.pattern ?? '');
      this.#globs.set(rule, globs);
    }
    return globs;
  }
}

function tooMuch(): RefgateError {
  const detail = 'CODEOWNERS has too many patterns for so many files; push fewer files at a time';
  return new RefgateError('LIMIT_EXCEEDED', 'client', detail);
}

/** Parts that every path which the pattern matches holds: names, and file extensions such as `*.js`. None where every path must be tried. */
function keysOf(pattern: string): readonly string[] {
  return pattern
    .split('/')
    .filter((part) => part !== '' && (/^\*\.[^*?\\.]+$/.test(part) || !/[*?\\]/.test(part)));
}

/**
 * Reads a CODEOWNERS file of at most `maxCodeownersBytes`. What is not valid is in
 * `problems`. Throws LIMIT_EXCEEDED (client) for more than 50,000 lines that name something.
 */
export function parseCodeowners(text: string, limits?: { readonly work: number }): Codeowners {
  const rules: CodeownersRule[] = [];
  const problems: CodeownersProblem[] = [];
  const lines = text.replace(/^\ufeff/, '').split('\n');
  for (const [at, source] of lines.entries()) {
    const [pattern, ...owners] = wordsOf(source);
    if (pattern === undefined) continue;
    if (rules.length + problems.length >= maxRules) {
      const detail = `CODEOWNERS has more than ${maxRules} lines; ask an administrator to shorten it`;
      throw new RefgateError('LIMIT_EXCEEDED', 'client', detail);
    }
    const line = at + 1;
    const fault = faultOf(pattern) ?? ownersFault(owners);
    if (fault === undefined) rules.push({ pattern, owners: [...new Set(owners)], line });
    else problems.push({ line, text: fault });
  }
  return new Codeowners(rules, problems, limits);
}

/** Words between blanks, up to a comment; a backslash keeps the blank behind it in the word. */
function wordsOf(source: string): readonly string[] {
  const words: string[] = [];
  for (const [word] of source.replace(/\r$/, '').matchAll(/(?:\\.|[^ \t\\]|\\$)+/gsu)) {
    if (word.startsWith('#')) break;
    words.push(word);
    if (words.length > maxOwners + 1) break;
  }
  return words;
}

const userName = '[A-Za-z0-9][A-Za-z0-9._-]{0,63}';
const ownerShapes: readonly RegExp[] = [
  new RegExp(`^@${userName}$`),
  new RegExp(`^@${userName}/${userName}$`),
  /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+$/,
];

function ownersFault(owners: readonly string[]): string | undefined {
  if (owners.length > maxOwners) return `names more than ${maxOwners} owners`;
  if (owners.every(isOwner)) return undefined;
  return 'names an owner that is no @user, @org/team or e-mail address';
}

function isOwner(word: string): boolean {
  return word.length <= 254 && ownerShapes.some((shape) => shape.test(word));
}

function globsOf(pattern: string): readonly Glob[] {
  const inFolder = pattern.endsWith('/');
  const bare = inFolder ? pattern.slice(0, -1) : pattern;
  if (bare === '*') return [new Glob(inFolder ? '*/**' : '**')];
  const anchored = bare.includes('/') || bare === '**';
  const glob = anchored ? bare.replace(/^\//, '') : `**/${bare}`;
  if (inFolder) return [new Glob(`${glob}/**`)];
  // `docs/*` stops at that folder; a last component that says more is a folder's name, too.
  const stops = /(?:^|\/)\*\*?$/.test(glob) && anchored;
  return stops ? [new Glob(glob)] : [new Glob(glob), new Glob(`${glob}/**`)];
}

function faultOf(pattern: string): string | undefined {
  if (pattern.length > maxGlobLength - 6) return `is longer than ${maxGlobLength - 6} characters`;
  if (/\p{Cc}/u.test(pattern)) return 'holds a control character';
  if (pattern.startsWith('!')) return 'begins with !, which CODEOWNERS does not know';
  if (pattern.startsWith('\\#')) return 'begins with an escaped #, which CODEOWNERS does not know';
  if (/^\^?\[/.test(pattern)) return 'begins a section, which CODEOWNERS of GitHub does not know';
  const plain = pattern.replace(/\\./gsu, '');
  if (/[[\]]/.test(plain)) return 'holds [ or ], which CODEOWNERS does not know';
  if (plain.endsWith('\\')) return 'ends with a backslash that escapes nothing';
  if (/\p{Surrogate}/u.test(pattern)) return 'is not well-formed Unicode';
  if (pattern.includes('***')) return 'holds ***';
  if (/^\/*$/.test(pattern)) return 'names no path';
  if (/\/\/|(?:^|\/)\.\.?(?:\/|$)/.test(pattern)) return 'matches no path; paths hold no //, /./ and /../';
  return undefined;
}

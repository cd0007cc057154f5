import { RefgateError } from '../domain/error.ts';
import { Glob, GlobError, type Meter, maxGlobLength } from './glob.ts';

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

interface Compiled extends CodeownersRule {
  readonly globs: readonly Glob[];
}

/** A CODEOWNERS file, ready to be asked for the owners of paths. */
export class Codeowners {
  readonly rules: readonly CodeownersRule[];
  readonly problems: readonly CodeownersProblem[];
  /** Numbers of rules, ascending, by a part that every path they match holds. */
  readonly #buckets = new Map<string, number[]>();
  readonly #compiled: readonly Compiled[];
  readonly #maxWork: number;
  readonly #meter: Meter = { steps: 0 };

  constructor(
    rules: readonly Compiled[],
    problems: readonly CodeownersProblem[],
    limits: { readonly work: number } = { work: maxWork },
  ) {
    this.rules = rules;
    this.problems = problems;
    this.#compiled = rules;
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
    return this.#compiled[this.#lastOf('', path, best)];
  }

  /** The last rule of a bucket that matches, where it comes after `best`. */
  #lastOf(key: string, path: string, best: number): number {
    const bucket = this.#buckets.get(key);
    for (let at = (bucket?.length ?? 0) - 1; at >= 0; at--) {
      const rule = bucket?.[at] ?? -1;
      if (rule <= best) return best;
      if (++this.#meter.steps > this.#maxWork) throw tooMuch();
      if (this.#compiled[rule]?.globs.some((glob) => glob.matches(path, this.#meter))) return rule;
    }
    return best;
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

/** Reads a CODEOWNERS file of at most `maxCodeownersBytes`. Never throws: what is not valid is in `problems`. */
export function parseCodeowners(text: string, limits?: { readonly work: number }): Codeowners {
  const rules: Compiled[] = [];
  const problems: CodeownersProblem[] = [];
  const lines = text.replace(/^\ufeff/, '').split('\n');
  for (const [at, source] of lines.entries()) {
    try {
      const rule = parseLine(source, at + 1);
      if (rule) rules.push(rule);
    } catch (error) {
      if (!(error instanceof GlobError)) throw error;
      problems.push({ line: at + 1, text: error.message });
    }
  }
  return new Codeowners(rules, problems, limits);
}

function parseLine(source: string, line: number): Compiled | undefined {
  const [pattern, ...owners] = wordsOf(source);
  if (pattern === undefined) return undefined;
  const globs = globsOf(pattern);
  for (const owner of owners)
    if (!isOwner(owner)) throw new GlobError('names an owner that is no @user, @org/team or e-mail address');
  return { pattern, owners: [...new Set(owners)], line, globs };
}

/** Words between blanks, up to a comment; a backslash keeps the blank behind it in the word. */
function wordsOf(source: string): readonly string[] {
  const words: string[] = [];
  for (const [word] of source.replace(/\r$/, '').matchAll(/(?:\\.|[^ \t\\]|\\$)+/gsu)) {
    if (word.startsWith('#')) break;
    words.push(word);
  }
  return words;
}

const userName = '[A-Za-z0-9][A-Za-z0-9._-]{0,63}';
const ownerShapes: readonly RegExp[] = [
  new RegExp(`^@${userName}$`),
  new RegExp(`^@${userName}/${userName}$`),
  /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+$/,
];

function isOwner(word: string): boolean {
  return word.length <= 254 && ownerShapes.some((shape) => shape.test(word));
}

function globsOf(pattern: string): readonly Glob[] {
  const fault = faultOf(pattern);
  if (fault !== undefined) throw new GlobError(fault);
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
  if (/(?<!\\)[[\]]/.test(pattern)) return 'holds [ or ], which CODEOWNERS does not know';
  if (pattern.includes('***')) return 'holds ***';
  if (/^\/*$/.test(pattern)) return 'names no path';
  if (/\/\/|(?:^|\/)\.\.?(?:\/|$)/.test(pattern)) return 'matches no path; paths hold no //, /./ and /../';
  return undefined;
}

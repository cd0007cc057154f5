import { fold } from './fold.ts';
import { GlobError } from './glob.ts';
import { Pattern, turned, type Width } from './pattern.ts';

interface Line {
  readonly negated: boolean;
  readonly patterns: readonly Pattern[];
}

/**
 * A list of path patterns as gitignore(5) reads them: without a slash but a
 * trailing one, at any depth; otherwise from the root; a folder with all that
 * is in it; `!` takes paths out again, and the last pattern that matches a path
 * decides. Unlike git, it takes them out below a folder that matched, too.
 * Throws GlobError for a pattern that can match nothing.
 */
export class PathList {
  readonly sources: readonly string[];
  readonly #lines: readonly Line[];
  readonly #plain: readonly Pattern[] | undefined;

  constructor(sources: readonly string[]) {
    this.sources = sources;
    this.#lines = sources.map(parseLine);
    if (this.#lines.length > 0 && this.#lines.every((line) => line.negated))
      throw new GlobError('only takes paths out; name before it what it takes them out of, such as "**"');
    if (this.#lines.every((line) => !line.negated))
      this.#plain = this.#lines.flatMap((line) => line.patterns);
  }

  /** The list with the user's name in the place of `{user}`. */
  for(user: string): PathList {
    if (!this.#lines.some((line) => line.patterns.some((pattern) => pattern.ofUser))) return this;
    return new PathList(
      this.sources.map((source) => source.replaceAll('{user}', () => user.replace(/[*?[\]\\{}!]/g, '\\$&'))),
    );
  }

  matches(path: string, width: Width, folded: string = width === 'wide' ? fold(path) : path): boolean {
    if (this.#plain) {
      for (const pattern of this.#plain) if (pattern.matchesFolded(path, folded, width)) return true;
      return false;
    }
    let matched = false;
    for (const { negated, patterns } of this.#lines) {
      if (matched !== negated) continue;
      const wide = negated ? turned(width) : width;
      const seen = wide === 'wide' && width === 'exact' ? fold(path) : folded;
      if (patterns.some((pattern) => pattern.matchesFolded(path, seen, wide))) matched = !negated;
    }
    return matched;
  }

  /** Whether a folder of this name would hold paths that the list names. */
  leadsTo(folder: string, folded: string): boolean {
    if (this.matches(`${folder}/-`, 'wide', `${folded}/-`)) return true;
    return this.#lines.some(
      ({ negated, patterns }) =>
        !negated && patterns.some(({ literalStart }) => literalStart.startsWith(`${folded}/`)),
    );
  }
}

function parseLine(source: string): Line {
  const negated = source.startsWith('!');
  const written = negated ? source.slice(1) : source;
  const fault = faultOf(written);
  if (fault !== undefined) throw new GlobError(fault);
  const inFolder = written.endsWith('/');
  const bare = inFolder ? written.slice(0, -1) : written;
  const anchored = bare.includes('/') || bare === '**';
  const glob = anchored ? bare.replace(/^\//, '') : `**/${bare}`;
  const patterns = inFolder ? [] : [new Pattern(glob)];
  if (!/(?:^|\/)\*\*$/.test(glob)) patterns.push(new Pattern(`${glob}/**`));
  return { negated, patterns };
}

function faultOf(written: string): string | undefined {
  if (/^\/*$/.test(written)) return 'names no path; write "**" for every path';
  if (written.startsWith('./')) return `matches no path; write "${written.slice(1)}"`;
  if (/\/\/|(?:^|\/)\.\.?(?:\/|$)/.test(written)) return 'matches no path; paths hold no //, /./ and /../';
  return undefined;
}

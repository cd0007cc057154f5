import type { Target } from '../domain/ports.ts';

export interface RepoLine {
  /** `owner/repo`, with at most one `*` (within a component) or `**` (across components). */
  readonly path: string;
  readonly upstream: string;
  /** The path there; a `*` or `**` stands for what matched. Left out: the same path. */
  readonly to?: string | undefined;
}

/** The target of a canonical repository path: the first line that matches wins; undefined when none does. */
export function mapRepo(lines: readonly RepoLine[], repo: string): Target | undefined {
  for (const line of lines) {
    const matched = matchOne(line.path, repo);
    if (matched === undefined) continue;
    const path = line.to === undefined ? repo : line.to.replace(/\*{1,2}/, () => matched);
    return { upstream: line.upstream, path };
  }
  return undefined;
}

/** What the star of the pattern stands for; '' for a pattern without one. */
function matchOne(pattern: string, repo: string): string | undefined {
  const star = pattern.indexOf('*');
  if (star < 0) return pattern === repo ? '' : undefined;
  const deep = pattern.startsWith('**', star);
  const head = pattern.slice(0, star);
  const tail = pattern.slice(star + (deep ? 2 : 1));
  if (repo.length <= head.length + tail.length || !repo.startsWith(head) || !repo.endsWith(tail))
    return undefined;
  const middle = repo.slice(head.length, repo.length - tail.length);
  return deep || !middle.includes('/') ? middle : undefined;
}

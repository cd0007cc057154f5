import { RefgateError } from '../../domain/error.ts';

/**
 * A repository pattern: `*` stands for any run of characters within a segment,
 * `**` for any run at all, everything else for itself.
 */
export interface RepoPattern {
  readonly text: string;
  matches(path: string): boolean;
  /** More is more specific: an exact path first, then by the length of what comes before the first star. */
  readonly weight: number;
}

/** USAGE when the pattern could match nothing, or has more than 8 stars. */
export function parseRepoPattern(text: string): RepoPattern {
  const stars = text.match(/\*+/g)?.length ?? 0;
  if (!/^[A-Za-z0-9_.+@~/*-]{1,200}$/.test(text) || /^\/|\/\/|\/$/.test(text) || stars > 8) {
    const detail = `${JSON.stringify(text)} is not a repository pattern such as acme/web or acme/*`;
    throw new RefgateError('USAGE', 'operator', detail);
  }
  const source = text
    .split(/(\*+)/)
    .map((part) => (part === '*' ? '[^/]*' : part.startsWith('*') ? '.*' : part.replace(/[.+]/g, '\\$&')))
    .join('');
  const expression = new RegExp(`^${source}$`);
  return {
    text,
    matches: (path) => expression.test(path),
    weight: stars === 0 ? Number.MAX_SAFE_INTEGER : text.indexOf('*'),
  };
}

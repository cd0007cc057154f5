/** The path of a repository as clients name it, and the one environment variable that a client may set. */
import { RefgateError } from '../domain/error.ts';
import type { ProtocolVersion } from '../domain/git.ts';
import { quoted } from './protocol-error.ts';

const segment = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$/;

/**
 * The canonical form `owner/repo`: between two and four segments, without the
 * leading slash, one trailing slash and one `.git` that a client may write. Throws REPO_PATH_INVALID for every
 * other character, for encodings, and for segments that mean something to a file system.
 */
export function canonicalRepo(path: string): string {
  const bare = path
    .replace(/^\//, '')
    .replace(/\/$/, '')
    .replace(/\.git$/, '');
  const segments = bare.split('/');
  const sound = segments.length >= 2 && segments.length <= 4 && segments.every(isSegment);
  if (!sound) throw new RefgateError('REPO_PATH_INVALID', 'client', quoted(path));
  return bare;
}

function isSegment(text: string): boolean {
  return segment.test(text) && !/(?:\.git|\.)$/i.test(text) && !/^git~\d/i.test(text);
}

/** The protocol version that `GIT_PROTOCOL` or `Git-Protocol` asks for; 0 for anything but `version=1` and `version=2`. */
export function parseGitProtocol(value: string | undefined): ProtocolVersion {
  if (value === 'version=2') return 2;
  return value === 'version=1' ? 1 : 0;
}

import { RefgateError } from '../../domain/error.ts';

const segment = /^[A-Za-z0-9_.+@][A-Za-z0-9_.+@~-]*$/;

/**
 * The path again, if every segment is a plain name: the agent does not rely on
 * the gateway having looked. REPO_PATH_INVALID otherwise.
 */
export function checkedRepoPath(path: string): string {
  const segments = path.split('/');
  for (const part of segments) {
    if (!segment.test(part) || part === '.' || part === '..' || /\.git$/i.test(part)) {
      throw new RefgateError('REPO_PATH_INVALID', 'refgate', JSON.stringify(path));
    }
  }
  return path;
}

import { join } from 'node:path';
import { RefgateError } from '../../domain/error.ts';
import type { Oid } from '../../domain/git.ts';
import { runGit } from '../objects/git-child.ts';

/** For a git that writes and finds new objects aside, those of the repository being there too. */
export const asideEnvironment = (gitDir: string, aside: string): Record<string, string> => ({
  GIT_OBJECT_DIRECTORY: aside,
  // Quoted: a colon would end a path.
  GIT_ALTERNATE_OBJECT_DIRECTORIES: JSON.stringify(join(gitDir, 'objects')),
});

/**
 * Whether everything that the oids reach is there, what the refs reach being so; as git's connected.c asks.
 * @param aside a folder with further objects. Throws the signal's reason, or HUNG_UP where it is no error of ours.
 */
export async function isWhole(
  gitDir: string,
  oids: readonly Oid[],
  signal: AbortSignal,
  aside?: string,
): Promise<boolean> {
  const args = ['rev-list', '--objects', '--stdin', '--not', '--all', '--quiet'];
  const env = aside === undefined ? {} : { env: asideEnvironment(gitDir, aside) };
  const asked = runGit(gitDir, args, { input: `${oids.join('\n')}\n`, signal, ...env });
  return !(await isFailureOf(asked, signal));
}

/** Whether git ended with another status than 0. Throws the signal's reason, or HUNG_UP where it is no error of ours. */
export async function isFailureOf(run: Promise<unknown>, signal: AbortSignal): Promise<boolean> {
  try {
    await run;
    return false;
  } catch (error) {
    if (signal.aborted) throw reasonOf(signal);
    if (error instanceof RefgateError) return true;
    throw error;
  }
}

/** Why something was called off. */
export function reasonOf({ reason }: AbortSignal): unknown {
  return reason instanceof RefgateError ? reason : new RefgateError('HUNG_UP', 'client');
}

import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { runGit } from '../objects/git-child.ts';
import { isFailureOf } from './is-whole.ts';

/** The most packs that one git is asked about: their names are arguments. */
const packsAtOnce = 200;

/**
 * Whether a repository is as it was written: its packs have the checksums that they were given, and everything that
 * its refs reach is there. Reads all of it, so it is asked on suspicion only. Throws the signal's reason.
 */
export async function isSound(gitDir: string, signal: AbortSignal): Promise<boolean> {
  const packs = join(gitDir, 'objects', 'pack');
  if (!existsSync(join(gitDir, 'HEAD')) || !existsSync(packs)) return false;
  const indexes = (await readdir(packs)).filter((name) => name.endsWith('.idx'));
  for (let at = 0; at < indexes.length; at += packsAtOnce) {
    const some = indexes.slice(at, at + packsAtOnce).map((name) => join(packs, name));
    if (await isFailureOf(runGit(gitDir, ['verify-pack', '--', ...some], { signal }), signal)) return false;
  }
  const reachable = ['rev-list', '--objects', '--quiet', '--all'];
  return !(await isFailureOf(runGit(gitDir, reachable, { signal }), signal));
}

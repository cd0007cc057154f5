import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { runGit } from '../objects/git-child.ts';
import { removeLeftovers } from './remove-leftovers.ts';

/** Every fetch adds one; fewer are left as they are. */
const mostPacks = 50;

/**
 * Packs the originals together where many fetches have left many small packs. Nothing gets lost, also not what no ref
 * reaches any more: clones of what was there before a force push still build on it. Only their writer may call it.
 * Throws INTERNAL (refgate), and the signal's reason; they are then as good as before.
 */
export async function maintainOriginals(gitDir: string, signal: AbortSignal): Promise<void> {
  const files = await readdir(join(gitDir, 'objects', 'pack'));
  if (files.filter((name) => name.endsWith('.pack')).length <= mostPacks) return;
  await removeLeftovers(gitDir, 0);
  const settings = ['-c', 'core.fsync=all', '-c', 'pack.threads=1'];
  await runGit(gitDir, [...settings, 'repack', '--geometric=2', '-d', '-q'], { signal });
}

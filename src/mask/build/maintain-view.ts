import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { runGit } from '../objects/git-child.ts';
import { removeLeftovers } from './remove-leftovers.ts';

/** Fewer packs are left as they are. */
const mostPacks = 16;

/**
 * Packs a view so that clones of it are fast: once whole with a bitmap, later what has become many small packs. Does
 * nothing where there is nothing to gain. Nothing gets lost, readers are not disturbed, and only its writer may call it.
 * Throws INTERNAL (refgate), and the signal's reason; the view is then as good as before.
 */
export async function maintainView(gitDir: string, signal: AbortSignal): Promise<void> {
  await removeLeftovers(gitDir, 0);
  const files = await readdir(join(gitDir, 'objects', 'pack'));
  const packs = files.filter((name) => name.endsWith('.pack')).length;
  const hasBitmap = files.some((name) => name.endsWith('.bitmap'));
  if (packs === 0 || (hasBitmap && packs <= mostPacks)) return;
  const how = hasBitmap ? ['--geometric=2', '-d'] : ['-a', '-d', '-k', '-b'];
  // Objects that no ref reaches any more stay: clients may still build on them.
  await runGit(gitDir, ['-c', 'core.fsync=all', '-c', 'pack.threads=1', 'repack', ...how, '-q'], { signal });
}

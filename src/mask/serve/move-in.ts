import { open, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Makes the packs of a folder part of a repository, whose `objects/pack` is `to`; both on one file system. The idx comes
 * last: with it git sees the pack.
 */
export async function moveIn(from: string, to: string): Promise<void> {
  const names = await readdir(from);
  const last = (name: string): number => (name.endsWith('.idx') ? 1 : 0);
  for (const name of names.filter((one) => one.startsWith('pack-')).sort((a, b) => last(a) - last(b)))
    await rename(join(from, name), join(to, name));
  const folder = await open(to);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

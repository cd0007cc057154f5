import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Removes what a git that was killed left among the packs, where it is older than so many ms. */
export async function removeLeftovers(gitDir: string, olderThanMs: number): Promise<void> {
  const packs = join(gitDir, 'objects', 'pack');
  const names = await readdir(packs);
  for (const name of names.filter((each) => each.startsWith('.tmp-') || each.startsWith('tmp_'))) {
    const file = join(packs, name);
    const age = await stat(file).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    );
    if (age >= olderThanMs) await rm(file, { force: true });
  }
}

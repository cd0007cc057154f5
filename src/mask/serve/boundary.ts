/** gitrepository-layout(5), `shallow`. */
import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Oid } from '../../domain/git.ts';

/** The commits that a repository knows without their parents. */
export async function readBoundary(gitDir: string): Promise<readonly Oid[]> {
  const text = await readFile(join(gitDir, 'shallow'), 'latin1').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  return text.split('\n').filter((line) => line !== '');
}

/** Whole and on disk, or not at all. */
export async function writeBoundary(gitDir: string, oids: ReadonlySet<Oid>): Promise<void> {
  if (oids.size === 0) return;
  const file = await open(join(gitDir, 'shallow.new'), 'w', 0o600);
  try {
    await file.writeFile([...oids].map((oid) => `${oid}\n`).join(''));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(join(gitDir, 'shallow.new'), join(gitDir, 'shallow'));
}

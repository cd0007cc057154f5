import type { Tips } from '../build/contract.ts';
import { runGit } from '../objects/git-child.ts';
import { readRefs } from '../serve/originals-refs.ts';

/** The refs of a view as they are on disk. Throws INTERNAL (refgate) and the signal's reason. */
export async function readViewTips(gitDir: string, signal: AbortSignal): Promise<Tips> {
  const refs = [...(await readRefs(gitDir, signal))].map(([ref, oid]) => ({ ref, oid }));
  const head = (await runGit(gitDir, ['symbolic-ref', 'HEAD'], { signal })).toString().trim();
  return { refs, ...(head.startsWith('refs/heads/') ? { head } : {}) };
}

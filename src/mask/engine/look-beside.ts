import type { MaskProgress } from '../../domain/mask.ts';
import { fetchOriginals } from '../serve/fetch-originals.ts';
import type { RepoInWork } from './repo-in-work.ts';
import { putPreview } from './target-row.ts';
import { readTips } from './upstream-tips.ts';

/**
 * Scans what the upstream has now, whatever is served meanwhile, and keeps the preview. The caller has the repository's
 * turn. Throws what the upstream, the engine and the store throw, and the signal's reason.
 */
export async function lookBeside(
  repo: RepoInWork,
  signal: AbortSignal,
  onProgress: (progress: MaskProgress) => void,
): Promise<void> {
  const source = repo.deps.upstreams.fetchSource(repo.target);
  try {
    const { tips, format } = await readTips(source);
    const order = { tips, format, signal, onProgress, prune: true };
    await fetchOriginals(() => source, repo.folder.originals, order);
    const { allowed } = repo.wanted();
    const report = await repo.ask('scan', { tips, allowed }, { signal, onProgress });
    const preview = { ...report, repo: repo.repo, scannedAt: repo.now() };
    await repo.deps.store.write([putPreview(repo.id, preview)]);
  } finally {
    source.close();
  }
}

import type { BaselineAdmin } from '../domain/admin.ts';
import { RefgateError } from '../domain/error.ts';
import type { Target } from '../domain/ports.ts';
import { canonicalRepo } from '../git/repo-path.ts';
import type { Baselines } from './baseline.ts';
import { newSessionId } from './open.ts';
import { type RepoScanDeps, scanRepo } from './scan-repo.ts';

/**
 * The baselines as administrators handle them. One repository is scanned at a
 * time: a scan takes the disk and the time of the greatest push. Throws CONFLICT
 * while another runs, and REPO_PATH_INVALID for what is no repository.
 */
export function createBaselineAdmin(
  deps: RepoScanDeps & {
    readonly baselines: Baselines;
    readonly mapRepo: (repo: string) => Target | undefined;
  },
): BaselineAdmin {
  const { baselines } = deps;
  let scanning: string | undefined;
  return {
    list: (repo) => baselines.list(canonicalRepo(repo)),
    accept: (repo, secrets, reason, actor) => baselines.accept(canonicalRepo(repo), secrets, reason, actor),
    remove: (repo, fingerprint, actor) => baselines.remove(canonicalRepo(repo), fingerprint, actor),
    async scan(given, signal, onProgress) {
      const repo = canonicalRepo(given);
      const target = deps.mapRepo(repo);
      if (target === undefined)
        throw new RefgateError('NOT_FOUND', 'operator', `${repo}: no line of repos: matches it`);
      if (scanning !== undefined)
        throw new RefgateError(
          'CONFLICT',
          'operator',
          `${scanning} is being scanned; try again when it is done`,
        );
      scanning = repo;
      try {
        const id = `baseline-${newSessionId(Date.now())}`;
        return await scanRepo(deps, { target, id, baseline: baselines.of(repo), signal, onProgress });
      } finally {
        scanning = undefined;
      }
    },
  };
}

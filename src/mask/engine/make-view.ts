import { mkdir } from 'node:fs/promises';
import { RefgateError } from '../../domain/error.ts';
import type { ObjectFormat } from '../../domain/git.ts';
import type { BuildResult, ScanReport, Tips } from '../build/contract.ts';
import { fetchOriginals } from '../serve/fetch-originals.ts';
import type { Making } from './making.ts';
import { notReady } from './not-ready.ts';
import type { RepoInWork, SyncedTips } from './repo-in-work.ts';
import { targetName } from './target-folder.ts';
import { putPreview, type ServedView, type TargetRow } from './target-row.ts';
import { readTips, tipsDigest } from './upstream-tips.ts';
import { countsOf } from './wanted-view.ts';

/**
 * From the upstream's refs to a view that is served: originals, scan, build, switch. Every step is in the store before the
 * next, so that it goes on after a crash; what a step had done already it finds done. Gives undefined where what was found is
 * left to an administrator. The caller has the repository's turn. Throws what the upstream, the engine, the store and the recorder throw.
 */
export async function makeView(
  repo: RepoInWork,
  making: Making,
  scanned: () => void,
): Promise<SyncedTips | undefined> {
  const { signal, tell: onProgress } = making;
  const source = repo.deps.upstreams.fetchSource(repo.target);
  const stop = () => source.close();
  signal.addEventListener('abort', stop, { once: true });
  try {
    const { tips, format } = await readTips(source);
    signal.throwIfAborted();
    await enter(repo, format);
    const order = { tips, format, signal, onProgress, prune: true };
    await fetchOriginals(() => source, repo.folder.originals, order);
    if (!repo.known().enabled && !(await scan(repo, tips, making))) return undefined;
    scanned();
    return await build(repo, tips, making);
  } finally {
    signal.removeEventListener('abort', stop);
    source.close();
  }
}

/** The first step that leaves a trace: the upstream has said that there is such a repository. */
async function enter(repo: RepoInWork, format: ObjectFormat): Promise<void> {
  if (repo.row !== undefined && repo.row.format !== format) {
    const detail = `${repo.folder.dir} is of another object format than its upstream is now; remove it to begin anew`;
    throw new RefgateError('CONFIG_INVALID', 'operator', detail);
  }
  await repo.record.change((known) => {
    const { problem, ...row } = known ?? firstRow(repo, format);
    if (row.served !== undefined || row.state === 'stopped') return row;
    return { ...row, state: row.enabled ? 'building' : 'scanning' };
  });
  await mkdir(repo.folder.temporary, { recursive: true, mode: 0o700 });
}

function firstRow({ target, repo }: RepoInWork, format: ObjectFormat): TargetRow {
  return { v: 1, target, repo, format, state: 'unknown', enabled: false, lastEpoch: 0 };
}

/** Gives whether the view may be made right away. */
async function scan(repo: RepoInWork, tips: Tips, { signal, tell }: Making): Promise<boolean> {
  const { allowed } = repo.wanted();
  const report = await repo.ask('scan', { tips, allowed }, { signal, onProgress: tell });
  signal.throwIfAborted();
  const preview = { ...report, repo: repo.repo, scannedAt: repo.now() };
  const mayBuild = isClean(report, allowed) || repo.deps.settings.enable === 'auto';
  await repo.record.change(
    (known) => {
      const row = known ?? repo.known();
      if (row.state === 'stopped') return row;
      const enabled = row.enabled || (mayBuild && row.disabled !== true);
      return { ...row, enabled, state: enabled ? 'building' : 'review' };
    },
    { more: [putPreview(repo.id, preview)] },
  );
  return repo.known().enabled;
}

/** Whether the view would be the repository itself. */
function isClean(report: ScanReport, allowed: readonly string[]): boolean {
  const { values, valueCount, unscannedCount, hiddenRefs, changedCommits } = report;
  const shown = new Set(allowed);
  const masked = values.filter(({ fingerprint }) => !shown.has(fingerprint));
  return masked.length + unscannedCount + hiddenRefs + changedCommits === 0 && valueCount <= values.length;
}

async function build(repo: RepoInWork, tips: Tips, { signal, tell }: Making): Promise<SyncedTips> {
  const { allowed, digest } = repo.wanted();
  const before = repo.known().making;
  if (before?.digest !== digest) {
    const epoch = repo.known().lastEpoch + 1;
    await repo.record.change((row) => ({
      ...(row ?? repo.known()),
      lastEpoch: epoch,
      making: { epoch, digest },
    }));
    if (before !== undefined) repo.remove(before.epoch);
  }
  const epoch = repo.known().lastEpoch;
  const result = await repo.ask('build', { tips, epoch, allowed }, { signal, onProgress: tell });
  signal.throwIfAborted();
  await serve(repo, { epoch, digest, allowed, ...countsOf(result), syncedAt: repo.now() }, result);
  return { epoch, upstream: tips, view: result.tips };
}

/** The switch: readers that come after the row is written get this epoch. */
async function serve(repo: RepoInWork, served: ServedView, { tips }: BuildResult): Promise<void> {
  const { epoch, values, changedCommits, commits } = served;
  const target = targetName(repo.target);
  const rules = repo.deps.rulesVersion;
  const data = { target, epoch, rules, values, changedCommits, commits, refs: tipsDigest(tips) };
  const before = repo.known().served?.epoch;
  await repo.record.change(
    (known) => {
      const { making, problem, ...row } = known ?? repo.known();
      // An administrator was faster.
      if (making?.epoch !== epoch || !row.enabled || row.state === 'stopped')
        throw notReady(repo.repo, known);
      return { ...row, state: 'ready', enabled: true, served };
    },
    { event: { code: 'mask.view-served', data, actor: 'refgate' } },
  );
  if (before !== undefined && before !== epoch) repo.remove(before);
}

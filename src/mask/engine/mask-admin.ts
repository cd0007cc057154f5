import { RefgateError } from '../../domain/error.ts';
import type {
  AllowedValue,
  MaskAdmin,
  MaskPreview,
  MaskProgress,
  MaskStatus,
  OidTranslation,
} from '../../domain/mask.ts';
import type { MaskedRepo } from './masked-repo.ts';
import type { MaskedRepos } from './masked-repos.ts';
import type { RepoDeps } from './repo-deps.ts';
import { targetName } from './target-folder.ts';
import type { TargetRow } from './target-row.ts';

/** Translations of one question. */
const maxFound = 50;

/** Masking as administrators handle it. */
export class Administration implements MaskAdmin {
  readonly #deps: RepoDeps;
  readonly #repos: MaskedRepos;

  constructor(deps: RepoDeps, repos: MaskedRepos) {
    this.#deps = deps;
    this.#repos = repos;
  }

  list(): Promise<readonly MaskStatus[]> {
    return Promise.all(this.#repos.all().map(statusOf));
  }

  async status(repo: string): Promise<MaskStatus> {
    return await statusOf(this.#repos.named(repo));
  }

  async preview(
    name: string,
    signal: AbortSignal,
    onProgress: (progress: MaskProgress) => void,
  ): Promise<MaskPreview> {
    const repo = this.#repos.named(name);
    return this.#marked(repo, await repo.preview(signal, onProgress));
  }

  async lastPreview(name: string): Promise<MaskPreview | undefined> {
    const repo = this.#repos.named(name);
    const preview = await repo.lastPreview();
    return preview && this.#marked(repo, preview);
  }

  /** With what is allowed by now. */
  #marked({ isMine }: MaskedRepo, preview: MaskPreview): MaskPreview {
    const values = preview.values.map(({ allowed: _, ...value }) => {
      const allowed = this.#deps.allowed.find(value.fingerprint, isMine);
      return allowed === undefined ? value : { ...value, allowed };
    });
    return { ...preview, values };
  }

  allowed(): readonly AllowedValue[] {
    return this.#deps.allowed.list();
  }

  async allow(value: { fingerprint: string; repo?: string; reason: string }, actor: string): Promise<void> {
    if (value.repo !== undefined) await this.#checkFound(value.fingerprint, value.repo);
    await this.#deps.allowed.allow(value, actor);
    await this.#renewOutdated();
  }

  /** One digit that is wrong would show nothing in clear, and nobody would notice. @throws NOT_FOUND */
  async #checkFound(fingerprint: string, name: string): Promise<void> {
    const preview = await this.#repos.named(name).lastPreview();
    if (preview === undefined || preview.values.length < preview.valueCount) return;
    if (!/^[0-9a-f]{32}$/.test(fingerprint)) return;
    if (preview.values.some((value) => value.fingerprint === fingerprint)) return;
    const detail = `the last search of ${name} found no value ${fingerprint}; copy one of \`refgate mask preview ${name}\``;
    throw new RefgateError('NOT_FOUND', 'operator', detail);
  }

  async disallow(value: { fingerprint: string; repo?: string }, actor: string): Promise<void> {
    await this.#deps.allowed.disallow(value, actor);
    await this.#renewOutdated();
  }

  /** Views that are served in another way than they would be now are made anew, behind everybody's back. */
  async #renewOutdated(): Promise<void> {
    for (const repo of this.#repos.all()) {
      if (repo.row?.state === 'building' && repo.isMaking) await repo.interrupt();
      if (repo.row?.state === 'building' || (repo.row?.state === 'ready' && repo.isOutdated)) repo.begin();
    }
  }

  async enable(name: string, actor: string): Promise<MaskStatus> {
    const repo = this.#repos.named(name);
    const preview = await repo.lastPreview();
    if (repo.row === undefined || preview === undefined) throw notLooked(name);
    if (!repo.row.enabled) {
      const { changedCommits, commits, valueCount: values } = preview;
      const data = { repo: name, target: targetName(repo.target), values, changedCommits, commits };
      await repo.decide(enabled, { code: 'admin.mask-enabled', data, actor });
    }
    if (repo.row.state !== 'stopped' && repo.row.served === undefined) repo.begin();
    return await statusOf(repo);
  }

  async disable(name: string, actor: string): Promise<MaskStatus> {
    const repo = this.#looked(name);
    const data = { repo: name, target: targetName(repo.target) };
    await repo.decide(disabled, { code: 'admin.mask-disabled', data, actor });
    await repo.interrupt();
    return await statusOf(repo);
  }

  async rebuild(name: string, actor: string): Promise<MaskStatus> {
    const repo = this.#looked(name);
    if (repo.row?.enabled !== true || repo.row.state === 'stopped' || repo.isMaking)
      throw new RefgateError(
        'CONFLICT',
        'operator',
        `${name} has no view to make anew, or it is being made already; see \`refgate mask status ${name}\``,
      );
    const data = { repo: name, target: targetName(repo.target) };
    await repo.removeDamagedRows();
    const { digest } = repo.wanted();
    const making = (row: TargetRow): TargetRow => {
      const epoch = row.lastEpoch + 1;
      return { ...row, lastEpoch: epoch, making: { epoch, digest } };
    };
    await repo.decide(making, { code: 'admin.mask-rebuilt', data, actor });
    repo.begin();
    return await statusOf(repo);
  }

  async stop(name: string, actor: string): Promise<MaskStatus> {
    const repo = this.#looked(name);
    if (!repo.isMaking)
      throw new RefgateError(
        'CONFLICT',
        'operator',
        `nothing of ${name} is being made, so there is nothing to stop`,
      );
    const data = { repo: name, target: targetName(repo.target) };
    const stopped = (row: TargetRow): TargetRow => ({ ...row, state: 'stopped' });
    await repo.decide(stopped, { code: 'admin.mask-stopped', data, actor });
    await repo.interrupt();
    return await statusOf(repo);
  }

  async resume(name: string, actor: string): Promise<MaskStatus> {
    const repo = this.#looked(name);
    if (repo.row?.state !== 'stopped' && repo.row?.state !== 'failed')
      throw new RefgateError('CONFLICT', 'operator', `${name} was not stopped, and has not failed`);
    const data = { repo: name, target: targetName(repo.target) };
    await repo.decide(resumed, { code: 'admin.mask-resumed', data, actor });
    repo.begin();
    return await statusOf(repo);
  }

  #looked(name: string): MaskedRepo {
    const repo = this.#repos.named(name);
    if (repo.row !== undefined) return repo;
    throw notLooked(name);
  }

  async oid(id: string, name?: string): Promise<readonly OidTranslation[]> {
    const digits = id.toLowerCase();
    if (!/^[0-9a-f]{7,64}$/.test(digits))
      throw new RefgateError('USAGE', 'operator', 'an oid has 7 to 64 hex digits');
    const found: OidTranslation[] = [];
    for (const repo of name === undefined ? this.#repos.all() : [this.#repos.named(name)]) {
      const epoch = repo.row?.served?.epoch;
      if (epoch === undefined) continue;
      const pairs = await repo.ask('find', { epoch, id: digits, limit: maxFound });
      found.push(...pairs.map((pair) => ({ repo: repo.repo, ...pair })));
      if (found.length >= maxFound) break;
    }
    return found.slice(0, maxFound);
  }
}

function notLooked(name: string): RefgateError {
  const detail = `${name} was not looked at yet; run \`refgate mask preview ${name}\` first`;
  return new RefgateError('CONFLICT', 'operator', detail);
}

/** A view that an administrator stopped, and then enabled, goes on with `resume`. */
function enabled({ disabled: _, ...row }: TargetRow): TargetRow {
  return { ...row, enabled: true, state: row.served === undefined ? 'building' : row.state };
}

function disabled({ served: _, making: __, problem: ___, ...row }: TargetRow): TargetRow {
  return { ...row, enabled: false, disabled: true, state: 'review' };
}

function resumed(row: TargetRow): TargetRow {
  if (row.served !== undefined) return { ...row, state: 'ready' };
  return { ...row, state: row.enabled ? 'building' : 'scanning' };
}

async function statusOf(repo: MaskedRepo): Promise<MaskStatus> {
  const { row, target, progress } = repo;
  if (row === undefined) return { repo: repo.repo, target, state: 'unknown', enabled: false };
  const { state, enabled: isEnabled, served, problem } = row;
  const { epoch, syncedAt, commits, changedCommits, values, unscanned } = served ?? {};
  return {
    repo: repo.repo,
    target,
    state,
    enabled: isEnabled,
    bytes: await repo.bytes(),
    ...(epoch === undefined ? {} : { epoch }),
    ...(progress === undefined ? {} : { progress }),
    ...(problem === undefined ? {} : { problem }),
    ...(syncedAt === undefined ? {} : { syncedAt }),
    ...(commits === undefined ? {} : { commits }),
    ...(changedCommits === undefined ? {} : { changedCommits }),
    ...(values === undefined ? {} : { values }),
    ...(unscanned === undefined ? {} : { unscanned }),
  };
}

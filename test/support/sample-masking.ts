import { RefgateError } from '../../src/domain/error.ts';
import type {
  AllowedValue,
  MaskAdmin,
  MaskedViews,
  MaskPreview,
  MaskProgress,
  MaskState,
  MaskStatus,
  MaskValue,
  OidTranslation,
  ViewKey,
} from '../../src/domain/mask.ts';

const time = '2026-03-01T10:00:00.000Z';

/** One value of `acme/web`, in one file. */
export function sampleValue(change: Partial<MaskValue> = {}): MaskValue {
  return {
    fingerprint: 'f'.repeat(32),
    rule: 'url-password',
    family: 'generic',
    confidence: 'medium',
    sample: 'hunt***',
    objects: 2,
    commits: 11,
    path: 'docs/install.md',
    commit: 'e'.repeat(40),
    ...change,
  };
}

export function samplePreview(change: Partial<MaskPreview> = {}): MaskPreview {
  return {
    repo: 'acme/web',
    scannedAt: time,
    refs: 3,
    commits: 15,
    changedCommits: 11,
    values: [sampleValue()],
    valueCount: 1,
    unscanned: [],
    unscannedCount: 0,
    hiddenRefs: 0,
    ...change,
  };
}

/** Masking in memory: what is enabled is built in as many looks as `looks` says. */
export class SampleMasking implements MaskAdmin {
  readonly states = new Map<string, MaskStatus>();
  previewed: MaskPreview = samplePreview();
  values: readonly AllowedValue[] = [];
  translations: readonly OidTranslation[] = [];
  /** What changed something: verb, repository or fingerprint, actor. */
  readonly done: string[] = [];
  /** What the next method throws. */
  refuse: RefgateError | undefined;
  looks = 0;

  set(repo: string, change: Partial<MaskStatus> = {}): MaskStatus {
    const status: MaskStatus = {
      repo,
      target: { upstream: 'here', path: repo },
      state: 'unknown',
      enabled: false,
      ...this.states.get(repo),
      ...change,
    };
    this.states.set(repo, status);
    return status;
  }

  async list(): Promise<readonly MaskStatus[]> {
    return [...this.states.values()];
  }

  async status(repo: string): Promise<MaskStatus> {
    if (!repo.startsWith('acme/'))
      throw new RefgateError('NOT_FOUND', 'client', `${repo}: no line of repos: matches it`);
    const status = this.states.get(repo) ?? this.set(repo);
    if (status.progress === undefined) return status;
    if (this.looks-- > 0) return status;
    const { progress: _over, ...rest } = status;
    const ready: MaskStatus = { ...rest, state: 'ready', epoch: (rest.epoch ?? 0) + 1, syncedAt: time };
    this.states.set(repo, ready);
    return ready;
  }

  async preview(
    repo: string,
    _signal: AbortSignal,
    onProgress: (progress: MaskProgress) => void,
  ): Promise<MaskPreview> {
    await this.status(repo);
    onProgress({ step: 'scan', done: 40, total: 120, unit: 'objects' });
    this.set(repo, { state: 'review' });
    return this.previewed;
  }

  async lastPreview(repo: string): Promise<MaskPreview | undefined> {
    const { state } = await this.status(repo);
    return state === 'unknown' ? undefined : this.previewed;
  }

  allowed(): readonly AllowedValue[] {
    return this.values;
  }

  async allow(value: { fingerprint: string; repo?: string; reason: string }, actor: string): Promise<void> {
    this.#act('allow', value.fingerprint, actor);
    const allowed = { ...value, actor, time };
    this.values = [...this.values, allowed];
    const values = this.previewed.values.map((one) =>
      one.fingerprint === value.fingerprint ? { ...one, allowed } : one,
    );
    this.previewed = { ...this.previewed, values };
  }

  async disallow(value: { fingerprint: string; repo?: string }, actor: string): Promise<void> {
    this.#act('disallow', value.fingerprint, actor);
    if (!this.values.some(({ fingerprint }) => fingerprint === value.fingerprint))
      throw new RefgateError('NOT_FOUND', 'client', `${value.fingerprint} is not allowed`);
    this.values = this.values.filter(({ fingerprint }) => fingerprint !== value.fingerprint);
  }

  enable(repo: string, actor: string): Promise<MaskStatus> {
    return this.#change('enable', repo, actor, 'building', true);
  }

  disable(repo: string, actor: string): Promise<MaskStatus> {
    return this.#change('disable', repo, actor, 'review', false);
  }

  rebuild(repo: string, actor: string): Promise<MaskStatus> {
    return this.#change('rebuild', repo, actor, 'ready', true);
  }

  stop(repo: string, actor: string): Promise<MaskStatus> {
    return this.#change('stop', repo, actor, 'stopped');
  }

  resume(repo: string, actor: string): Promise<MaskStatus> {
    return this.#change('resume', repo, actor, 'building');
  }

  async oid(id: string, repo?: string): Promise<readonly OidTranslation[]> {
    return this.translations.filter(
      (one) =>
        (repo === undefined || one.repo === repo) && (one.view.startsWith(id) || one.original.startsWith(id)),
    );
  }

  async #change(
    verb: string,
    repo: string,
    actor: string,
    state: MaskState,
    enabled = this.states.get(repo)?.enabled ?? false,
  ): Promise<MaskStatus> {
    this.#act(verb, repo, actor);
    const isMade = verb !== 'disable' && verb !== 'stop';
    const { progress: _before, ...rest } = await this.status(repo);
    const progress = { step: 'rewrite', done: 3, total: 15, unit: 'commits' } as const;
    const after: MaskStatus = { ...rest, state, enabled, ...(isMade ? { progress } : {}) };
    this.states.set(repo, after);
    return after;
  }

  #act(verb: string, what: string, actor: string): void {
    if (this.refuse !== undefined) throw this.refuse;
    this.done.push(`${verb} ${what} by ${actor}`);
  }
}

/** Knows original oids by their pairs, whole and abbreviated to seven digits or more, and some words as secrets. */
export class SampleViews implements Pick<MaskedViews, 'textFor'> {
  /** View by original. */
  readonly oids = new Map<string, string>();
  readonly secrets = new Map<string, string>();
  readonly asked: ViewKey[] = [];
  failing: Error | undefined;

  async textFor(view: ViewKey, text: string): Promise<string> {
    this.asked.push(view);
    if (this.failing !== undefined) throw this.failing;
    const mapped = text.replace(/[0-9a-f]{7,64}/g, (found) => {
      for (const [original, other] of this.oids)
        if (original.startsWith(found)) return other.slice(0, found.length);
      return found;
    });
    return [...this.secrets].reduce((rest, [secret, mark]) => rest.replaceAll(secret, mark), mapped);
  }
}

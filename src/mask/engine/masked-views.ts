import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { RefgateError } from '../../domain/error.ts';
import type { AdvertisedRef, Oid } from '../../domain/git.ts';
import type { MaskedViews, RestoredPush, RestoreOrder, ViewKey } from '../../domain/mask.ts';
import type { FetchSource, Target } from '../../domain/ports.ts';
import { oidWords, replaceOidWords } from '../../git/oid-words.ts';
import { hashBytes } from '../../git/pack-stream.ts';
import type { Tips } from '../build/contract.ts';
import { archiveView } from '../serve/archive.ts';
import { denySecrets } from '../serve/deny-secrets.ts';
import { createViewSource } from '../serve/view-source.ts';
import type { MaskedRepo } from './masked-repo.ts';
import type { MaskedRepos } from './masked-repos.ts';
import { MaskedSource } from './masked-source.ts';
import type { RepoDeps } from './repo-deps.ts';
import type { ServedView } from './target-row.ts';
import { RecentPairs, withoutOids, withoutRefs } from './text-for.ts';
import { advertisedTips } from './upstream-tips.ts';
import { readViewTips } from './view-tips.ts';

/** The views as the spine uses them. */
export class Views implements MaskedViews {
  readonly #deps: RepoDeps;
  readonly #repos: MaskedRepos;
  readonly #cuts = new WeakMap<MaskedRepo, { epoch: number; syncedAt: string; tips: Tips }>();
  readonly #pairs = new WeakMap<MaskedRepo, RecentPairs>();

  constructor(deps: RepoDeps, repos: MaskedRepos) {
    this.#deps = deps;
    this.#repos = repos;
  }

  source(view: ViewKey): FetchSource {
    const repo = this.#repos.of(view.target, view.repo);
    const open = (served: ServedView, signal: AbortSignal) => this.#open(view, repo, served, signal);
    return new MaskedSource(repo, open, { follows: view.mode === 'masked' });
  }

  async #open(
    view: ViewKey,
    repo: MaskedRepo,
    served: ServedView,
    signal: AbortSignal,
  ): Promise<FetchSource> {
    const { format } = repo.known();
    const { readers } = this.#deps;
    if (view.mode === 'cut') {
      await this.#cut(repo, served);
      return createViewSource({ gitDir: repo.folder.cut(served.epoch), format, readers, signal });
    }
    const gitDir = repo.folder.view(served.epoch);
    const onFault = (words: string): void => suspect(repo, served.epoch, words);
    const source = createViewSource({ gitDir, format, readers, signal, onFault });
    return view.mode === 'deny-secrets' ? denySecrets(source, (oids) => sameOids(repo, oids)) : source;
  }

  async refs(view: ViewKey, upstream: readonly AdvertisedRef[]): Promise<readonly AdvertisedRef[]> {
    const repo = this.#repos.of(view.target, view.repo);
    const served = await repo.upToDateWith(upstream);
    if (view.mode === 'cut') return advertisedTips(await this.#cut(repo, served));
    const tips = await this.#tips(repo, served);
    const refs = advertisedTips(tips);
    if (view.mode !== 'deny-secrets') return refs;
    const same = await sameOids(
      repo,
      tips.refs.map(({ oid }) => oid),
    );
    return refs.filter(({ oid }) => oid !== null && same.has(oid));
  }

  /** Brings the cut up to date with the view, and gives its refs. Throws VIEW_REFUSED (client) where it shows none. */
  async #cut(repo: MaskedRepo, { epoch, allowed, syncedAt }: ServedView): Promise<Tips> {
    const known = this.#cuts.get(repo);
    if (known?.epoch === epoch && known.syncedAt === syncedAt) return known.tips;
    const endTurn = await repo.turn(this.#deps.closing);
    try {
      const { tips, leftOut } = await repo.ask('cut', { epoch, allowed }, { signal: this.#deps.closing });
      if (tips.refs.length === 0 && leftOut > 0)
        throw new RefgateError(
          'VIEW_REFUSED',
          'client',
          `every branch of ${repo.repo} holds a secret at its tip`,
        );
      this.#cuts.set(repo, { epoch, syncedAt, tips });
      return tips;
    } finally {
      endTurn();
    }
  }

  async restore(order: RestoreOrder): Promise<RestoredPush> {
    const { view, signal } = order;
    if (view.mode === 'cut') return asPushed(order);
    const repo = this.#repos.of(view.target, view.repo);
    // Who pushes was shown the refs of this view already: what is put back does not depend on what else came since.
    const isKnown = repo.synced !== undefined;
    try {
      return await this.#restore(order, repo, isKnown ? repo.readable(signal) : repo.upToDate(signal));
    } catch (error) {
      // It may be of the upstream as it is now.
      if (!isKnown || !(error instanceof RefgateError) || error.code !== 'VIEW_FOREIGN') throw error;
      return await this.#restore(order, repo, repo.upToDate(signal));
    }
  }

  async #restore(
    { request, held, signal }: RestoreOrder,
    repo: MaskedRepo,
    shown: Promise<ServedView>,
  ): Promise<RestoredPush> {
    const shownNow = await shown;
    const { epoch, allowed } = shownNow;
    if (repo.isFrozen) throw repo.notReady();
    const endTurn = await repo.turn(signal);
    const folder = join(repo.folder.temporary, `restore-${randomBytes(8).toString('hex')}`);
    const release = (): Promise<void> => rm(folder, { recursive: true, force: true });
    try {
      if (repo.isFrozen || repo.row?.served?.epoch !== epoch) throw repo.notReady();
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const pushed = held === undefined ? {} : { pushed: held.gitDir };
      const ask = { updates: request.updates, epoch, allowed, folder, ...pushed };
      const restored = await repo.ask('restore', ask, { signal });
      this.#pairsOf(repo).keep(restored.pairs);
      const isClear = isUntouched(shownNow) && this.#pairsOf(repo).isEmpty;
      return { ...restored, isClear, release };
    } catch (error) {
      await release();
      throw error;
    } finally {
      endTurn();
    }
  }

  #pairsOf(repo: MaskedRepo): RecentPairs {
    const known = this.#pairs.get(repo) ?? new RecentPairs();
    this.#pairs.set(repo, known);
    return known;
  }

  async textFor(view: ViewKey, text: string): Promise<string> {
    const masked = this.#deps.maskSecrets(text);
    const repo = this.#repos.of(view.target, view.repo);
    const served = repo.row?.served;
    // Who reads the true oids of the newest history reads those of what came before in it.
    if (view.mode === 'cut') return withoutRefs(masked, hiddenRefs(repo));
    if (served === undefined) return withoutOids(masked);
    const pairs = this.#pairsOf(repo);
    const named = withoutRefs(masked, hiddenRefs(repo));
    if (isUntouched(served) && pairs.isEmpty) return named;
    const shown = await this.#shown(repo, served, pairs, [...oidWords(named)]);
    const width = hashBytes(repo.known().format) * 2;
    // An oid within a longer run is found by nobody's look-up.
    return replaceOidWords(named, (word) => (word.length > width ? '[oid]' : shown.get(word)));
  }

  async #shown(
    repo: MaskedRepo,
    { epoch }: ServedView,
    pairs: RecentPairs,
    tokens: readonly string[],
  ): Promise<ReadonlyMap<string, string>> {
    const shown = new Map<string, string>();
    for (const token of tokens) {
      const mine = pairs.shown(token);
      if (mine !== undefined) shown.set(token, mine);
    }
    if (tokens.length === 0) return shown;
    for (const [token, digits] of await repo.ask('shown', { epoch, tokens })) shown.set(token, digits);
    return shown;
  }

  async archive(view: ViewKey, args: readonly string[], signal: AbortSignal): Promise<AsyncIterable<Buffer>> {
    // It would have to know of single refs whether they are shown.
    if (view.mode === 'deny-secrets')
      throw new RefgateError(
        'SERVICE_UNSUPPORTED',
        'client',
        'git archive --remote is not served; clone the repository instead',
      );
    const repo = this.#repos.of(view.target, view.repo);
    const served = await repo.upToDate(signal);
    if (view.mode === 'cut') await this.#cut(repo, served);
    const { folder } = repo;
    const gitDir = view.mode === 'cut' ? folder.cut(served.epoch) : folder.view(served.epoch);
    return archiveView({ gitDir, args, signal, readers: this.#deps.readers });
  }

  async #tips(repo: MaskedRepo, { epoch }: ServedView): Promise<Tips> {
    return repo.synced?.view ?? (await readViewTips(repo.folder.view(epoch), this.#deps.closing));
  }

  moved(target: Target): void {
    this.#repos.known(target)?.follow();
  }
}

/** A client may want what was never there, and leave whenever it likes. */
function suspect(repo: MaskedRepo, epoch: number, words: string): void {
  const wanted = /not our ref ([0-9a-f]+)/.exec(words)?.[1];
  const isShown = repo.synced?.view.refs.some(({ oid }) => oid === wanted);
  if (isShown === true || damage.test(words)) repo.suspect(epoch);
}

const damage = /corrupt|missing|bad|not there|unable to (?:read|parse)|not a git repository|could not/i;

async function sameOids(repo: MaskedRepo, oids: readonly Oid[]): Promise<ReadonlySet<Oid>> {
  return new Set(await repo.ask('same', { oids }));
}

/** Whether nothing is masked in it. */
const isUntouched = ({ changedCommits, values, hiddenRefs }: ServedView): boolean =>
  changedCommits === 0 && values === 0 && hiddenRefs === 0;

/** Who reads the originals' own objects pushes them. */
function asPushed({ request: { updates } }: RestoreOrder): RestoredPush {
  return { updates, pairs: [], pairCount: 0, placeholders: [], release: async () => {} };
}

function hiddenRefs(repo: MaskedRepo): readonly string[] {
  const { synced } = repo;
  if (synced === undefined || synced.upstream.refs.length === synced.view.refs.length) return [];
  const shown = new Set(synced.view.refs.map(({ ref }) => ref));
  return synced.upstream.refs.map(({ ref }) => ref).filter((ref) => !shown.has(ref));
}

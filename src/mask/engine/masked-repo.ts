import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { RefgateError } from '../../domain/error.ts';
import type { AdvertisedRef } from '../../domain/git.ts';
import type { MaskPreview, MaskProgress } from '../../domain/mask.ts';
import type { FetchSource, Target } from '../../domain/ports.ts';
import { Turns } from '../../inspect/turns.ts';
import type { Tips } from '../build/contract.ts';
import { fetchOriginals } from '../serve/fetch-originals.ts';
import { isSound } from '../serve/is-sound.ts';
import { folderBytes } from './folder-bytes.ts';
import { FreshOriginals } from './fresh-originals.ts';
import { lookBeside } from './look-beside.ts';
import { Maintenance } from './maintenance.ts';
import { makeView } from './make-view.ts';
import { Making } from './making.ts';
import type { ViewCall, ViewCalls } from './messages.ts';
import { notReady } from './not-ready.ts';
import type { RepoDeps } from './repo-deps.ts';
import type { RepoInWork, SyncedTips } from './repo-in-work.ts';
import { RepoRecord, type RowEvent } from './repo-record.ts';
import { SharedRuns } from './shared-runs.ts';
import { TargetFolder, targetId, targetName } from './target-folder.ts';
import { readPreview, type ServedView, type TargetRow } from './target-row.ts';
import { readTips, sameTips, tipsOf, withHead } from './upstream-tips.ts';
import { timeIsUp, within } from './waiting.ts';
import { countsOf, type Wanted, WantedView } from './wanted-view.ts';

/** After a failure it is tried again no sooner, in ms. */
const retryAfter = 5_000;

/** How long the size of a folder is taken for what it was, in ms. */
const bytesFor = 60_000;

/** A view is not read through more often on suspicion, in ms. */
const suspectAgain = 600_000;

/** How long a reader waits for a view to follow its upstream, in ms. */
const syncPatience = 60_000;

/**
 * One upstream repository on the main thread: its state, which is in the store before it counts; the making of its view,
 * one at a time; and its syncs, which many readers share. One writer at a time works in its folder.
 */
export class MaskedRepo implements RepoInWork {
  readonly deps: RepoDeps;
  readonly target: Target;
  readonly id: string;
  readonly folder: TargetFolder;
  readonly record: RepoRecord;
  /** By which it was first asked for. */
  readonly repo: string;
  readonly #turn = new Turns(1);
  readonly #maintenance: Maintenance;
  readonly #syncs = new SharedRuns(() => this.#sync());
  readonly #wanted: WantedView;
  readonly #originals: FreshOriginals;
  #making: Making | undefined;
  #synced: SyncedTips | undefined;
  #syncing: MaskProgress | undefined;
  #bytes: { readonly at: number; readonly count: Promise<number> } | undefined;
  #failedAt = Number.NEGATIVE_INFINITY;
  #suspectedAt = Number.NEGATIVE_INFINITY;

  constructor(deps: RepoDeps, target: Target, repo: string, row: TargetRow | undefined) {
    this.deps = deps;
    this.target = target;
    this.repo = row?.repo ?? repo;
    this.id = targetId(target);
    this.folder = new TargetFolder(join(deps.dir, this.id));
    this.record = new RepoRecord(deps, this.id, row);
    this.#wanted = new WantedView(deps, target);
    this.#originals = new FreshOriginals(this.folder.originals, deps.clock);
    const onFailure = (err: unknown): void => this.complain(err, 'masked view not packed anew');
    this.#maintenance = new Maintenance(this.#turn, deps.closing, onFailure);
  }

  get row(): TargetRow | undefined {
    return this.record.row;
  }

  get progress(): MaskProgress | undefined {
    const begun: MaskProgress = { step: 'fetch', done: 0, unit: 'bytes' };
    return this.#making === undefined ? this.#syncing : (this.#making.progress ?? begun);
  }

  get isMaking(): boolean {
    return this.#making !== undefined;
  }

  /** Undefined until the first sync, and while the view is served as it was. */
  get synced(): SyncedTips | undefined {
    return this.#synced?.epoch === this.row?.served?.epoch ? this.#synced : undefined;
  }

  /** Whether a name leads to it. */
  get isMine(): (repo: string) => boolean {
    return this.#wanted.isMine;
  }

  /** Its size on disk, as of the last minute. */
  async bytes(): Promise<number> {
    const now = this.deps.clock();
    if (this.#bytes === undefined || now - this.#bytes.at > bytesFor)
      this.#bytes = { at: now, count: folderBytes(this.folder.dir) };
    return await this.#bytes.count;
  }

  /** What decides now what is masked. */
  wanted(): Wanted {
    return this.#wanted.now();
  }

  /** Whether rules or allowed values have changed since the view was made. */
  get isOutdated(): boolean {
    const { served } = this.row ?? {};
    return served !== undefined && served.digest !== this.wanted().digest;
  }

  /** Whether the view is served as it was at its last sync. */
  get isFrozen(): boolean {
    const { served, state, making } = this.row ?? {};
    return served === undefined || state !== 'ready' || making !== undefined || this.isOutdated;
  }

  /**
   * The view that is served, however old. Begins to make it where that was not done, and waits for it for some seconds.
   * Throws VIEW_NOT_READY, what the upstream throws, and the signal's reason.
   */
  async readable(signal?: AbortSignal): Promise<ServedView> {
    const { clock, settings } = this.deps;
    const until = clock() + settings.wait;
    for (;;) {
      const served = this.row?.served;
      if (served !== undefined) {
        this.#renew();
        return served;
      }
      if (!this.#mayBegin()) throw this.notReady();
      const making = this.#begin();
      if ((await within(making.done, Math.max(until - clock(), 0), signal)) === timeIsUp)
        throw this.notReady();
    }
  }

  /** The same, up to date with the upstream as it is now: but while another epoch is made it stays as it was. */
  async upToDate(signal?: AbortSignal): Promise<ServedView> {
    const served = await this.readable(signal);
    if (this.isFrozen) return served;
    const patience = Math.max(this.deps.settings.wait, syncPatience);
    if ((await within(this.#syncs.ask(), patience, signal)) === timeIsUp) throw this.notReady();
    return await this.readable(signal);
  }

  /** The same, where the upstream has told these refs just now: it is asked again only where the view is of others. */
  async upToDateWith(told: readonly AdvertisedRef[], signal?: AbortSignal): Promise<ServedView> {
    const { synced } = this;
    if (synced === undefined || !sameTips(withHead(tipsOf(told), synced.upstream), synced.upstream))
      return await this.upToDate(signal);
    return await this.readable(signal);
  }

  notReady(): RefgateError {
    return notReady(this.repo, this.row, this.progress);
  }

  /** Brings the view up to date behind everybody's back. Never throws. */
  follow(): void {
    if (this.isFrozen) return;
    this.#syncs.ask().catch((err: unknown) => this.complain(err, 'masked view not brought up to date'));
  }

  /** One question to the engine. Throws as `ViewThreads.ask`. */
  async ask<C extends ViewCall>(
    call: C,
    ask: ViewCalls[C]['ask'],
    options: { signal?: AbortSignal; onProgress?: (progress: MaskProgress) => void } = {},
  ): Promise<ViewCalls[C]['answer']> {
    if (this.row === undefined) throw this.notReady();
    const place = { dir: this.folder.dir, format: this.row.format };
    return await this.deps.threads.ask(call, place, ask, options);
  }

  /** Lets one writer work in the folder. Throws the signal's reason. */
  turn(signal: AbortSignal): Promise<() => void> {
    this.#maintenance.giveWay();
    return this.#turn.take(signal);
  }

  #mayBegin(): boolean {
    const state = this.row?.state;
    if (this.#making !== undefined) return true;
    if (state === 'failed') return this.deps.clock() - this.#failedAt >= retryAfter;
    return state !== 'review' && state !== 'stopped';
  }

  /** A view of older rules is made anew, and one that a crash interrupted goes on. */
  #renew(): void {
    const { state, making } = this.row ?? {};
    if (state !== 'ready' || this.#making !== undefined || (making === undefined && !this.isOutdated)) return;
    if (this.deps.clock() - this.#failedAt >= retryAfter) this.begin();
  }

  /** Begins to make what is to be made, where that does not go on already; failures are in the state. */
  begin(): void {
    this.#begin().done.catch(() => undefined);
  }

  #begin(): Making {
    if (this.#making !== undefined) return this.#making;
    this.deps.closing.throwIfAborted();
    const making = new Making(this.deps.closing, (mine, scanned) =>
      this.#make(mine, scanned).finally(() => {
        this.#making = undefined;
      }),
    );
    this.#making = making;
    return making;
  }

  async #make(making: Making, scanned: () => void): Promise<void> {
    try {
      const endTurn = await this.turn(making.signal);
      try {
        const made = await this.#withOriginals(making.signal, () => makeView(this, making, scanned));
        this.#synced = made ?? this.#synced;
        if (this.synced !== undefined) this.#maintainLater(this.synced.epoch);
      } finally {
        endTurn();
      }
      this.#failedAt = Number.NEGATIVE_INFINITY;
    } catch (error) {
      this.#failedAt = this.deps.clock();
      if (!making.signal.aborted) await this.#tellFailure(error);
      making.signal.throwIfAborted();
      throw error;
    }
  }

  #withOriginals<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    return this.#originals.with(signal, work, (err) =>
      this.complain(err, 'originals of a masked view are damaged, and fetched again'),
    );
  }

  #problemOf(error: unknown): string {
    if (!(error instanceof RefgateError)) return String(error);
    const isDamaged = error.code === 'VIEW_DAMAGED';
    return isDamaged ? `${error.message}; run \`refgate mask rebuild ${this.repo}\`` : error.message;
  }

  /** A repository of which the upstream has not even told its refs leaves no trace. */
  async #tellFailure(error: unknown): Promise<void> {
    if (this.row === undefined) return;
    this.complain(error, 'masked view not made, or not brought up to date');
    const problem = this.#problemOf(error);
    const failed = (row: TargetRow): TargetRow => ({
      ...row,
      state: row.served === undefined ? 'failed' : row.state,
      problem,
    });
    // Readers who come again and again find the same.
    if (this.row.problem === problem && this.row.state === failed(this.row).state) return;
    try {
      await this.record.change((row) => failed(row ?? this.known()));
    } catch (err) {
      this.complain(err, 'state of a masked view not written');
      this.record.remember(failed(this.known()));
    }
  }

  /** Removes an epoch that nobody begins to read any more, once its last reader has left. */
  remove(epoch: number): void {
    const removed = async (): Promise<void> => {
      const dirs = [this.folder.view(epoch), this.folder.cut(epoch)];
      await Promise.all(dirs.map((dir) => this.deps.readers.whenFree(dir)));
      // A sync may still write to it.
      const endTurn = await this.turn(this.deps.closing);
      try {
        await this.ask('drop', { epoch });
        for (const dir of dirs) await rm(dir, { recursive: true, force: true });
      } finally {
        endTurn();
      }
    };
    removed().catch((err: unknown) => this.complain(err, 'an old masked view is not removed'));
  }

  /** Removes what a crash left of epochs that are neither served nor being made. */
  async sweep(): Promise<void> {
    const { served, making } = this.row ?? {};
    await rm(this.folder.temporary, { recursive: true, force: true });
    for (const epoch of await this.folder.epochs())
      if (epoch !== served?.epoch && epoch !== making?.epoch) this.remove(epoch);
  }

  async #sync(): Promise<void> {
    const { closing, upstreams } = this.deps;
    const source = upstreams.fetchSource(this.target);
    const stop = (): void => source.close();
    closing.addEventListener('abort', stop, { once: true });
    try {
      closing.throwIfAborted();
      const { tips } = await readTips(source);
      if (this.#isSynced(tips)) return await this.#forgetProblem();
      const endTurn = await this.turn(this.deps.closing);
      try {
        if (!this.isFrozen && !this.#isSynced(tips)) await this.#follow(source, tips);
      } finally {
        this.#syncing = undefined;
        endTurn();
      }
    } catch (error) {
      if (!this.deps.closing.aborted) await this.#tellFailure(error);
      throw error;
    } finally {
      closing.removeEventListener('abort', stop);
      source.close();
    }
  }

  async #forgetProblem(): Promise<void> {
    if (this.row?.problem === undefined || this.isFrozen) return;
    await this.record.change((row = this.known()) => {
      const { problem, ...rest } = row;
      return rest;
    });
  }

  /** A view that turns out to be damaged is made anew: who waits for the sync waits for that. */
  async #follow(source: FetchSource, tips: Tips): Promise<void> {
    let given: FetchSource | undefined = source;
    const extend = async (): Promise<void> => {
      const mine = given ?? this.deps.upstreams.fetchSource(this.target);
      given = undefined;
      try {
        await this.#extend(mine, tips);
      } finally {
        mine.close();
      }
    };
    const epoch = this.row?.served?.epoch;
    try {
      await this.#withOriginals(this.deps.closing, extend);
    } catch (error) {
      if (!(error instanceof RefgateError) || error.code !== 'VIEW_DAMAGED' || epoch === undefined)
        throw error;
      await this.#abandon(epoch, error);
    }
  }

  /** Nobody reads this epoch any more, and another one is made from the originals. */
  async #abandon(epoch: number, why: unknown): Promise<void> {
    this.complain(why, 'a masked view is damaged, and made anew');
    await this.record.change((row = this.known()) => {
      const { served, ...rest } = row;
      return served?.epoch === epoch ? { ...rest, state: 'building' } : row;
    });
    this.remove(epoch);
    this.begin();
  }

  /** Something of a view could not be read: it is looked at behind everybody's back. Never throws. */
  suspect(epoch: number): void {
    const { clock, closing } = this.deps;
    if (this.row?.served?.epoch !== epoch || clock() - this.#suspectedAt < suspectAgain) return;
    this.#suspectedAt = clock();
    const look = async (): Promise<void> => {
      const endTurn = await this.turn(closing);
      try {
        if (this.row?.served?.epoch !== epoch || (await isSound(this.folder.view(epoch), closing))) return;
        await this.#abandon(
          epoch,
          new RefgateError('VIEW_DAMAGED', 'operator', 'a pack is not as it was written'),
        );
      } finally {
        endTurn();
      }
    };
    look().catch((err: unknown) => this.complain(err, 'a masked view could not be looked at'));
  }

  /**
   * Removes the rows where they cannot be read, and with them the view that is served: it could not be told any more what of it
   * is an original. The caller has the view made anew. Throws what the engine throws for another reason.
   */
  async removeDamagedRows(): Promise<void> {
    if (this.row === undefined) return;
    const endTurn = await this.turn(this.deps.closing);
    try {
      await this.ask('check', {});
    } catch (error) {
      if (!(error instanceof RefgateError) || error.code !== 'VIEW_DAMAGED') throw error;
      this.complain(error, 'rows of a masked view are damaged, and made anew');
      await this.deps.threads.release(this.folder.dir);
      await this.record.change((row = this.known()) => {
        const { served, making, ...rest } = row;
        return { ...rest, state: 'building' };
      });
      await rm(join(this.folder.dir, 'rows'), { recursive: true, force: true });
      for (const epoch of await this.folder.epochs()) this.remove(epoch);
    } finally {
      endTurn();
    }
  }

  #isSynced(tips: Tips): boolean {
    return this.synced !== undefined && sameTips(this.synced.upstream, tips);
  }

  async #extend(source: FetchSource, tips: Tips): Promise<void> {
    const signal = this.deps.closing;
    const onProgress = (progress: MaskProgress): void => {
      this.#syncing = progress;
    };
    const { format, served } = this.known();
    if (served === undefined) return;
    const isSettled = this.synced !== undefined;
    // Until it is done, nobody takes the view for one of these or those refs.
    this.#synced = undefined;
    const order = { tips, format, signal, onProgress, prune: true, isSettled };
    await fetchOriginals(() => source, this.folder.originals, order);
    const { epoch, allowed } = served;
    const result = await this.ask('extend', { tips, epoch, allowed }, { signal, onProgress });
    const counts = { ...countsOf(result), syncedAt: this.now() };
    await this.record.change((row = this.known()) => {
      const { problem, ...rest } = row;
      return row.served?.epoch === epoch ? { ...rest, served: { ...row.served, ...counts } } : row;
    });
    this.#synced = { epoch, upstream: tips, view: result.tips };
    this.#maintainLater(epoch);
  }

  #maintainLater(epoch: number): void {
    this.#maintenance.later({ view: this.folder.view(epoch), originals: this.folder.originals });
  }

  /** Scans what the upstream has now. Throws what the upstream and the engine throw, and the signal's reason. */
  async preview(signal: AbortSignal, onProgress: (progress: MaskProgress) => void): Promise<MaskPreview> {
    if (this.row?.enabled === true || this.row?.state === 'stopped') await this.#look(signal, onProgress);
    else await this.#awaitScan(signal, onProgress);
    const preview = await this.lastPreview();
    if (preview !== undefined) return preview;
    throw new RefgateError('CONFLICT', 'operator', `${this.repo} was not scanned; try again`);
  }

  async #awaitScan(signal: AbortSignal, onProgress: (progress: MaskProgress) => void): Promise<void> {
    const making = this.#begin();
    const endListening = making.listen(onProgress);
    making.done.catch(() => undefined);
    try {
      await within(making.scanned, 2 ** 31 - 1, signal);
    } finally {
      endListening();
    }
  }

  /** Beside what is served, or what is to be made. */
  async #look(signal: AbortSignal, onProgress: (progress: MaskProgress) => void): Promise<void> {
    const endTurn = await this.turn(signal);
    try {
      await lookBeside(this, signal, onProgress);
    } finally {
      endTurn();
    }
  }

  lastPreview(): Promise<MaskPreview | undefined> {
    return readPreview(this.deps.store, this.id);
  }

  /** Ends what is being made, and waits until it has. */
  async interrupt(): Promise<void> {
    const making = this.#making;
    making?.abort(new RefgateError('VIEW_NOT_READY', 'operator', `${this.repo} was interrupted; try again`));
    await making?.done.catch(() => undefined);
  }

  /** Changes the row by what an administrator decided, in one batch with the event. */
  async decide(change: (row: TargetRow) => TargetRow, event: RowEvent): Promise<void> {
    const before = this.row;
    await this.record.change((row) => change(row ?? this.known()), { event });
    const gone = [before?.served?.epoch, before?.making?.epoch].filter((epoch) => epoch !== undefined);
    const kept = [this.row?.served?.epoch, this.row?.making?.epoch];
    for (const epoch of gone) if (!kept.includes(epoch)) this.remove(epoch);
  }

  known(): TargetRow {
    if (this.row === undefined)
      throw new RefgateError('INTERNAL', 'refgate', 'nothing is known of a repository');
    return this.row;
  }

  now(): string {
    return new Date(this.deps.clock()).toISOString();
  }

  complain(err: unknown, phrase: string): void {
    if (!this.deps.closing.aborted) this.deps.log.error({ err, target: targetName(this.target) }, phrase);
  }
}

import { mkdir } from 'node:fs/promises';
import { RefgateError } from '../../domain/error.ts';
import type { Oid } from '../../domain/git.ts';
import type { MaskProgress } from '../../domain/mask.ts';
import type { BuildContext, BuildResult, ScanReport } from '../build/contract.ts';
import { maintainView } from '../build/maintain-view.ts';
import { readWatermark } from '../build/watermark.ts';
import { openGitObjects } from '../objects/cat-file.ts';
import type { GitObjects } from '../objects/git-objects.ts';
import { openWarmObjects } from '../objects/warm-objects.ts';
import { type Restored, restorePush } from '../restore/restore-push.ts';
import type { ViewRows } from '../rows/view-rows.ts';
import { buildCut, type CutResult } from '../serve/build-cut.ts';
import type { ViewFunction } from '../view/view-function.ts';
import type { FoundOid, RepoPlace, ViewCalls } from './messages.ts';
import type { ViewParts } from './parts.ts';
import { shownDigits } from './shown-digits.ts';
import { TargetFolder } from './target-folder.ts';

/** A view of so many commits is packed for clones when it is made; smaller ones can wait. */
const packedAtOnce = 1_000;

/** Of one question. */
export interface AskContext {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: MaskProgress) => void;
}

/**
 * The engine of one upstream repository: its rows, its originals, its views. Who asks sees to it that only one scan, build,
 * extension or restore runs at a time; the other questions may come meanwhile.
 */
export class RepoViews {
  readonly #parts: ViewParts;
  readonly #place: RepoPlace;
  readonly #folder: TargetFolder;
  readonly #key: Buffer;
  readonly #rows: ViewRows;
  #view: { readonly allowed: string; readonly view: ViewFunction } | undefined;
  #viewOfAll: ViewFunction | undefined;

  private constructor(parts: ViewParts, place: RepoPlace, folder: TargetFolder, key: Buffer, rows: ViewRows) {
    this.#parts = parts;
    this.#place = place;
    this.#folder = folder;
    this.#key = key;
    this.#rows = rows;
  }

  /** Throws CONFLICT where another process has it open, and CONFIG_INVALID where the key is lost (operator). */
  static async open(parts: ViewParts, place: RepoPlace): Promise<RepoViews> {
    const folder = new TargetFolder(place.dir);
    await mkdir(folder.temporary, { recursive: true, mode: 0o700 });
    const { rows, key } = await parts.openRows(place.dir, place.format);
    return new RepoViews(parts, place, folder, key, rows);
  }

  scan({ tips, allowed }: ViewCalls['scan']['ask'], context: AskContext): Promise<ScanReport> {
    return this.#parts.scan(this.#context(allowed, context), tips);
  }

  async build(
    { tips, epoch, allowed }: ViewCalls['build']['ask'],
    context: AskContext,
  ): Promise<BuildResult> {
    const built = await this.#parts.build({ ...this.#context(allowed, context), epoch }, tips);
    if (built.commits >= packedAtOnce) await this.#pack(epoch, context.signal);
    return built;
  }

  /** Before the first clone comes. What fails is done, and told, when the view is quiet. */
  async #pack(epoch: number, signal: AbortSignal): Promise<void> {
    await maintainView(this.#folder.view(epoch), signal).catch((error: unknown) => {
      if (signal.aborted) throw error;
    });
  }

  async extend(
    { tips, epoch, allowed }: ViewCalls['extend']['ask'],
    context: AskContext,
  ): Promise<BuildResult> {
    if (readWatermark(this.#rows, epoch) === undefined)
      throw new RefgateError('VIEW_DAMAGED', 'operator', 'its rows are not there any more');
    return await this.#parts.extend({ ...this.#context(allowed, context), epoch }, tips);
  }

  /** Of the refs that the view was made of last. */
  async cut({ epoch, allowed }: ViewCalls['cut']['ask'], context: AskContext): Promise<CutResult> {
    const tips = readWatermark(this.#rows, epoch)?.originals;
    if (tips === undefined)
      throw new RefgateError('INTERNAL', 'refgate', 'a view without a watermark is not cut');
    return await buildCut({ ...this.#context(allowed, context), epoch }, this.#folder.cut(epoch), tips);
  }

  async restore(ask: ViewCalls['restore']['ask'], { signal }: AskContext): Promise<Restored> {
    const { updates, epoch, pushed, folder: temporary } = ask;
    const { format } = this.#place;
    const view = this.#viewFunction(ask.allowed);
    const objects = [this.#folder.originals, this.#folder.view(epoch)].map((gitDir) =>
      openWarmObjects(gitDir, format, signal),
    );
    if (pushed !== undefined) objects.push(openGitObjects(pushed, format, { signal }));
    const [originals, views, held] = objects as [GitObjects, GitObjects, GitObjects?];
    try {
      const context = {
        format,
        view,
        viewOfAll: this.#viewFunction([]),
        rows: this.#rows,
        epoch,
        originals,
        views,
        pushed: held,
        temporary,
        signal,
      };
      return await restorePush(context, updates);
    } finally {
      for (const one of objects) one.close();
    }
  }

  /** Reads every row. */
  async check(): Promise<undefined> {
    await this.#rows.check();
  }

  async drop(epoch: number): Promise<undefined> {
    await this.#rows.dropEpoch(epoch);
  }

  /** Tokens that begin an affected original, each with the digits that are shown instead. */
  shown(epoch: number, tokens: readonly string[]): readonly (readonly [string, string])[] {
    const changed = tokens.map((token) => [token, shownDigits(this.#rows, epoch, token)] as const);
    return changed.filter(([token, shown]) => token !== shown);
  }

  /** Those that no row gives another original. */
  same(oids: readonly Oid[]): readonly Oid[] {
    return oids.filter((oid) => this.#rows.originalOf(oid) === undefined);
  }

  find({ epoch, id, limit }: ViewCalls['find']['ask']): readonly FoundOid[] {
    const originals = this.#rows
      .originalsFrom(id, epoch, limit)
      .map((original) => this.#pair(original, epoch));
    const views = this.#rows.viewsFrom(id, limit).map((view): FoundOid | undefined => {
      const row = this.#rows.originalOf(view);
      return row && { type: row.type, view, original: row.oid, asked: 'view' };
    });
    return [...originals, ...views].filter((one) => one !== undefined).slice(0, limit);
  }

  #pair(original: Oid, epoch: number): FoundOid | undefined {
    const row = this.#rows.viewOf(original, epoch);
    return row && { type: row.type, view: row.oid, original, asked: 'original' };
  }

  #context(allowed: readonly string[], { signal, onProgress }: AskContext): Omit<BuildContext, 'epoch'> {
    const { format } = this.#place;
    const view = this.#viewFunction(allowed);
    return { folder: this.#folder, format, view, rows: this.#rows, signal, onProgress };
  }

  #viewFunction(allowed: readonly string[]): ViewFunction {
    if (allowed.length === 0) {
      this.#viewOfAll ??= this.#parts.viewFunction(this.#place.format, this.#key, allowed);
      return this.#viewOfAll;
    }
    const name = allowed.join();
    if (this.#view?.allowed !== name)
      this.#view = { allowed: name, view: this.#parts.viewFunction(this.#place.format, this.#key, allowed) };
    return this.#view.view;
  }

  close(): Promise<void> {
    return this.#rows.close();
  }
}

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { RefgateError } from '../../domain/error.ts';
import type { ObjectFormat, ObjectType, Oid } from '../../domain/git.ts';
import { openGitObjects } from '../objects/cat-file.ts';
import { runGit } from '../objects/git-child.ts';
import type { GitObjects } from '../objects/git-objects.ts';
import { openWarmObjects } from '../objects/warm-objects.ts';
import type { BuildContext, BuildResult, Tips } from './contract.ts';
import { DirectWalk } from './direct-walk.ts';
import { orderTexts } from './order-texts.ts';
import { Progress } from './progress.ts';
import { copyClean, isConnected, makeRepository, setRefs, shownTips } from './view-repository.ts';
import { ViewWriter } from './view-writer.ts';
import { addPlaceholders, readWatermark, sameTips, type Watermark, writeWatermark } from './watermark.ts';

/** More clean objects than these are copied by git, which reuses their deltas. */
const mostOwn = 2_000;
const mostOwnBytes = 64 * 1024 * 1024;
const mostListBytes = 1024 * 1024 * 1024;
const asksAtOnce = 1_000;

/**
 * Brings the view of an epoch up to date with tips whose objects the originals hold. Does nothing where they are as
 * before. Gives the same refs as a build of the same tips, but where the text of what is shown already names an object that
 * came, or became affected, only later: it stays as it was shown. Throws as `buildView`, and VIEW_DAMAGED where something of
 * the view is not there any more: its refs are then as they were.
 */
export async function extendView(context: BuildContext, tips: Tips): Promise<BuildResult> {
  const { folder, epoch, format, rows, signal } = context;
  const before = readWatermark(rows, epoch);
  const gitDir = folder.view(epoch);
  if (before === undefined) await makeRepository(gitDir, format, signal);
  else if (!existsSync(join(gitDir, 'HEAD'))) throw damaged();
  if (before !== undefined && sameTips(before.originals, tips)) return await asBefore(context, before);
  const originals = openWarmObjects(folder.originals, format, signal);
  const views = openWarmObjects(gitDir, format, signal);
  const writer = new ViewWriter(context);
  try {
    const increment = new Increment({ context, writer, originals, views, before });
    return await increment.run(tips);
  } finally {
    writer.abort();
    originals.close();
    views.close();
  }
}

const damaged = (): RefgateError =>
  new RefgateError('VIEW_DAMAGED', 'operator', 'objects of it are not on disk any more');

/** What the refs name is looked at all the same: it was another process that wrote it. */
async function asBefore({ folder, epoch, format, signal }: BuildContext, { result }: Watermark) {
  const gitDir = folder.view(epoch);
  const views = openGitObjects(gitDir, format, { signal });
  try {
    for (const oid of oidsOf(result.tips.refs)) if ((await views.info(oid)) === undefined) throw damaged();
  } finally {
    views.close();
  }
  await setRefs(gitDir, result.tips, signal);
  return result;
}

interface IncrementParts {
  readonly context: BuildContext;
  readonly writer: ViewWriter;
  readonly originals: GitObjects;
  readonly views: GitObjects;
  readonly before: Watermark | undefined;
}

class Increment {
  readonly #parts: IncrementParts;
  /** Clean objects that git copies, since there are many. */
  readonly #toCopy: Oid[] = [];
  #ownCount = 0;
  #ownBytes = 0;

  constructor(parts: IncrementParts) {
    this.#parts = parts;
  }

  async run(tips: Tips): Promise<BuildResult> {
    const { context, writer, before } = this.#parts;
    const { rows, epoch, folder, signal } = context;
    const shown = shownTips(context, tips);
    const shownBefore = before === undefined ? [] : shownTips(context, before.originals).tips.refs;
    const news = oidsOf(shown.tips.refs);
    const olds = oidsOf(shownBefore);
    const added = await this.#list(news, olds);
    const commits = await this.#decide(added, news);
    const fresh = addPlaceholders(rows, epoch, writer.placeholders);
    await writer.flush(fresh.write);
    if (this.#toCopy.length > 0) await copyClean(context, this.#toCopy);
    const refs = shown.tips.refs.map(({ ref, oid }) => ({ ref, oid: writer.viewOf(oid) ?? oid }));
    const viewTips = { ...shown.tips, refs };
    await this.#checkLinks(viewTips);
    await setRefs(folder.view(epoch), viewTips, signal);
    const gone = await this.#countGone(news, olds, commits);
    const result: BuildResult = {
      tips: viewTips,
      commits: (before?.result.commits ?? 0) + commits.count - gone.count,
      changedCommits: (before?.result.changedCommits ?? 0) + commits.changed - gone.changed,
      values: fresh.count,
      unscanned: fresh.unscanned,
      hiddenRefs: shown.hiddenRefs,
    };
    await writeWatermark(rows, epoch, { originals: tips, result });
    return result;
  }

  /** What the rows have lost would be a link to an original: such a view is not shown. */
  async #checkLinks({ refs }: Tips): Promise<void> {
    const { context, before } = this.#parts;
    const { folder, epoch, signal } = context;
    const known = oidsOf(before?.result.tips.refs ?? []);
    const fresh = [...oidsOf(refs)].filter((oid) => !known.has(oid));
    const asked = [...fresh, ...[...known].map((oid) => `^${oid}`)];
    if (fresh.length > 0 && !(await isConnected(folder.view(epoch), asked, signal))) throw damaged();
  }

  /** What the new tips reach and the old ones do not: commits first, parents before their children. */
  async #list(news: ReadonlySet<Oid>, olds: ReadonlySet<Oid>): Promise<readonly Oid[]> {
    const wanted = [...news].filter((oid) => !olds.has(oid));
    if (wanted.length === 0) return [];
    const { folder, signal } = this.#parts.context;
    const input = [...wanted, ...[...olds].map((oid) => `^${oid}`)].join('\n');
    const args = [
      'rev-list',
      '--objects',
      '--no-object-names',
      '--topo-order',
      '--reverse',
      '--ignore-missing',
    ];
    const listed = await runGit(folder.originals, [...args, '--stdin'], {
      input: `${input}\n`,
      signal,
      maxBytes: mostListBytes,
    });
    return linesOf(listed);
  }

  async #decide(added: readonly Oid[], news: ReadonlySet<Oid>): Promise<CommitCount> {
    const { context, writer, originals } = this.#parts;
    const all = [...new Set([...added, ...news])];
    const types = await this.#typesOf(added);
    const fresh = await this.#unknown(added, types);
    const walk = new DirectWalk({
      context,
      writer,
      originals,
      fresh,
      onClean: (type, oid, content) => this.#keep(type, oid, content),
    });
    const progress = new Progress(context.onProgress, {
      step: 'rewrite',
      unit: 'objects',
      total: all.length,
    });
    const ofType = (type: ObjectType): readonly Oid[] => added.filter((oid) => types.get(oid) === type);
    const decide = async (oid: Oid): Promise<void> => {
      await walk.decide(types.get(oid) as ObjectType, oid);
      progress.add(1);
      await writer.drain();
    };
    for (const type of ['blob', 'tree'] as const) for (const oid of ofType(type)) await decide(oid);
    const commits = ofType('commit');
    const texts = [...commits, ...ofType('tag')];
    const freshTexts = texts.filter((oid) => fresh.has(oid));
    for (const oid of await orderTexts(originals, context.format, freshTexts)) await decide(oid);
    progress.add(texts.length - freshTexts.length);
    const changed = commits.filter((oid) => writer.viewOf(oid) !== undefined).length;
    return { oids: commits, count: commits.length, changed };
  }

  async #typesOf(added: readonly Oid[]): Promise<ReadonlyMap<Oid, ObjectType>> {
    const types = new Map<Oid, ObjectType>();
    await this.#askAll(added, async (oid) => {
      const info = await this.#parts.originals.info(oid);
      if (info !== undefined) types.set(oid, info.type);
    });
    return types;
  }

  /** Those of which neither the rows nor the view know anything: not those of an earlier call that did not come to its end. */
  async #unknown(added: readonly Oid[], types: ReadonlyMap<Oid, ObjectType>): Promise<Set<Oid>> {
    const { writer, views, context } = this.#parts;
    const { format } = context;
    const fresh = new Set(types.keys());
    await this.#askAll(added, async (oid) => {
      const pair = writer.pairOf(oid);
      if (oid === emptyTrees[format] || (pair === undefined && writer.isRewritten(oid))) return;
      if ((await views.info(pair?.oid ?? oid)) !== undefined) fresh.delete(oid);
    });
    return fresh;
  }

  async #askAll(oids: readonly Oid[], ask: (oid: Oid) => Promise<void>): Promise<void> {
    for (let at = 0; at < oids.length; at += asksAtOnce)
      await Promise.all(oids.slice(at, at + asksAtOnce).map(ask));
  }

  #keep(type: ObjectType, oid: Oid, content: Buffer): void {
    this.#ownCount++;
    this.#ownBytes += content.length;
    if (this.#ownCount > mostOwn || this.#ownBytes > mostOwnBytes) this.#toCopy.push(oid);
    else this.#parts.writer.clean(type, oid, content);
  }

  /** Commits that no tip reaches any more. Where every old tip is one still, or a parent of what came, there are none. */
  async #countGone(
    news: ReadonlySet<Oid>,
    olds: ReadonlySet<Oid>,
    commits: CommitCount,
  ): Promise<Pick<CommitCount, 'count' | 'changed'>> {
    const { context, writer, originals } = this.#parts;
    const left = [...olds].filter((oid) => !news.has(oid));
    if (left.length === 0) return { count: 0, changed: 0 };
    const continued = new Set<Oid>();
    for (const oid of commits.oids.slice(0, asksAtOnce)) {
      const text = (await originals.read(oid))?.content.toString('latin1') ?? '';
      for (const [, parent] of text.matchAll(/^parent ([0-9a-f]+)$/gm)) continued.add(parent as Oid);
    }
    if (left.every((oid) => continued.has(oid))) return { count: 0, changed: 0 };
    const input = `${[...left, ...[...news].map((oid) => `^${oid}`)].join('\n')}\n`;
    const args = ['rev-list', '--ignore-missing', '--stdin'];
    const { folder, signal } = context;
    const gone = linesOf(await runGit(folder.originals, args, { input, signal, maxBytes: mostListBytes }));
    return { count: gone.length, changed: gone.filter((oid) => writer.viewOf(oid) !== undefined).length };
  }
}

interface CommitCount {
  readonly oids: readonly Oid[];
  readonly count: number;
  readonly changed: number;
}

/** Git says that it has it, also where it is not on disk. */
const emptyTrees: Readonly<Record<ObjectFormat, Oid>> = {
  sha1: '4b825dc642cb6eb9a060e54bf8d69288fbee4904',
  sha256: '6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321',
};

const oidsOf = (refs: Tips['refs']): ReadonlySet<Oid> => new Set(refs.map(({ oid }) => oid));

const linesOf = (bytes: Buffer): Oid[] =>
  bytes
    .toString('latin1')
    .split('\n')
    .filter((line) => line !== '');

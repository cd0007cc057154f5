import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { RefgateError } from '../../domain/error.ts';
import type { ObjectType, Oid } from '../../domain/git.ts';
import { openGitObjects, readObjects } from '../objects/cat-file.ts';
import type { GitObject } from '../objects/git-objects.ts';
import type { MaskedContent, NamedOids } from '../view/view-function.ts';
import { CommitGraph } from './commit-graph.ts';
import type { BuildContext, BuildResult, Tips } from './contract.ts';
import { DirectWalk, linksOf } from './direct-walk.ts';
import { DirtyTrees } from './dirty-trees.ts';
import { extendView } from './extend-view.ts';
import { walkHistory } from './history.ts';
import { commitLinks, namedOids, tagLinks } from './links.ts';
import { NameVerdicts } from './name-verdicts.ts';
import { NamingOrder } from './naming-order.ts';
import { OidTable } from './oid-table.ts';
import { Progress } from './progress.ts';
import { findReachable, listAll, type Reachable } from './reachable.ts';
import { copyClean, isConnected, makeRepository, setRefs, shownTips } from './view-repository.ts';
import { ViewWriter } from './view-writer.ts';
import { addPlaceholders, forget, readWatermark, writeWatermark } from './watermark.ts';

/**
 * Makes the view of an epoch from the originals, or goes on where an earlier call was stopped. When it returns, the view
 * and its rows are on disk and its refs are set. Throws INTERNAL (refgate), OBJECT_MALFORMED (upstream), and the signal's reason.
 */
export async function buildView(context: BuildContext, tips: Tips): Promise<BuildResult> {
  const { folder, epoch, format, rows, signal } = context;
  const gitDir = folder.view(epoch);
  if (readWatermark(rows, epoch) !== undefined) {
    if (existsSync(join(gitDir, 'HEAD'))) return extendView(context, tips);
    await forget(rows, epoch);
  }
  await makeRepository(gitDir, format, signal);
  const shown = shownTips(context, tips);
  const build = new FirstBuild(context, shown.tips);
  try {
    const counts = await build.run();
    const views = shown.tips.refs.map(({ ref, oid }) => ({ ref, oid: build.writer.viewOf(oid) ?? oid }));
    if (!(await isConnected(gitDir, [...new Set(views.map(({ oid }) => oid))], signal))) {
      return await rebuildDirectly(context, tips);
    }
    const viewTips = { ...shown.tips, refs: views };
    await setRefs(gitDir, viewTips, signal);
    const result = { ...counts, tips: viewTips, hiddenRefs: shown.hiddenRefs };
    await writeWatermark(rows, epoch, { originals: tips, result });
    return result;
  } finally {
    build.writer.abort();
  }
}

/** A history in which git's comparison of trees misses something, since its trees are not in order: every tree is read. */
async function rebuildDirectly(context: BuildContext, tips: Tips): Promise<BuildResult> {
  const { folder, epoch, format, rows, signal } = context;
  await forget(rows, epoch);
  await rm(folder.view(epoch), { recursive: true, force: true });
  await makeRepository(folder.view(epoch), format, signal);
  return extendView(context, tips);
}

class FirstBuild {
  readonly writer: ViewWriter;
  readonly #context: BuildContext;
  readonly #tips: Tips;
  readonly #present: OidTable;

  constructor(context: BuildContext, tips: Tips) {
    this.#context = context;
    this.#tips = tips;
    this.writer = new ViewWriter(context);
    this.#present = new OidTable(context.format);
  }

  async run(): Promise<Pick<BuildResult, 'commits' | 'changedCommits' | 'values' | 'unscanned'>> {
    const { folder, epoch, format, signal } = this.#context;
    for await (const lines of listAll(folder.view(epoch), signal))
      for (const line of lines) this.#present.add(line.slice(line.lastIndexOf(' ') + 1));
    const oids = [...new Set(this.#tips.refs.map(({ oid }) => oid))];
    const reachable = await findReachable(folder.originals, format, oids, signal);
    await this.#maskBlobs(reachable);
    const tags = await this.#readTags(reachable);
    const { graph, trees } = await this.#comparePast(reachable, tags);
    await this.#maskTrees(trees);
    await this.#maskTaggedTrees(reachable, tags, trees);
    await this.#maskTexts(graph, await this.#order(reachable, graph, tags));
    await this.#flush();
    await this.#copy(reachable, ['tree', 'commit', 'tag']);
    const changed = graph.order.filter(
      (commit) => this.writer.pairOf(reachable.table.at(commit)) !== undefined,
    );
    const { count: values, unscanned } = addPlaceholders(this.#context.rows, epoch, new Set());
    return { commits: graph.order.length, changedCommits: changed.length, values, unscanned };
  }

  /** Whether an earlier call put the view of an affected object there. */
  #isMasked(oid: Oid): boolean {
    const pair = this.writer.pairOf(oid);
    return pair !== undefined && this.#present.has(pair.oid);
  }

  #isThere(oid: Oid): boolean {
    return this.#present.has(oid) && !this.writer.isRewritten(oid);
  }

  async #flush(): Promise<void> {
    const { rows, epoch } = this.#context;
    await this.writer.flush(addPlaceholders(rows, epoch, this.writer.placeholders).write);
  }

  async #maskBlobs(reachable: Reachable): Promise<void> {
    const { context, writer } = { context: this.#context, writer: this.writer };
    const oids = reachable
      .ofType('blob')
      .map((number) => reachable.table.at(number))
      .filter((oid) => !this.#isMasked(oid) && !this.#isThere(oid));
    const progress = this.#progress('scan', 'objects', oids.length);
    for await (const blob of this.#read(oids)) {
      const masked = 'tooLarge' in blob ? context.view.unread(blob.oid) : context.view.blob(blob.content);
      if (masked !== undefined) await writer.masked('blob', blob.oid, masked);
      progress.add(1);
    }
    await this.#flush();
    await this.#copy(reachable, ['blob']);
  }

  /** Tags that are reached, with what they name. */
  async #readTags(reachable: Reachable): Promise<ReadonlyMap<Oid, ReadTag>> {
    const tags = new Map<Oid, ReadTag>();
    const oids = reachable.ofType('tag').map((number) => reachable.table.at(number));
    for await (const tag of this.#read(oids)) {
      const { oid, content } = whole(tag);
      tags.set(oid, { content, target: tagLinks(oid, content) });
    }
    return tags;
  }

  async #comparePast(
    { table, typeOf }: Reachable,
    tags: ReadonlyMap<Oid, ReadTag>,
  ): Promise<{ graph: CommitGraph; trees: DirtyTrees }> {
    const { folder, signal, view } = this.#context;
    const graph = new CommitGraph(table);
    const names = new NameVerdicts((name) => view.name(name) !== undefined);
    const isDirtyBlob = (oid: Oid): boolean => this.writer.contentViewOf(oid) !== undefined;
    const trees = new DirtyTrees(table, isDirtyBlob, (name) => names.of(name));
    const targets = [...tags.values()].map(({ target }) => target.oid);
    const starts = [...this.#tips.refs.map(({ oid }) => oid), ...targets];
    const commits = [...new Set(starts.filter((oid) => typeOf(table.find(oid)) === 'commit'))];
    const progress = this.#progress('compare', 'commits');
    for await (const step of walkHistory(folder.originals, commits, signal)) {
      const [first] = step.parents;
      trees.take(step, first === undefined ? undefined : graph.treeOf(first));
      graph.add(
        table.find(step.commit),
        table.find(step.tree),
        step.parents.map((oid) => table.find(oid)),
      );
      progress.add(1);
    }
    return { graph, trees };
  }

  async #maskTrees(trees: DirtyTrees): Promise<void> {
    const { view } = this.#context;
    const dirty = trees.order.filter(({ oid }) => !this.#isMasked(oid));
    const progress = this.#progress('rewrite', 'objects', dirty.length);
    let at = 0;
    for await (const object of this.#read(dirty.map(({ oid }) => oid))) {
      const { oid, content } = whole(object);
      const masked = view.tree(content, this.writer.contentViewOf);
      if (masked !== undefined) await this.writer.tree(oid, masked, dirty[at]?.before);
      at++;
      progress.add(1);
    }
  }

  /** Trees that no commit has. */
  async #maskTaggedTrees(
    { table, typeOf, ofType }: Reachable,
    tags: ReadonlyMap<Oid, ReadTag>,
    trees: DirtyTrees,
  ): Promise<void> {
    const { folder, format, signal } = this.#context;
    const targets = [...tags.values()].map(({ target }) => target.oid);
    const roots = [...this.#tips.refs.map(({ oid }) => oid), ...targets].filter(
      (oid) => typeOf(table.find(oid)) === 'tree',
    );
    if (roots.length === 0) return;
    const all = ofType('tree').map((number) => table.at(number));
    const fresh = new Set(all.filter((oid) => !trees.isDecided(oid) && !this.#isMasked(oid)));
    const originals = openGitObjects(folder.originals, format, { signal });
    const parts = { context: this.#context, writer: this.writer, originals, fresh, onClean: () => {} };
    try {
      const walk = new DirectWalk(parts);
      for (const oid of roots) await walk.decide('tree', oid);
    } finally {
      originals.close();
    }
  }

  /** Commits and tags, each behind what it links to and what its text names. */
  async #order(
    { table, typeOf, ofType }: Reachable,
    graph: CommitGraph,
    tags: ReadonlyMap<Oid, ReadTag>,
  ): Promise<readonly Oid[]> {
    const order = new NamingOrder();
    const isText = (number: number): boolean =>
      number >= 0 && (typeOf(number) === 'commit' || typeOf(number) === 'tag');
    const texts = [...graph.order, ...ofType('tag')];
    for await (const object of this.#read(texts.map((number) => table.at(number)))) {
      const { oid, type, content } = whole(object);
      const named = [...namedOids(type as 'commit' | 'tag', content, this.#context.format)];
      order.add(
        table.find(oid),
        named.map((one) => table.find(one)).filter((number) => isText(number)),
      );
    }
    const targetOf = (tag: number): readonly number[] => {
      const target = tags.get(table.at(tag))?.target.oid;
      return target === undefined ? [] : [table.find(target)].filter((number) => isText(number));
    };
    const linksOf = (number: number) =>
      typeOf(number) === 'tag' ? targetOf(number) : graph.parentsOf(number);
    return order.sort(texts, linksOf).map((number) => table.at(number));
  }

  async #maskTexts(graph: CommitGraph, order: readonly Oid[]): Promise<void> {
    const { writer } = this;
    const { rows } = this.#context;
    const oids = order.filter((oid) => !this.#isMasked(oid));
    const progress = this.#progress('rewrite', 'commits', oids.length);
    for await (const object of this.#read(oids)) {
      const { oid, type, content } = whole(object);
      const text = type === 'tag' ? type : 'commit';
      const pin = rows.pinOf(oid);
      if (pin !== undefined) writer.affected(text, oid, pin.content);
      else {
        const masked =
          text === 'tag' ? this.#maskedTag(oid, content, graph) : this.#maskedCommit(oid, content, graph);
        if (masked !== undefined) await writer.masked(text, oid, masked);
      }
      progress.add(1);
    }
  }

  #maskedCommit(oid: Oid, content: Buffer, graph: CommitGraph): MaskedContent | undefined {
    const { tree, parents } = commitLinks(oid, content);
    const named = this.#named('commit', content, (oids) => graph.ancestorsAmong(oids, oid));
    return this.#context.view.commit(content, linksOf(this.writer, tree, parents), named);
  }

  #maskedTag(tag: Oid, content: Buffer, graph: CommitGraph): MaskedContent | undefined {
    const target = tagLinks(tag, content);
    const named = this.#named('tag', content, (oids) => {
      if (target.type !== 'commit') return new Set();
      const before = graph.ancestorsAmong(oids, target.oid);
      return new Set([...oids].filter((oid) => oid === target.oid || before.has(oid)));
    });
    return this.#context.view.tag(content, this.writer.viewOf, named);
  }

  #named(
    type: 'commit' | 'tag',
    content: Buffer,
    ancestorsAmong: (oids: ReadonlySet<Oid>) => ReadonlySet<Oid>,
  ): NamedOids {
    const { writer } = this;
    const originals = new Map<Oid, Oid>();
    for (const oid of namedOids(type, content, this.#context.format)) {
      const original = writer.commitViewOf(oid) === undefined ? writer.commitBehind(oid) : oid;
      if (original !== undefined) originals.set(oid, original);
    }
    const ancestors = originals.size === 0 ? new Set() : ancestorsAmong(new Set(originals.values()));
    const viewOfAncestor = (oid: Oid): Oid | undefined => {
      const original = originals.get(oid);
      return original !== undefined && ancestors.has(original) ? writer.commitViewOf(original) : undefined;
    };
    return { viewOfAncestor, isAffected: writer.isAffected };
  }

  /** What is shown as it is, and not there yet. */
  async #copy(reachable: Reachable, types: readonly ObjectType[]): Promise<void> {
    const clean: Oid[] = [];
    for (const type of types)
      for (const number of reachable.ofType(type)) {
        const oid = reachable.table.at(number);
        if (this.writer.pairOf(oid) === undefined && !this.#present.has(oid)) clean.push(oid);
      }
    this.#progress('copy', 'objects', clean.length);
    if (clean.length > 0) await copyClean(this.#context, clean);
  }

  async *#read(
    oids: readonly Oid[],
  ): AsyncGenerator<GitObject | { readonly oid: Oid; readonly tooLarge: true }> {
    if (oids.length === 0) return;
    const { folder, signal } = this.#context;
    let count = 0;
    for await (const object of readObjects(folder.originals, oids, { signal })) {
      if ('missing' in object) throw missing(object.oid);
      yield object;
      if (++count % 256 === 0) await this.writer.drain();
    }
  }

  #progress(
    step: 'scan' | 'compare' | 'rewrite' | 'copy',
    unit: 'objects' | 'commits',
    total?: number,
  ): Progress {
    return new Progress(this.#context.onProgress, { step, unit, ...(total === undefined ? {} : { total }) });
  }
}

interface ReadTag {
  readonly content: Buffer;
  readonly target: { readonly oid: Oid; readonly type: ObjectType };
}

function whole(object: GitObject | { readonly oid: Oid; readonly tooLarge: true }): GitObject {
  if ('content' in object) return object;
  throw new RefgateError(
    'LIMIT_EXCEEDED',
    'operator',
    `the object ${object.oid} of the upstream is too large`,
  );
}

function missing(oid: Oid): RefgateError {
  return new RefgateError('INTERNAL', 'refgate', `the originals do not hold ${oid}`);
}

import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { RefgateError } from '../../domain/error.ts';
import type { ObjectType, Oid } from '../../domain/git.ts';
import { openGitObjects, readObjects } from '../objects/cat-file.ts';
import type { GitObject } from '../objects/git-objects.ts';
import { CommitGraph } from './commit-graph.ts';
import type { BuildContext, BuildResult, Tips } from './contract.ts';
import { DirectWalk, linksOf } from './direct-walk.ts';
import { DirtyTrees } from './dirty-trees.ts';
import { extendView } from './extend-view.ts';
import { walkHistory } from './history.ts';
import { commitLinks, tagLinks } from './links.ts';
import { NameVerdicts } from './name-verdicts.ts';
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

  async run(): Promise<Pick<BuildResult, 'commits' | 'changedCommits' | 'values'>> {
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
    await this.#maskCommits(reachable, graph);
    await this.#maskTags(tags, graph);
    await this.#flush();
    await this.#copy(reachable, ['tree', 'commit', 'tag']);
    const changed = graph.order.filter(
      (commit) => this.writer.pairOf(reachable.table.at(commit)) !== undefined,
    );
    const { count: values } = addPlaceholders(this.#context.rows, epoch, new Set());
    return { commits: graph.order.length, changedCommits: changed.length, values };
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

  async #maskCommits({ table }: Reachable, graph: CommitGraph): Promise<void> {
    const { writer } = this;
    const { view, rows } = this.#context;
    const oids = graph.order.map((commit) => table.at(commit)).filter((oid) => !this.#isMasked(oid));
    const progress = this.#progress('rewrite', 'commits', oids.length);
    for await (const object of this.#read(oids)) {
      const { oid, content } = whole(object);
      const pin = rows.pinOf(oid);
      if (pin !== undefined) writer.affected('commit', oid, pin.content);
      else {
        const { tree, parents } = commitLinks(oid, content);
        const masked = view.commit(content, linksOf(writer, tree, parents), (named) =>
          this.#ancestor(named, (original) => graph.isAncestor(original, oid)),
        );
        if (masked !== undefined) await writer.masked('commit', oid, masked);
      }
      progress.add(1);
    }
  }

  #ancestor(named: Oid, isAncestor: (original: Oid) => boolean): Oid | undefined {
    const view = this.writer.commitViewOf(named);
    if (view !== undefined) return isAncestor(named) ? view : undefined;
    const original = this.writer.commitBehind(named);
    return original !== undefined && isAncestor(original) ? named : undefined;
  }

  async #maskTags(tags: ReadonlyMap<Oid, ReadTag>, graph: CommitGraph): Promise<void> {
    const done = new Set<Oid>();
    const mask = async (oid: Oid): Promise<void> => {
      const tag = tags.get(oid);
      if (tag === undefined || done.has(oid)) return;
      done.add(oid);
      await mask(tag.target.oid);
      if (!this.#isMasked(oid)) await this.#maskTag(oid, tag, graph);
    };
    for (const oid of tags.keys()) await mask(oid);
  }

  async #maskTag(oid: Oid, { content, target }: ReadTag, graph: CommitGraph): Promise<void> {
    const { view, rows } = this.#context;
    const pin = rows.pinOf(oid);
    if (pin !== undefined) {
      this.writer.affected('tag', oid, pin.content);
      return;
    }
    const masked = view.tag(content, this.writer.viewOf, (named) =>
      this.#ancestor(named, (original) => original === target.oid || graph.isAncestor(original, target.oid)),
    );
    if (masked !== undefined) await this.writer.masked('tag', oid, masked);
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

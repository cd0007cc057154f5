import { RefgateError } from '../../domain/error.ts';
import type { Oid } from '../../domain/git.ts';
import type { BuildContext, Tips } from '../build/contract.ts';
import type { GitObject, GitObjects } from '../objects/git-objects.ts';

/** The newest history of some refs that holds no secret. */
export interface CleanHistory {
  /** Refs whose own tip holds none. */
  readonly tips: Tips;
  /** What is to be added: tips, tags with them, that the cut does not hold yet. */
  readonly roots: ReadonlySet<Oid>;
  readonly commits: ReadonlySet<Oid>;
  readonly tags: ReadonlySet<Oid>;
  /** Of the commits, those whose parents are not shown. */
  readonly boundary: ReadonlySet<Oid>;
}

/** Where objects are read. */
export interface CleanReaders {
  readonly originals: GitObjects;
  readonly view: GitObjects;
  /** The cut as it is: what it holds was found clean before, and so was all that it reaches there. */
  readonly cut: GitObjects;
}

interface CleanCommit {
  readonly parents: readonly Oid[];
}

const same = (): undefined => undefined;
const header = /^tree ([0-9a-f]{40,64})\n((?:parent [0-9a-f]{40,64}\n)*)/;
const tagHeader = /^object ([0-9a-f]{40,64})\ntype /;

/** Tells what of a history may be in a cut. Fails closed: what is not known to be clean is not. */
export class CleanObjects {
  readonly #context: Pick<BuildContext, 'view' | 'rows' | 'epoch'>;
  readonly #readers: CleanReaders;
  readonly #commits = new Map<Oid, Promise<CleanCommit | undefined>>();

  constructor(context: Pick<BuildContext, 'view' | 'rows' | 'epoch'>, readers: CleanReaders) {
    this.#context = context;
    this.#readers = readers;
  }

  /** Whether a blob or a tree is in the view as it is; all that a tree reaches is then. */
  async isSame(oid: Oid): Promise<boolean> {
    const { rows, epoch } = this.#context;
    if (rows.viewOf(oid, epoch) !== undefined || rows.originalOf(oid) !== undefined) return false;
    return (await this.#readers.view.info(oid)) !== undefined;
  }

  /** The commit, if neither its files nor its own text hold anything that is masked; whatever came before it. */
  commit(oid: Oid): Promise<CleanCommit | undefined> {
    const known = this.#commits.get(oid) ?? this.#read(oid);
    this.#commits.set(oid, known);
    return known;
  }

  async #read(oid: Oid): Promise<CleanCommit | undefined> {
    const object = await this.#object(oid);
    if (object?.type !== 'commit') return undefined;
    const [, tree, parents] = header.exec(object.content.toString('latin1')) ?? [];
    if (tree === undefined || parents === undefined || !(await this.isSame(tree))) return undefined;
    if (this.#context.view.commit(object.content, same) !== undefined) return undefined;
    return { parents: parents.split('\n').flatMap((line) => (line === '' ? [] : [line.slice(7)])) };
  }

  /** What a tip leads to, tags on the way with it; undefined where something on the way is not clean. */
  async tip(oid: Oid): Promise<{ readonly tags: readonly Oid[]; readonly commit?: Oid } | undefined> {
    const tags: Oid[] = [];
    for (let at = oid; ; ) {
      const object = await this.#object(at);
      if (object === undefined) return undefined;
      if (object.type === 'commit')
        return (await this.commit(at)) === undefined ? undefined : { tags, commit: at };
      if (object.type !== 'tag') return (await this.isSame(at)) ? { tags } : undefined;
      const target = tagHeader.exec(object.content.toString('latin1'))?.[1];
      if (target === undefined || this.#context.view.tag(object.content, same) !== undefined)
        return undefined;
      tags.push(at);
      at = target;
    }
  }

  async #object(oid: Oid): Promise<GitObject | undefined> {
    try {
      return await this.#readers.originals.read(oid);
    } catch (error) {
      if (error instanceof RefgateError && error.code === 'LIMIT_EXCEEDED') return undefined;
      throw error;
    }
  }
}

/** Walks from the tips to where a parent is not clean. A commit with one such parent is shown without any. */
export async function findCleanHistory(
  clean: CleanObjects,
  readers: CleanReaders,
  { refs, head }: Tips,
): Promise<CleanHistory> {
  const [shown, roots, tags]: [Tips['refs'][number][], Set<Oid>, Set<Oid>] = [[], new Set(), new Set()];
  let layer = new Set<Oid>();
  for (const one of refs) {
    const tip = await clean.tip(one.oid);
    if (tip === undefined) continue;
    shown.push(one);
    for (const tag of tip.tags) tags.add(tag);
    if ((await readers.cut.info(one.oid)) !== undefined) continue;
    roots.add(one.oid);
    if (tip.commit !== undefined) layer.add(tip.commit);
  }
  const [commits, boundary] = [new Set<Oid>(), new Set<Oid>()];
  while (layer.size > 0) {
    const next = await Promise.all([...layer].map((oid) => step(clean, readers, oid)));
    for (const { oid, isKnown } of next) if (!isKnown) commits.add(oid);
    for (const { oid, isCut } of next) if (isCut) boundary.add(oid);
    layer = new Set(next.flatMap(({ parents }) => parents.filter((oid) => !commits.has(oid))));
  }
  const tips: Tips =
    shown.some(({ ref }) => ref === head) && head !== undefined ? { refs: shown, head } : { refs: shown };
  return { tips, roots, commits, tags, boundary };
}

interface Step {
  readonly oid: Oid;
  /** The cut has it, with what it reaches there. */
  readonly isKnown: boolean;
  readonly isCut: boolean;
  /** To go on with. */
  readonly parents: readonly Oid[];
}

async function step(clean: CleanObjects, { cut }: CleanReaders, oid: Oid): Promise<Step> {
  if ((await cut.info(oid)) !== undefined) return { oid, isKnown: true, isCut: false, parents: [] };
  const commit = await clean.commit(oid);
  if (commit === undefined)
    throw new RefgateError('INTERNAL', 'refgate', `${oid} is not clean, and was reached`);
  const parents = await Promise.all(commit.parents.map((parent) => clean.commit(parent)));
  const isCut = parents.some((parent) => parent === undefined);
  return { oid, isKnown: false, isCut, parents: isCut ? [] : commit.parents };
}

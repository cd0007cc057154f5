import type { Oid } from '../../domain/git.ts';
import { placeholdersIn } from '../view/masked-lines.ts';
import { literalRule } from '../view/placeholder.ts';
import { DeletedFiles } from './deleted-files.ts';
import { OldTips } from './old-tips.ts';
import { type PairedEntry, type PairedTree, PairedTrees, type TreePair } from './paired-trees.ts';
import { PastFiles } from './past-files.ts';
import { foreign, newSecret, notRestored, type Place, shortOid } from './refusal.ts';
import { type EarlyUse, FileRestorer } from './restore-file.ts';
import type { Sides } from './sides.ts';
import { formatTree, joinPath, parseTree, type TreeEntry, textOf } from './tree-entries.ts';

/** The commit or tag whose tree is restored. */
interface TreeOwner {
  /** As the client has it. */
  readonly object: Oid;
  /** It was made on a view that was replaced by a newer one, and need not look as that one does. */
  readonly isOld: boolean;
  readonly deleted: DeletedFiles;
  /** Its parents, on the original side. */
  readonly parents: readonly Oid[];
}

/** A folder of the tree, on both sides; latin1. */
interface Folder {
  readonly viewPath: string;
  readonly path: string;
  /** The same folder in the parents. */
  readonly parents: readonly TreePair[];
}

/** An entry of the pushed tree, with what the parents have under its name. */
interface Spot {
  readonly entry: TreeEntry;
  readonly name: string;
  readonly before: readonly PairedEntry[];
}

const maxCleanNames = 100_000;
const maxDepth = 4_096;

/** Restores trees: what a parent has at the same path is taken from there, and everything else is restored. */
export class TreeRestorer {
  readonly #sides: Sides;
  readonly #trees: PairedTrees;
  readonly #files: FileRestorer;
  readonly #cleanNames = new Set<string>();
  readonly #past: PastFiles;
  /** What the refs of the push held before. */
  readonly oldTips: OldTips;

  constructor(sides: Sides, onUse: (use: EarlyUse) => void) {
    this.#sides = sides;
    this.#trees = new PairedTrees(sides);
    this.oldTips = new OldTips(this.#trees);
    this.#files = new FileRestorer(sides, onUse);
    this.#past = new PastFiles(sides);
  }

  /** The original of a whole tree. Throws VIEW_* and LIMIT_EXCEEDED (client). */
  restore(
    object: Oid,
    tree: Oid,
    parents: readonly TreePair[],
    isOld: boolean,
    commits: readonly Oid[] = [],
  ): Promise<Oid> {
    const deleted = new DeletedFiles(this.#sides, this.#trees, tree, parents[0]);
    return this.#tree(
      tree,
      { viewPath: '', path: '', parents },
      { object, isOld, deleted, parents: commits },
      0,
    );
  }

  /** The original of a blob that a tag or a ref names. */
  blob(object: Oid, blob: Oid): Promise<Oid> {
    const deleted = new DeletedFiles(this.#sides, this.#trees, blob, undefined);
    const spot = {
      object,
      isOld: false,
      viewPath: 'the blob',
      path: '',
      isLink: false,
      before: [],
      tips: async () => [],
      past: async () => false,
      deleted,
    };
    return this.#files.restore(blob, spot);
  }

  async #tree(view: Oid, folder: Folder, owner: TreeOwner, depth: number): Promise<Oid> {
    const { parents } = folder;
    const same = parents.find((parent) => parent.view === view);
    if (same !== undefined) return same.original;
    const known = await this.#sides.known(view);
    if (
      known?.type === 'tree' &&
      (known.original === view || parents.some((p) => p.original === known.original))
    ) {
      await this.#sides.sentAgain.add(view);
      return known.original;
    }
    const content = await this.#read(view, folder, owner);
    if (depth > maxDepth) throw notRestored(placeOf(owner, folder.viewPath), 'folders are nested too deeply');
    const entries = await this.#entries(content, folder, owner, depth);
    const original = this.#write(view, content, entries, folder, owner);
    this.#sides.pair('tree', view, original);
    return original;
  }

  async #read(view: Oid, { viewPath }: Folder, { object }: TreeOwner): Promise<Buffer> {
    this.#sides.checkSignal();
    const found = await this.#sides.readView(view);
    if (found?.type === 'tree') return found.content;
    const where = `${shortOid(object)}, ${textOf(viewPath) || 'the top folder'}`;
    throw foreign(`${where}: the tree ${shortOid(view)} is not in your view`);
  }

  async #entries(
    content: Buffer,
    folder: Folder,
    owner: TreeOwner,
    depth: number,
  ): Promise<readonly (readonly [TreeEntry, TreeEntry])[]> {
    const entries = parseTree(content, this.#sides.context.format);
    if (entries === undefined)
      throw notRestored(placeOf(owner, folder.viewPath), 'the tree is not well-formed');
    const parents: PairedTree[] = [];
    for (const parent of folder.parents) parents.push(await this.#trees.read(parent));
    const restored: (readonly [TreeEntry, TreeEntry])[] = [];
    for (const entry of entries) {
      const before = parents.flatMap((parent) => parent.byViewName.get(entry.name) ?? []);
      const name = await this.#name(entry.name, before, folder, owner);
      const oid = await this.#entry({ entry, name, before }, folder, owner, depth);
      restored.push([entry, { ...entry, name, oid }]);
    }
    return restored;
  }

  /** Writes the tree, and makes sure that it looks as it was pushed. */
  #write(
    view: Oid,
    content: Buffer,
    entries: readonly (readonly [TreeEntry, TreeEntry])[],
    { viewPath }: Folder,
    owner: TreeOwner,
  ): Oid {
    const isRenamed = entries.some(([entry, original]) => entry.name !== original.name);
    if (!isRenamed && entries.every(([entry, original]) => entry.oid === original.oid)) return view;
    const original = formatTree(
      entries.map(([, one]) => one),
      isRenamed,
    );
    const views = new Map(entries.map(([entry, one]) => [one.oid, entry.oid]));
    const shown = this.#sides.context.view.tree(original, (oid) => views.get(oid) ?? this.#sides.viewOf(oid));
    if (!owner.isOld && !(shown?.content ?? original).equals(content))
      throw notRestored(
        placeOf(owner, viewPath),
        'its names cannot be put back; take them as they are in the commit before',
      );
    return this.#sides.made.add('tree', original);
  }

  async #entry({ entry, name, before }: Spot, folder: Folder, owner: TreeOwner, depth: number): Promise<Oid> {
    const { mode, kind, oid } = entry;
    if (kind === 'submodule') return oid;
    const viewPath = joinPath(folder.viewPath, entry.name);
    const path = joinPath(folder.path, name);
    const alike = before.filter((pair) => (pair.original.kind === 'tree') === (kind === 'tree'));
    if (kind === 'tree') {
      const parents = alike.map((pair) => ({ view: pair.view?.oid, original: pair.original.oid }));
      return this.#tree(oid, { viewPath, path, parents }, owner, depth + 1);
    }
    const same = alike.find((pair) => pair.view?.oid === oid && pair.view.mode === mode);
    if (same !== undefined) return same.original.oid;
    const known = await this.#sides.known(oid);
    if (alike.some((pair) => pair.original.mode === mode && pair.original.oid === known?.original))
      return known?.original as Oid;
    const isLink = kind === 'symlink';
    const isAlike = ({ original }: PairedEntry) =>
      original.kind !== 'tree' && original.kind !== 'submodule' && (original.kind === 'symlink') === isLink;
    return this.#files.restore(oid, {
      object: owner.object,
      isOld: owner.isOld,
      viewPath,
      path,
      isLink,
      before: alike.filter(isAlike).map((pair) => pair.original.oid),
      tips: async () => {
        const pairs = await this.oldTips.entries(folder.path, entry.name);
        return pairs.filter(isAlike).map((pair) => pair.original.oid);
      },
      past: (original) => this.#past.had(owner.parents, path, original),
      deleted: owner.deleted,
    });
  }

  async #name(
    name: string,
    before: readonly PairedEntry[],
    { viewPath, path: folder }: Folder,
    owner: TreeOwner,
  ): Promise<string> {
    const [first] = before;
    if (first !== undefined) return first.original.name;
    if (this.#cleanNames.has(name)) return name;
    const bytes = Buffer.from(name, 'latin1');
    const path = joinPath(viewPath, name);
    const { secrets, unscanned } = this.#sides.context.view.find(bytes);
    const secret = secrets.find(({ rule }) => rule !== literalRule);
    if (secret !== undefined)
      throw newSecret(placeOf(owner, `the name of a file in ${viewPath || 'the top folder'}`), secret);
    if (unscanned.length > 0)
      throw notRestored(placeOf(owner, path), 'the name cannot be searched; choose another');
    if (placeholdersIn(bytes).length > 0) {
      const [tip] = await this.oldTips.entries(folder, name);
      const moved = tip?.original.name ?? (await owner.deleted.name(name));
      if (moved !== undefined) return moved;
      throw notRestored(
        placeOf(owner, path),
        'a placeholder in a new name cannot be put back; choose another name',
      );
    }
    if (this.#cleanNames.size < maxCleanNames) this.#cleanNames.add(name);
    return name;
  }
}

function placeOf({ object }: TreeOwner, viewPath: string): Place {
  return { object, in: textOf(viewPath) || 'the top folder' };
}

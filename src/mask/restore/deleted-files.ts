import type { Oid } from '../../domain/git.ts';
import { encodingOf } from '../view/encoding.ts';
import { KeptLines } from './kept-lines.ts';
import type { PairedTree, PairedTrees, TreePair } from './paired-trees.ts';
import type { Sides } from './sides.ts';
import { parseTree, type TreeEntry } from './tree-entries.ts';

/** One file that a commit takes away, and that holds secrets or has one in its name. */
interface DeletedFile {
  readonly viewName: string;
  readonly name: string;
  readonly kind: TreeEntry['kind'];
  readonly original: Oid;
  /** It went elsewhere as it is. */
  isMoved: boolean;
  /** Lines of it went elsewhere. */
  isTaken: boolean;
  lines?: KeptLines;
}

const maxFiles = 1_000;

/**
 * The files that a commit takes away from its first parent, as far as secrets are in them: what is moved comes from
 * there. Looked for when it is first asked for. Each gives what it has once.
 */
export class DeletedFiles {
  readonly #sides: Sides;
  readonly #trees: PairedTrees;
  readonly #tree: Oid;
  readonly #parent: TreePair | undefined;
  readonly #files: DeletedFile[] = [];
  #listed: Promise<void> | undefined;

  constructor(sides: Sides, trees: PairedTrees, tree: Oid, parent: TreePair | undefined) {
    this.#sides = sides;
    this.#trees = trees;
    this.#tree = tree;
    this.#parent = parent;
  }

  /** Whether the file of this original went away, and was not moved elsewhere. It is, then. */
  async move(original: Oid, isLink: boolean): Promise<boolean> {
    await this.#list();
    const fits = (file: DeletedFile) => file.original === original && (file.kind === 'symlink') === isLink;
    const file = this.#files.find((one) => fits(one) && !one.isMoved && !one.isTaken);
    if (file !== undefined) file.isMoved = true;
    return file !== undefined;
  }

  /** What a line of one of the files stands for. */
  async line(key: string): Promise<Buffer | undefined> {
    await this.#list();
    for (const file of this.#files) {
      if (file.isMoved || file.kind === 'tree' || file.kind === 'symlink') continue;
      file.lines ??= await this.#linesOf(file);
      const line = file.lines.take(key);
      if (line === undefined) continue;
      file.isTaken = true;
      return line;
    }
    return undefined;
  }

  /** The original of a name in the view that something had which went away. */
  async name(viewName: string): Promise<string | undefined> {
    await this.#list();
    return this.#files.find((file) => file.viewName === viewName)?.name;
  }

  #list(): Promise<void> {
    this.#listed ??= this.#compare(this.#tree, this.#parent);
    return this.#listed;
  }

  async #linesOf(file: DeletedFile): Promise<KeptLines> {
    const lines = new KeptLines();
    const content = await this.#sides.readOriginalBlob(file.original);
    if (content === undefined || encodingOf(content) === 'binary') return lines;
    const masked = this.#sides.context.view.blob(content);
    if (masked !== undefined) lines.addVersion(content, masked);
    return lines;
  }

  async #compare(tree: Oid | undefined, parent: TreePair | undefined): Promise<void> {
    if (parent === undefined || tree === parent.view || this.#files.length >= maxFiles) return;
    if (this.#sides.viewOf(parent.original) === undefined) return;
    const before = await this.#trees.read(parent);
    const now = tree === undefined ? [] : await this.#entriesOf(tree);
    const names = new Map(now.map((entry) => [entry.name, entry]));
    for (const [viewName, pair] of before.byViewName) await this.#entry(viewName, pair, names.get(viewName));
  }

  async #entry(
    viewName: string,
    { original, view }: PairedTree['entries'][number],
    now: TreeEntry | undefined,
  ): Promise<void> {
    const isTree = original.kind === 'tree';
    if (now !== undefined && (now.kind === 'tree') === isTree) {
      if (isTree) await this.#compare(now.oid, { view: view?.oid, original: original.oid });
      return;
    }
    const { name, kind, oid } = original;
    if (kind === 'submodule') return;
    if (viewName !== name || (kind !== 'tree' && this.#sides.viewOf(oid) !== undefined))
      this.#files.push({ viewName, name, kind, original: oid, isMoved: false, isTaken: false });
    if (isTree) await this.#compare(undefined, { view: view?.oid, original: oid });
  }

  async #entriesOf(tree: Oid): Promise<readonly TreeEntry[]> {
    const found = await this.#sides.readView(tree);
    return (found === undefined ? undefined : parseTree(found.content, this.#sides.context.format)) ?? [];
  }
}

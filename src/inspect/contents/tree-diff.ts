import { RefgateError } from '../../domain/error.ts';
import type { FileMode } from '../../domain/facts.ts';
import type { Oid } from '../../domain/git.ts';
import { TreeCursor } from './tree-cursor.ts';

/** A file, symlink or submodule as a tree names it. */
export interface Entry {
  readonly mode: FileMode;
  readonly oid: Oid;
}

/** One path at which the new tree is unlike every old one. */
export interface EntryChange {
  readonly path: string;
  /** Undefined when the path is gone. */
  readonly entry: Entry | undefined;
  /** What each old tree has at the path, in their order; at least one. */
  readonly olds: readonly (Entry | undefined)[];
}

/** Where trees come from while they are compared. */
export interface TreeReader {
  /** Undefined: it must be fetched first. `absent`: nobody has it. */
  read(oid: Oid): Buffer | 'absent' | undefined;
  /**
   * Instead of a tree and its old ones trees in their order that hold no more than the names at which the first is
   * unlike all others; undefined where reading them is the only way.
   */
  unshared?(tree: Oid, olds: readonly Oid[]): readonly Buffer[] | undefined;
  /** Called for every tree of the new side, once it is compared. */
  onTree(oid: Oid, content: Buffer): void;
  /** Counts bytes of trees; throws when there have been too many. */
  spend(bytes: number): void;
}

/** Something that could not be compared. */
export interface TreeGap {
  readonly path: string;
  readonly why: string;
}

interface Item {
  /** Empty, or ends in a slash. */
  readonly path: string;
  readonly depth: number;
  readonly tree: Oid | undefined;
  readonly olds: readonly (Oid | undefined)[];
}

/** Deeper folders are not compared. */
const maxDepth = 2048;

/** One tree is compared with others at this many paths, and no more; Linux has 90,000 files. */
const maxChanges = 250_000;

/** What comparing a tree costs beyond its bytes, in bytes. */
const treeCost = 16 * 1024;

/**
 * Compares a tree with old ones, and goes down only where a folder is unlike
 * that of every old tree: with one old tree this is `git diff-tree -r`, with
 * several it gives the paths of `git diff-tree -c -r`. Goes on as far as the
 * trees are there, and gathers in `missing` those that it waits for, all of one
 * depth and more at a time.
 */
export class TreeDiff {
  readonly changes: EntryChange[] = [];
  readonly gaps: TreeGap[] = [];
  missing = new Set<Oid>();
  readonly #width: number;
  #items: Item[];
  #waiting: Item[] = [];
  #nested = false;

  /** @param olds the trees of the parents; none is the same as one empty tree. @param width bytes of an oid. */
  constructor(tree: Oid | undefined, olds: readonly (Oid | undefined)[], width: number) {
    this.#width = width;
    const parents = olds.length === 0 ? [undefined] : olds;
    this.#items = parents.includes(tree) ? [] : [{ path: '', depth: 0, tree, olds: parents }];
  }

  get done(): boolean {
    return this.#items.length === 0 && this.#waiting.length === 0;
  }

  /** Goes on; to be called again when what was `missing` may be there. Throws LIMIT_EXCEEDED (client), and what the reader throws. */
  advance(reader: TreeReader): void {
    this.#items.push(...this.#waiting);
    this.#waiting = [];
    this.missing = new Set();
    for (let item = this.#items.pop(); item !== undefined; item = this.#items.pop())
      this.#compare(item, reader);
    if (this.done && this.#nested) this.changes.sort(byPath);
  }

  #compare(item: Item, reader: TreeReader): void {
    if (this.#compareUnshared(item, reader)) return;
    const before = this.missing.size;
    const tree = this.#read(item.tree, reader);
    const olds = item.olds.map((oid) => this.#read(oid, reader));
    if (this.missing.size > before || tree === undefined || olds.includes(undefined)) {
      this.#waiting.push(item);
      return;
    }
    if (tree === 'absent') {
      this.gaps.push({ path: item.path, why: `tree ${item.tree} is not there` });
      return;
    }
    const contents = [tree];
    for (const [i, old] of olds.entries()) {
      if (old === 'absent') this.gaps.push({ path: item.path, why: `tree ${item.olds[i]} is not there` });
      contents.push(Buffer.isBuffer(old) ? old : nothing);
    }
    if (item.tree !== undefined) reader.onTree(item.tree, tree);
    for (const content of contents) reader.spend(treeCost + content.length);
    this.#merge(item, contents);
  }

  #compareUnshared(item: Item, reader: TreeReader): boolean {
    const { tree, olds } = item;
    if (reader.unshared === undefined || tree === undefined || !olds.every((oid) => oid !== undefined))
      return false;
    const contents = reader.unshared(tree, olds);
    if (contents === undefined) return false;
    reader.onTree(tree, contents[0] as Buffer);
    for (const content of contents) reader.spend(treeCost + content.length);
    this.#merge(item, contents);
    return true;
  }

  #read(oid: Oid | undefined, reader: TreeReader): Buffer | 'absent' | undefined {
    if (oid === undefined) return nothing;
    const content = reader.read(oid);
    if (content === undefined) this.missing.add(oid);
    return content;
  }

  /** Walks the entries of all trees side by side. */
  #merge(item: Item, contents: readonly Buffer[]): void {
    const cursors = contents.map((content) => new TreeCursor(content, this.#width));
    const first = cursors[0] as TreeCursor;
    const here: (TreeCursor | undefined)[] = [];
    for (;;) {
      if (first.parse() && cursors.every((cursor) => cursor === first || cursor.matches(first))) {
        const length = first.end - first.at;
        for (const cursor of cursors) cursor.skip(length);
        continue;
      }
      let least: TreeCursor | undefined;
      for (const cursor of cursors)
        if (cursor.parse() && (least === undefined || cursor.compare(least) < 0)) least = cursor;
      if (least === undefined) break;
      for (const [i, cursor] of cursors.entries())
        here[i] = cursor.parse() && cursor.compare(least) === 0 ? cursor : undefined;
      if (isNew(here)) this.#take(item, least, here);
      for (const cursor of here) cursor?.next();
    }
    if (cursors.some((cursor) => cursor.broken))
      this.gaps.push({ path: item.path, why: 'a tree is not well-formed' });
  }

  #take(item: Item, { kind, name }: TreeCursor, here: readonly (TreeCursor | undefined)[]): void {
    const path = item.path + name;
    if (kind !== 'tree') {
      const [entry, ...olds] = here.map(entryOf);
      this.changes.push({ path, entry, olds });
      if (this.changes.length > maxChanges)
        throw new RefgateError('LIMIT_EXCEEDED', 'client', `one commit changes over ${maxChanges} paths`);
      return;
    }
    const [tree, ...olds] = here.map((cursor) => cursor?.oid);
    this.#nested = true;
    if (item.depth >= maxDepth) this.gaps.push({ path, why: `over ${maxDepth} folders deep` });
    else this.#items.push({ path: `${path}/`, depth: item.depth + 1, tree, olds });
  }
}

const nothing = Buffer.alloc(0);

/** Whether the first is unlike all others; undefined is an entry that is not there. */
function isNew(here: readonly (TreeCursor | undefined)[]): boolean {
  const first = here[0];
  for (let i = 1; i < here.length; i++) {
    const old = here[i];
    if (first === undefined ? old === undefined : old !== undefined && first.hasSame(old)) return false;
  }
  return true;
}

function entryOf(cursor: TreeCursor | undefined): Entry | undefined {
  return cursor === undefined ? undefined : { mode: cursor.kind as FileMode, oid: cursor.oid };
}

const byPath = (a: EntryChange, b: EntryChange): number => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0);

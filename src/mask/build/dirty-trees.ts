import type { Oid } from '../../domain/git.ts';
import type { Change, HistoryStep } from './history.ts';
import type { OidTable } from './oid-table.ts';

/** Names of a folder that a commit touched, latin1; those among them that are shown otherwise now. */
interface Touched {
  readonly changed: Set<string>;
  readonly dirty: string[];
}

const none: readonly string[] = [];

/**
 * Finds the trees that are shown otherwise without reading any: a tree has the dirty entries of the tree that stood at
 * its place before, but for those that the commit touched, and those of the touched ones that are dirty. Takes the
 * history parents first, and keeps only what is dirty.
 */
export class DirtyTrees {
  readonly #table: OidTable;
  readonly #decided: Uint8Array;
  readonly #dirty = new Map<Oid, readonly string[]>();
  readonly #isDirtyBlob: (oid: Oid) => boolean;
  readonly #isDirtyName: (name: string) => boolean;
  /** Each behind those that it holds; with the dirty tree that stood at its place before. */
  readonly order: { readonly oid: Oid; readonly before: Oid | undefined }[] = [];

  constructor(table: OidTable, isDirtyBlob: (oid: Oid) => boolean, isDirtyName: (name: string) => boolean) {
    this.#table = table;
    this.#decided = new Uint8Array(table.size);
    this.#isDirtyBlob = isDirtyBlob;
    this.#isDirtyName = isDirtyName;
  }

  isDirty(tree: Oid): boolean {
    return this.#dirty.has(tree);
  }

  isDecided(tree: Oid): boolean {
    const number = this.#table.find(tree);
    return number >= 0 && this.#decided[number] === 1;
  }

  /** @param before the tree of the first parent. */
  take(step: HistoryStep, before: Oid | undefined): void {
    const folders = new Map<string, Touched>();
    for (let at = step.changes.length - 1; at >= 0; at--) {
      const change = step.changes[at] as Change;
      const slash = change.path.lastIndexOf('/');
      const folder = slash < 0 ? '' : change.path.slice(0, slash);
      const name = change.path.slice(slash + 1);
      const touched = folders.get(folder) ?? { changed: new Set(), dirty: [] };
      folders.set(folder, touched);
      touched.changed.add(name);
      if (change.newOid !== undefined && this.#isDirtyEntry(change, change.newOid, name, folders))
        touched.dirty.push(name);
    }
    this.#decide(step.tree, before, folders.get(''));
  }

  #isDirtyEntry(change: Change, oid: Oid, name: string, folders: Map<string, Touched>): boolean {
    // Both are asked always: the tree has to be decided.
    const isDirtyTree =
      change.kind === 'tree' &&
      this.#decide(oid, change.oldIsTree ? change.oldOid : undefined, folders.get(change.path));
    return isDirtyTree || (change.kind === 'file' && this.#isDirtyBlob(oid)) || this.#isDirtyName(name);
  }

  #decide(tree: Oid, before: Oid | undefined, touched: Touched | undefined): boolean {
    const number = this.#table.find(tree);
    if (this.#decided[number] === 1) return this.#dirty.has(tree);
    this.#decided[number] = 1;
    const inherited = before === undefined ? none : (this.#dirty.get(before) ?? none);
    const names = touched === undefined ? inherited : merge(inherited, touched);
    if (names.length === 0) return false;
    this.#dirty.set(tree, names);
    this.order.push({ oid: tree, before: inherited.length > 0 ? before : undefined });
    return true;
  }
}

function merge(inherited: readonly string[], { changed, dirty }: Touched): readonly string[] {
  const kept = inherited.some((name) => changed.has(name))
    ? inherited.filter((name) => !changed.has(name))
    : inherited;
  return dirty.length === 0 ? kept : [...new Set([...kept, ...dirty])];
}

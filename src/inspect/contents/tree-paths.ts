import type { TreeEdit, TreeEdits } from '../tree-edits.ts';

/** The entries that only the one tree has, and those that only the other has, each as a tree of its own. */
interface Unshared {
  readonly tree: Buffer;
  readonly old: Buffer;
}

/** More deltas than these are not gone along. */
const maxSteps = 16;

/**
 * Tells two trees apart by the deltas that lead from one to the other. Trees
 * of one folder are deltas of each other in a chain, or in a tree of chains.
 */
export class TreePaths {
  readonly #edits: TreeEdits;
  readonly #bases: Int32Array;
  readonly #width: number;

  /** @param bases by row, -1 for what is stored whole. @param width bytes of an oid. */
  constructor(edits: TreeEdits, bases: Int32Array, width: number) {
    this.#edits = edits;
    this.#bases = bases;
    this.#width = width;
  }

  /**
   * A tree and its old ones, without what the first shares with any of them: entries by
   * the names at which it is unlike all of them. Undefined when no short way is known.
   */
  unshared(row: number, oldRows: readonly number[]): readonly Buffer[] | undefined {
    const pairs: Unshared[] = [];
    for (const oldRow of oldRows) {
      const pair = this.#between(row, oldRow);
      if (pair === undefined) return undefined;
      pairs.push(pair);
    }
    const [first] = pairs;
    if (first === undefined || pairs.length === 1) return first && [first.tree, first.old];
    let names = this.#namesOf(first);
    for (const pair of pairs) {
      const others = this.#namesOf(pair);
      names = new Set([...names].filter((name) => others.has(name)));
    }
    return [first.tree, ...pairs.map(({ old }) => old)].map((tree) => this.#only(tree, names));
  }

  #namesOf({ tree, old }: Unshared): ReadonlySet<string> {
    const names = new Set<string>();
    for (const one of [tree, old]) this.#eachEntry(one, (entry) => void names.add(sortKey(entry)));
    return names;
  }

  #only(tree: Buffer, names: ReadonlySet<string>): Buffer {
    if (names.size === 0) return nothing;
    const kept: string[] = [];
    this.#eachEntry(tree, (entry) => {
      if (names.has(sortKey(entry))) kept.push(entry);
    });
    return Buffer.from(kept.join(''), 'latin1');
  }

  /** Undefined when no short way is known. */
  #between(row: number, oldRow: number): Unshared | undefined {
    if (this.#bases[row] === oldRow) return turned(this.#edits.of(row));
    if (this.#bases[oldRow] === row) {
      const edit = this.#edits.of(oldRow);
      return edit === undefined ? undefined : { tree: edit.gone, old: edit.come };
    }
    const [up, down] = [this.#towardsRoot(row), this.#towardsRoot(oldRow)];
    const shared = up.findIndex((one) => down.includes(one));
    if (shared < 0) return undefined;
    const steps = down.slice(0, down.indexOf(up[shared] as number));
    return this.#along(steps, up.slice(0, shared).reverse());
  }

  #towardsRoot(from: number): number[] {
    const rows: number[] = [];
    for (let row = from; row >= 0 && rows.length <= maxSteps; row = this.#bases[row] as number)
      rows.push(row);
    return rows;
  }

  /** From the old tree to what both come from, and from there to the new one. */
  #along(down: readonly number[], up: readonly number[]): Unshared | undefined {
    const gone = new Set<string>();
    const come = new Set<string>();
    const remove = (entry: string) => void (come.delete(entry) || gone.add(entry));
    const add = (entry: string) => void (gone.delete(entry) || come.add(entry));
    for (const row of down) {
      const edit = this.#edits.of(row);
      if (edit === undefined) return undefined;
      this.#eachEntry(edit.come, remove);
      this.#eachEntry(edit.gone, add);
    }
    for (const row of up) {
      const edit = this.#edits.of(row);
      if (edit === undefined) return undefined;
      this.#eachEntry(edit.gone, remove);
      this.#eachEntry(edit.come, add);
    }
    return { tree: this.#treeOf(come), old: this.#treeOf(gone) };
  }

  #eachEntry(tree: Buffer, found: (entry: string) => void): void {
    for (let at = 0; at < tree.length; ) {
      const end = tree.indexOf(0, at) + 1 + this.#width;
      found(tree.toString('latin1', at, end));
      at = end;
    }
  }

  #treeOf(entries: ReadonlySet<string>): Buffer {
    if (entries.size < 2) return Buffer.from([...entries].join(''), 'latin1');
    const sorted = Array.from(entries, (entry) => ({ entry, key: sortKey(entry) }));
    sorted.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
    return Buffer.from(sorted.map(({ entry }) => entry).join(''), 'latin1');
  }
}

const nothing = Buffer.alloc(0);

const turned = (edit: TreeEdit | undefined): Unshared | undefined =>
  edit === undefined ? undefined : { tree: edit.come, old: edit.gone };

/** Trees are in the order of their names, where that of a folder ends in a slash. */
function sortKey(entry: string): string {
  const name = entry.slice(entry.indexOf(' ') + 1, entry.indexOf('\0'));
  return /^0*4/.test(entry) ? `${name}/` : name;
}

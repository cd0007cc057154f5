import type { Oid } from '../../domain/git.ts';
import type { OidTable } from './oid-table.ts';

/** Who descends from whom, of commits that are added parents first; the numbers are those of the table. */
export class CommitGraph {
  readonly #table: OidTable;
  /** Of each object its place in `#parents`; how many there are stands before them. */
  readonly #places: Int32Array;
  /** How many commits are on the longest way down to a root. */
  readonly #heights: Int32Array;
  readonly #trees: Int32Array;
  #parents = new Int32Array(1024);
  #used = 1;
  /** In the order in which they were added. */
  readonly order: number[] = [];

  constructor(table: OidTable) {
    this.#table = table;
    this.#places = new Int32Array(table.size);
    this.#heights = new Int32Array(table.size);
    this.#trees = new Int32Array(table.size);
  }

  add(commit: number, tree: number, parents: readonly number[]): void {
    if (this.#used + parents.length + 1 > this.#parents.length) {
      const more = new Int32Array((this.#used + parents.length + 1) * 2);
      more.set(this.#parents);
      this.#parents = more;
    }
    this.#places[commit] = this.#used;
    this.#parents[this.#used++] = parents.length;
    let height = 0;
    for (const parent of parents) {
      this.#parents[this.#used++] = parent;
      height = Math.max(height, this.#heights[parent] as number);
    }
    this.#heights[commit] = height + 1;
    this.#trees[commit] = tree;
    this.order.push(commit);
  }

  treeOf(commit: Oid): Oid {
    return this.#table.at(this.#trees[this.#table.find(commit)] as number);
  }

  /** Not of itself. */
  isAncestor(ancestor: Oid, commit: Oid): boolean {
    const target = this.#table.find(ancestor);
    const least = target < 0 ? 0 : (this.#heights[target] as number);
    if (least === 0) return false;
    const seen = new Set<number>();
    const waiting = [this.#table.find(commit)];
    for (;;) {
      const next = waiting.pop();
      if (next === undefined) return false;
      const place = this.#places[next] as number;
      for (let at = place + 1; at <= place + (this.#parents[place] as number); at++) {
        const parent = this.#parents[at] as number;
        if (parent === target) return true;
        if ((this.#heights[parent] as number) <= least || seen.has(parent)) continue;
        seen.add(parent);
        waiting.push(parent);
      }
    }
  }
}

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

  parentsOf(commit: number): readonly number[] {
    const place = this.#places[commit] as number;
    return Array.from(this.#parents.subarray(place + 1, place + 1 + (this.#parents[place] as number)));
  }

  /** Those of the oids that are ancestors of the commit, but not itself. */
  ancestorsAmong(oids: Iterable<Oid>, commit: Oid): ReadonlySet<Oid> {
    const found = new Set<Oid>();
    const wanted = new Map<number, Oid>();
    let least = Number.POSITIVE_INFINITY;
    for (const oid of oids) {
      const number = this.#table.find(oid);
      const height = number < 0 ? 0 : (this.#heights[number] as number);
      if (height === 0) continue;
      wanted.set(number, oid);
      least = Math.min(least, height);
    }
    const seen = new Set<number>();
    const waiting = [this.#table.find(commit)];
    for (let next = waiting.pop(); next !== undefined && wanted.size > 0; next = waiting.pop()) {
      const place = this.#places[next] as number;
      for (let at = place + 1; at <= place + (this.#parents[place] as number); at++) {
        const parent = this.#parents[at] as number;
        const oid = wanted.get(parent);
        if (oid !== undefined) found.add(oid);
        wanted.delete(parent);
        if ((this.#heights[parent] as number) <= least || seen.has(parent)) continue;
        seen.add(parent);
        waiting.push(parent);
      }
    }
    return found;
  }
}

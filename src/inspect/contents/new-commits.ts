import { RefgateError } from '../../domain/error.ts';
import type { Oid } from '../../domain/git.ts';

/** A commit that is judged, and the updates that bring it. */
export interface NewCommit {
  readonly oid: Oid;
  readonly parents: readonly Oid[];
  /** As `UpdateSets` counts. */
  readonly set: number;
}

/** All sets of one push may take so many bytes. */
const maxSetBytes = 32 * 1024 * 1024;

/** Sets of updates, each once: most commits of a push are brought by the same updates. */
export class UpdateSets {
  readonly #words: number;
  readonly #sets: Uint32Array[];
  readonly #ids = new Map<string, number>();
  readonly #unions = new Map<number, number>();

  /** @param count of updates. Set 0 is the empty one. */
  constructor(count: number) {
    this.#words = Math.ceil(count / 32);
    this.#sets = [new Uint32Array(this.#words)];
    this.#ids.set('', 0);
  }

  /** The set with one update more. */
  with(set: number, update: number): number {
    const bits = (this.#sets[set] as Uint32Array).slice();
    bits[update >> 5] = (bits[update >> 5] as number) | (1 << (update & 31));
    return this.#idOf(bits);
  }

  union(a: number, b: number): number {
    if (a === b || b === 0) return a;
    if (a === 0) return b;
    const key = Math.max(a, b) * 2 ** 26 + Math.min(a, b);
    const known = this.#unions.get(key);
    if (known !== undefined) return known;
    const [left, right] = [this.#sets[a] as Uint32Array, this.#sets[b] as Uint32Array];
    const id = this.#idOf(left.map((word, i) => word | (right[i] as number)));
    this.#unions.set(key, id);
    return id;
  }

  has(set: number, update: number): boolean {
    return (((this.#sets[set] as Uint32Array)[update >> 5] as number) & (1 << (update & 31))) !== 0;
  }

  /** The updates of a set. */
  *members(set: number): Generator<number> {
    const bits = this.#sets[set] as Uint32Array;
    for (const [i, word] of bits.entries())
      for (let left = word; left !== 0; left &= left - 1) yield i * 32 + 31 - Math.clz32(left & -left);
  }

  #idOf(bits: Uint32Array): number {
    const key = Buffer.from(bits.buffer).toString('latin1').replace(/\0+$/, '');
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    if (this.#sets.length * this.#words * 16 > maxSetBytes) throw tooMany();
    this.#ids.set(key, this.#sets.length);
    return this.#sets.push(bits) - 1;
  }
}

const tooMany = () =>
  new RefgateError('LIMIT_EXCEEDED', 'client', 'its refs and commits are too many to tell who brings what');

/**
 * The new commits that tips lead to, children before their parents. What one tip
 * alone leads to stands together where history allows. Throws LIMIT_EXCEEDED (client).
 * @param tips one for each update; undefined where it has none.
 * @param parentsOf undefined for commits that are not new.
 */
export function orderCommits(
  tips: readonly (Oid | undefined)[],
  parentsOf: (oid: Oid) => readonly Oid[] | undefined,
): { readonly commits: readonly NewCommit[]; readonly sets: UpdateSets } {
  const sets = new UpdateSets(tips.length);
  const found = new Map<Oid, { readonly parents: readonly Oid[]; children: number; set: number }>();
  const open: Oid[] = [];
  const visit = (oid: Oid) => {
    if (found.has(oid)) return;
    const parents = parentsOf(oid);
    if (parents === undefined) return;
    found.set(oid, { parents, children: 0, set: 0 });
    open.push(oid);
  };
  for (const [update, tip] of tips.entries()) {
    if (tip === undefined) continue;
    visit(tip);
    const node = found.get(tip);
    if (node !== undefined) node.set = sets.with(node.set, update);
  }
  for (let oid = open.pop(); oid !== undefined; oid = open.pop()) {
    for (const parent of found.get(oid)?.parents ?? []) {
      visit(parent);
      const node = found.get(parent);
      if (node !== undefined) node.children++;
    }
  }
  const ready = [...new Set(tips)].filter((tip) => tip !== undefined && found.get(tip)?.children === 0);
  const commits: NewCommit[] = [];
  for (let oid = ready.pop(); oid !== undefined; oid = ready.pop()) {
    const node = found.get(oid);
    if (node === undefined) continue;
    const { parents, set } = node;
    commits.push({ oid, parents, set });
    // The first parent's line is followed first.
    for (let i = parents.length - 1; i >= 0; i--) {
      const parent = parents[i] as Oid;
      const next = found.get(parent);
      if (next === undefined) continue;
      next.set = sets.union(next.set, set);
      if (--next.children === 0) ready.push(parent);
    }
  }
  return { commits, sets };
}

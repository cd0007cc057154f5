/** A set of small numbers that never changes: one bit each. */
export type ValueSet = Uint32Array;

const none: ValueSet = new Uint32Array(0);

/** Sets of values that go down from commit to commit, shared where they are the same, and how many commits have each. */
export class ValueSets {
  readonly #uses = new Map<ValueSet, number>();
  #last: ValueSet = none;

  /** What any of them holds. One of them where it holds all that the others do. */
  union(sets: readonly ValueSet[]): ValueSet {
    let all = none;
    for (const set of sets) if (set !== all) all = this.#join(all, set);
    return all;
  }

  of(values: readonly number[]): ValueSet {
    if (values.length === 0) return none;
    const set = new Uint32Array((Math.max(...values) >>> 5) + 1);
    for (const value of values) set[value >>> 5] = (set[value >>> 5] as number) | (1 << (value & 31));
    return set;
  }

  use(set: ValueSet): void {
    this.#uses.set(set, (this.#uses.get(set) ?? 0) + 1);
  }

  /** How many of the commits have each of the values. */
  counts(size: number): Uint32Array {
    const counts = new Uint32Array(size);
    for (const [set, uses] of this.#uses)
      for (let value = 0; value < size; value++)
        if (has(set, value)) counts[value] = (counts[value] as number) + uses;
    return counts;
  }

  /** How many of the commits have any value that is counted. */
  countAny(isCounted: (value: number) => boolean, size: number): number {
    const hasAny = this.any(isCounted, size);
    let count = 0;
    for (const [set, uses] of this.#uses) if (hasAny(set)) count += uses;
    return count;
  }

  /** Whether a set has any value that is counted. */
  any(isCounted: (value: number) => boolean, size: number): (set: ValueSet) => boolean {
    const mask = this.of(Array.from({ length: size }, (_, value) => value).filter(isCounted));
    return (set) => set.some((bits, at) => (bits & (mask[at] ?? 0)) !== 0);
  }

  #join(a: ValueSet, b: ValueSet): ValueSet {
    if (holds(a, b)) return a;
    if (holds(b, a)) return b;
    const joined = new Uint32Array(Math.max(a.length, b.length));
    for (let at = 0; at < joined.length; at++) joined[at] = (a[at] ?? 0) | (b[at] ?? 0);
    if (joined.length === this.#last.length && holds(this.#last, joined) && holds(joined, this.#last))
      return this.#last;
    this.#last = joined;
    return joined;
  }
}

const has = (set: ValueSet, value: number): boolean => (((set[value >>> 5] ?? 0) >>> (value & 31)) & 1) === 1;

const holds = (all: ValueSet, some: ValueSet): boolean =>
  some.every((bits, at) => (bits & ~(all[at] ?? 0)) === 0);

import { RefgateError } from '../domain/error.ts';
import { findOid, isOidAt, sortOids } from '../git/pack-index.ts';
import type { ObjectTable } from './object-table.ts';
import type { OidList } from './oid-list.ts';

/** The ref-deltas of a pack in the order of the pack: their rows, and the oids of their bases. */
export interface RefDeltas {
  readonly rows: number[];
  readonly bases: OidList;
}

/**
 * Who builds upon whom. Children of a row stand together, the one with the most
 * descendants last: a base can be let go when its last child is begun, so no
 * more than log2(objects) bases wait at a time, whatever the shape of the pack.
 */
export class DeltaGraph {
  readonly #table: ObjectTable;
  readonly #refs: RefDeltas;
  readonly #firstChild: Uint32Array;
  readonly #children: Uint32Array;
  /** Places in `refs` whose base is not stored whole in the pack, by the oid of the base. */
  readonly #open: Uint32Array;

  constructor(table: ObjectTable, refs: RefDeltas) {
    this.#table = table;
    this.#refs = refs;
    this.#open = this.#findBases();
    const count = table.count;
    const first = new Uint32Array(count + 1);
    for (let row = 0; row < count; row++) {
      const base = table.bases[row] as number;
      if (base >= 0) first[base + 1] = (first[base + 1] as number) + 1;
    }
    for (let row = 0; row < count; row++)
      first[row + 1] = (first[row + 1] as number) + (first[row] as number);
    this.#firstChild = first;
    this.#children = this.#fillChildren(count);
    this.#heaviestLast(count);
  }

  /** Gives ref-deltas their base where it is stored whole, and returns the others. */
  #findBases(): Uint32Array {
    const table = this.#table;
    const { rows, bases } = this.#refs;
    if (rows.length === 0) return new Uint32Array(0);
    const whole = Uint32Array.from(rowsOf(table, (row) => table.types[row] !== 0));
    const order = sortOids(table.oids, table.width, whole);
    const open: number[] = [];
    for (const place of bases.order()) {
      const found = findOid(table.oids, table.width, order, bases.at(place));
      const row = order[found];
      const matches = row !== undefined && isOidAt(table.oids, table.width, row, bases.at(place));
      if (matches) table.bases[rows[place] as number] = row;
      else open.push(place);
    }
    return Uint32Array.from(open);
  }

  #fillChildren(count: number): Uint32Array {
    const next = this.#firstChild.slice();
    const children = new Uint32Array(this.#firstChild[count] as number);
    for (let row = 0; row < count; row++) {
      const base = this.#table.bases[row] as number;
      if (base < 0) continue;
      const at = next[base] as number;
      children[at] = row;
      next[base] = at + 1;
    }
    return children;
  }

  #heaviestLast(count: number): void {
    const { bases, types } = this.#table;
    // A delta's base begins before it, or is stored whole: from the back, every weight is final when it is added.
    const weights = new Uint32Array(count).fill(1);
    for (let row = count - 1; row >= 0; row--) {
      const base = bases[row] as number;
      if (base >= 0 && types[base] === 0)
        weights[base] = (weights[base] as number) + (weights[row] as number);
    }
    for (let row = 0; row < count; row++) {
      const from = this.#firstChild[row] as number;
      const last = (this.#firstChild[row + 1] as number) - 1;
      let heaviest = last;
      for (let at = from; at < last; at++)
        if (this.#weight(weights, at) > this.#weight(weights, heaviest)) heaviest = at;
      if (heaviest <= last && last > from) this.#swap(heaviest, last);
    }
  }

  #weight(weights: Uint32Array, at: number): number {
    return weights[this.#children[at] as number] as number;
  }

  #swap(a: number, b: number): void {
    const kept = this.#children[a] as number;
    this.#children[a] = this.#children[b] as number;
    this.#children[b] = kept;
  }

  /** Whether the pack has ref-deltas whose base is not stored whole in it. */
  get hasOpen(): boolean {
    return this.#open.length > 0;
  }

  /** The rows that build upon this one, the heaviest last. Its oid must be known when `hasOpen`. */
  childrenOf(row: number): Uint32Array {
    // A borrowed row came after the graph was made.
    const from = this.#firstChild[row] ?? 0;
    const to = this.#firstChild[row + 1] ?? from;
    const known = from === to ? none : this.#children.subarray(from, to);
    if (this.#open.length === 0) return known;
    const found = this.#openFor(this.#table.oidOf(row));
    if (found.length === 0) return known;
    for (const child of found) this.#table.bases[child] = row;
    return Uint32Array.of(...found, ...known);
  }

  #openFor(oid: Uint8Array): number[] {
    const { rows, bases } = this.#refs;
    const found: number[] = [];
    for (let at = findOid(bases.bytes, bases.width, this.#open, oid); at < this.#open.length; at++) {
      const place = this.#open[at] as number;
      if (!isOidAt(bases.bytes, bases.width, place, oid)) break;
      const row = rows[place] as number;
      if (this.#table.types[row] === 0) found.push(row);
    }
    return found;
  }

  /** The bases, each once, that deltas still wait for. */
  *missingBases(): Generator<Uint8Array> {
    const { rows, bases } = this.#refs;
    let last: Uint8Array | undefined;
    for (const place of this.#open) {
      if (this.#table.types[rows[place] as number] !== 0) continue;
      const oid = bases.at(place);
      if (last !== undefined && Buffer.compare(last, oid) === 0) continue;
      last = oid;
      yield oid;
    }
  }
}

const none = new Uint32Array(0);

export function* rowsOf(table: ObjectTable, wanted: (row: number) => boolean): Generator<number> {
  for (let row = 0; row < table.count; row++) if (wanted(row)) yield row;
}

/** Throws PACK_DELTA_CYCLE when following bases from some row leads back to it. */
export function refuseCycles(table: ObjectTable): void {
  const seen = new Uint32Array(table.count);
  for (let start = 0; start < table.count; start++) {
    let row = start;
    while (row >= 0 && seen[row] === 0) {
      seen[row] = start + 1;
      row = table.bases[row] as number;
    }
    if (row >= 0 && seen[row] === start + 1) throw new RefgateError('PACK_DELTA_CYCLE', 'client');
  }
}

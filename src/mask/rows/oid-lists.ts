import type { Oid } from '../../domain/git.ts';
import type { BytesStore, BytesWrite } from '../../domain/store.ts';
import { PrefixFilter, slotOf } from './prefix-filter.ts';
import {
  formatList,
  listKey,
  originalListPrefix,
  parseList,
  parseListKey,
  viewListPrefix,
} from './row-keys.ts';

/**
 * Finds oids by how they begin: the store keeps a list for every three bytes, and memory a bit for each list. Originals
 * are listed by epoch, views together.
 */
export class OidLists {
  readonly #store: BytesStore;
  readonly #views = new PrefixFilter();
  readonly #originals = new Map<number, PrefixFilter>();

  #last: Promise<void> = Promise.resolve();

  private constructor(store: BytesStore) {
    this.#store = store;
  }

  static async load(store: BytesStore): Promise<OidLists> {
    const lists = new OidLists(store);
    for (const prefix of [originalListPrefix, viewListPrefix]) {
      for await (const key of store.keys(prefix)) {
        const { slot, epoch } = parseListKey(key);
        lists.#made(epoch).add(slot);
      }
    }
    return lists;
  }

  /** False where the oid is certainly not listed. */
  mayHold(oid: Oid, epoch?: number): boolean {
    return this.#filter(epoch)?.has(slotOf(oid)) ?? false;
  }

  isAny(epoch: number): boolean {
    return this.#originals.has(epoch);
  }

  /** In order; at most `limit`. */
  from(prefix: string, limit: number, epoch?: number): Oid[] {
    const filter = this.#filter(epoch);
    const found: Oid[] = [];
    if (filter === undefined) return found;
    for (const slot of filter.from(prefix)) {
      for (const oid of this.#read(slot, epoch).sort()) {
        if (found.length >= limit) return found;
        if (oid.startsWith(prefix)) found.push(oid);
      }
    }
    return found;
  }

  /** One after the other: what is added to a list builds on what was written before. A failure is the caller's alone. */
  inTurn(write: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(write);
    this.#last = turn.catch(() => {});
    return turn;
  }

  /** The writes that list these oids; to be on disk before it is asked again. */
  add(oids: readonly Oid[], epoch?: number): BytesWrite[] {
    const writes: BytesWrite[] = [];
    const sorted = [...oids].sort();
    for (let from = 0, to = 0; from < sorted.length; from = to) {
      const slot = slotOf(sorted[from] as Oid);
      while (to < sorted.length && slotOf(sorted[to] as Oid) === slot) to++;
      writes.push({
        type: 'put',
        key: listKey(slot, epoch),
        value: this.#added(slot, sorted.slice(from, to), epoch),
      });
    }
    return writes;
  }

  #added(slot: number, oids: readonly Oid[], epoch: number | undefined): Buffer {
    const filter = this.#made(epoch);
    const known = filter.has(slot) ? this.#read(slot, epoch) : [];
    filter.add(slot);
    return formatList(known.length + oids.length === 1 ? oids : [...new Set([...known, ...oids])]);
  }

  forget(epoch: number): void {
    this.#originals.delete(epoch);
  }

  #read(slot: number, epoch: number | undefined): Oid[] {
    const value = this.#store.getSync(listKey(slot, epoch));
    return value === undefined ? [] : parseList(value);
  }

  #filter(epoch: number | undefined): PrefixFilter | undefined {
    return epoch === undefined ? this.#views : this.#originals.get(epoch);
  }

  #made(epoch: number | undefined): PrefixFilter {
    const known = this.#filter(epoch);
    if (known !== undefined) return known;
    const filter = new PrefixFilter();
    this.#originals.set(epoch as number, filter);
    return filter;
  }
}

import type { Store, StoreRange, StoreWrite } from '../../src/domain/store.ts';

/** How a write goes wrong: it failed and nothing is on disk, or it failed and all of it is on disk. */
export type Fault = 'failed' | 'failed but persisted';

/** Passes everything to the store behind it, but the write of number `at` (the first is 0) goes wrong. */
export class FaultyStore implements Store {
  writes = 0;
  readonly #store: Store;
  readonly #at: number;
  readonly #fault: Fault;

  constructor(store: Store, at: number, fault: Fault) {
    this.#store = store;
    this.#at = at;
    this.#fault = fault;
  }

  get(key: string): Promise<Uint8Array | undefined> {
    return this.#store.get(key);
  }

  async write(batch: readonly StoreWrite[]): Promise<void> {
    const number = this.writes++;
    if (number !== this.#at) return this.#store.write(batch);
    if (this.#fault === 'failed but persisted') await this.#store.write(batch);
    throw new Error('input/output error');
  }

  range(range: StoreRange): AsyncIterable<readonly [key: string, value: Uint8Array]> {
    return this.#store.range(range);
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}

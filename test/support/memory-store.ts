import type { Store, StoreRange, StoreWrite } from '../../src/domain/store.ts';

/** A `Store` that lives in memory, and outlives its `close`: opening again is using it again. */
export class MemoryStore implements Store {
  readonly rows = new Map<string, Uint8Array>();

  async get(key: string): Promise<Uint8Array | undefined> {
    return this.rows.get(key)?.slice();
  }

  async write(batch: readonly StoreWrite[]): Promise<void> {
    for (const write of batch) {
      if (write.type === 'put') this.rows.set(write.key, write.value.slice());
      else this.rows.delete(write.key);
    }
  }

  async *range(range: StoreRange): AsyncIterable<readonly [key: string, value: Uint8Array]> {
    const keys = [...this.rows.keys()].filter((key) => key >= range.from && key < range.to).sort();
    if (range.reverse) keys.reverse();
    const rows = keys.slice(0, range.limit).map((key) => [key, this.rows.get(key)?.slice()] as const);
    for (const [key, value] of rows) {
      if (value) yield [key, value];
    }
  }

  async close(): Promise<void> {}
}

/** One write of a batch. Keys and values are bytes; keys sort as unsigned bytes. */
export type StoreWrite =
  | { readonly type: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: string };

export interface StoreRange {
  /** Inclusive. */
  readonly from: string;
  /** Exclusive. */
  readonly to: string;
  readonly reverse?: boolean;
  readonly limit?: number;
}

/**
 * Ordered keys and values. Keys are ASCII strings. A resolved `write` is on
 * disk (synced); a batch is applied whole or not at all. The contract is the
 * suite in test/contract/store.ts, which every driver runs.
 */
export interface Store {
  get(key: string): Promise<Uint8Array | undefined>;
  write(batch: readonly StoreWrite[]): Promise<void>;
  range(range: StoreRange): AsyncIterable<readonly [key: string, value: Uint8Array]>;
  close(): Promise<void>;
}

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

/** One write of a batch of bytes. */
export type BytesWrite =
  | { readonly type: 'put'; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: Uint8Array };

/**
 * As `Store`, with keys that are bytes, sort as unsigned bytes, and are read at once. A resolved `write` is on disk
 * (synced); a batch is applied whole or not at all.
 */
export interface BytesStore {
  getSync(key: Uint8Array): Buffer | undefined;
  write(batch: readonly BytesWrite[]): Promise<void>;
  /** The keys that begin so, with their values, in order; at most `limit`. */
  range(prefix: Uint8Array, limit?: number): AsyncIterable<readonly [key: Buffer, value: Buffer]>;
  /** The same without values. */
  keys(prefix: Uint8Array): AsyncIterable<Buffer>;
  /** Removes every key that begins so. */
  clear(prefix: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

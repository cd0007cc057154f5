import type { ObjectType, Oid } from '../../domain/git.ts';

/** What a placeholder stands for. */
export interface KeptSecret {
  readonly rule: string;
  /** The bytes that it replaced; decrypted. */
  readonly secret: Buffer;
  /** The first object that held it. */
  readonly first: Oid;
}

/** A commit or tag whose view is not what the view function gives: what a client pushed, which its ref keeps. */
export interface Pin {
  readonly view: Oid;
  readonly type: 'commit' | 'tag';
  /** The object of the view. */
  readonly content: Buffer;
}

/** The writes of one step: on disk together, or not at all. */
export interface RowBatch {
  /** An affected object, both ways. */
  pair(type: ObjectType, original: Oid, view: Oid): void;
  pin(original: Oid, pin: Pin): void;
  secret(placeholder: string, kept: KeptSecret): void;
  /** Where in an original blob, commit, tag or name what was masked; no secret is in it. */
  spans(
    original: Oid,
    spans: readonly { readonly start: number; readonly end: number; readonly rule: string }[],
  ): void;
  meta(name: string, value: Buffer | undefined): void;
  /** Synced. Used once. */
  write(): Promise<void>;
}

/**
 * The rows of one repository. Reads are synchronous, some microseconds each. Pairs from the original to the view belong
 * to one epoch; those from the view to the original, pins and secrets are of all.
 */
export interface ViewRows {
  /** Of this epoch; undefined where the object is not affected. A pin comes first. */
  viewOf(original: Oid, epoch: number): { readonly type: ObjectType; readonly oid: Oid } | undefined;
  originalOf(view: Oid): { readonly type: ObjectType; readonly oid: Oid; readonly epoch: number } | undefined;
  /** Affected originals, and views, whose hex begins so; at most `limit`. */
  originalsFrom(prefix: string, epoch: number, limit: number): readonly Oid[];
  viewsFrom(prefix: string, limit: number): readonly Oid[];
  pinOf(original: Oid): Pin | undefined;
  secretOf(placeholder: string): KeptSecret | undefined;
  spansOf(original: Oid): readonly { readonly start: number; readonly end: number; readonly rule: string }[];
  meta(name: string): Buffer | undefined;
  /** Whether any object of the epoch is affected. */
  isAnyAffected(epoch: number): boolean;
  batch(epoch: number): RowBatch;
  /** Removes the pairs from originals of an epoch. */
  dropEpoch(epoch: number): Promise<void>;
  /** Reads every row; throws what the store throws where one is damaged. */
  check(): Promise<void>;
  close(): Promise<void>;
}

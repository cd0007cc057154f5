import type { Blame, ErrorCode } from '../domain/error.ts';
import type { ObjectFormat, ObjectType, Oid } from '../domain/git.ts';
import type { PackLimits } from '../git/pack-limits.ts';
import type { WalkOrder, WalkResult } from './contents/walk-order.ts';
import type { IndexedPack } from './finish-pack.ts';
import type { HoldProgress } from './index-pack.ts';

/** What the quarantine's threads search for. They compile it once, at their start. */
export interface SecretSettings {
  /** Rule files of the user, in the gitleaks format; `path` is named in errors. */
  readonly ruleFiles: readonly { readonly path: string; readonly text: string }[];
  /** Whether Refgate's own rules apply. */
  readonly defaults: boolean;
  /** Key of the fingerprints of findings. */
  readonly fingerprintKey: Uint8Array;
}

/** Objects as they are in a message: what was a Buffer arrives as plain bytes. */
export interface SentObject {
  readonly oid: Oid;
  readonly type: ObjectType;
  readonly content: Uint8Array;
}

/** What is borrowed: `base` stands for a delta base of a thin pack, of any type. */
export type BorrowKind = 'base' | 'commit' | 'tree' | 'blob';

/** What the quarantine tells its worker; after `start` all of it is about one pack, until `walked` or `release`. */
export type ToWorker =
  | {
      readonly type: 'start';
      readonly options: {
        readonly dir: string;
        readonly objectFormat: ObjectFormat;
        readonly limits: PackLimits;
      };
    }
  | { readonly type: 'data'; readonly buffer: ArrayBuffer; readonly length: number }
  /** The stream ended before the trailer. */
  | { readonly type: 'end' }
  /** The trailer is there and nothing follows it. */
  | { readonly type: 'finish' }
  | { readonly type: 'walk'; readonly order: WalkOrder }
  /** The pack is not walked: it is closed, and the worker is ready for the next one. */
  | { readonly type: 'release' }
  /** Answers the `borrow` of the same id. */
  | { readonly type: 'lent'; readonly id: number; readonly objects: readonly SentObject[] };

/**
 * What the worker tells the quarantine. After `held` it keeps the pack open;
 * after `walked` it is ready for the next pack; after `refused` it is not.
 */
export type FromWorker =
  /** The buffer comes back, to be filled again. */
  | {
      readonly type: 'taken';
      readonly buffer: ArrayBuffer;
      readonly length: number;
      readonly received: boolean;
    }
  | { readonly type: 'progress'; readonly progress: HoldProgress }
  | { readonly type: 'borrow'; readonly id: number; readonly oids: readonly Oid[]; readonly kind: BorrowKind }
  | { readonly type: 'held'; readonly result: IndexedPack }
  | { readonly type: 'walked'; readonly result: WalkResult }
  | {
      readonly type: 'refused';
      readonly code: ErrorCode;
      readonly blame: Blame;
      readonly detail: string | undefined;
    };

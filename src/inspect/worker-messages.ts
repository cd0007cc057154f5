import type { Blame, ErrorCode } from '../domain/error.ts';
import type { ObjectFormat, ObjectType, Oid } from '../domain/git.ts';
import type { PackLimits } from '../git/pack-limits.ts';
import type { IndexedPack } from './finish-pack.ts';
import type { HoldProgress } from './index-pack.ts';

/** What the quarantine tells its worker; after `start`, all of it is about one pack. */
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
  | {
      readonly type: 'lent';
      readonly objects: readonly {
        readonly oid: Oid;
        readonly type: ObjectType;
        readonly content: Uint8Array;
      }[];
    };

/** What the worker tells the quarantine. After `held` it is ready for the next pack; after `refused` it is not. */
export type FromWorker =
  /** The buffer comes back, to be filled again. */
  | {
      readonly type: 'taken';
      readonly buffer: ArrayBuffer;
      readonly length: number;
      readonly received: boolean;
    }
  | { readonly type: 'progress'; readonly progress: HoldProgress }
  | { readonly type: 'borrow'; readonly oids: readonly Oid[] }
  | { readonly type: 'held'; readonly result: IndexedPack }
  | {
      readonly type: 'refused';
      readonly code: ErrorCode;
      readonly blame: Blame;
      readonly detail: string | undefined;
    };

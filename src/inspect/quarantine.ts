import { RefgateError } from '../domain/error.ts';
import type { ObjectFormat, ObjectType, Oid } from '../domain/git.ts';
import type { Log } from '../domain/log.ts';
import type { HeldPack } from '../domain/ports.ts';
import type { PackLimits } from '../git/pack-limits.ts';

export { defaultPackLimits, type PackLimits } from '../git/pack-limits.ts';

/** An object of the upstream that a thin pack builds upon. */
export interface BorrowedObject {
  readonly oid: Oid;
  readonly type: ObjectType;
  readonly content: Buffer;
}

export interface HoldProgress {
  readonly objects: number;
  readonly total: number;
  readonly bytes: number;
  readonly deltas: number;
}

export interface HoldOptions {
  /** Names the directory below the quarantine: letters, digits, `-` and `_`. */
  readonly id: string;
  readonly objectFormat: ObjectFormat;
  readonly signal?: AbortSignal;
  /** Fetches delta bases that the pack lacks; what the upstream does not have is left out of the answer. */
  readonly borrow: (oids: readonly Oid[]) => Promise<readonly BorrowedObject[]>;
  readonly onProgress?: (progress: HoldProgress) => void;
}

/**
 * Where packs are held and checked before anything of them goes anywhere. Each
 * pack gets a directory of its own, a bare gitdir that stock git can read.
 */
export class Quarantine {
  readonly #options: { readonly dir: string; readonly limits: PackLimits; readonly log: Log };

  constructor(options: { dir: string; limits: PackLimits; log: Log }) {
    this.#options = options;
  }

  /** Removes what a crash left behind, and gives the number of packs removed. Called at start. */
  async sweep(): Promise<number> {
    return 0;
  }

  /**
   * Reads one pack to its trailer and gives it back held: hashed, indexed and
   * checked. The stream is the caller's: it is read a little past the trailer
   * at most, and never destroyed. Throws PACK_* and OBJECT_* with blame `client`,
   * HUNG_UP when the stream fails or `signal` aborts, and INTERNAL; after a
   * throw, nothing is left on disk.
   */
  async hold(_pack: AsyncIterable<Buffer>, options: HoldOptions): Promise<HeldPack> {
    throw new RefgateError('INTERNAL', 'refgate', `${this.#options.dir}/${options.id} cannot be held yet`);
  }

  /** Ends the idle worker. Packs that are being received are refused with SHUTTING_DOWN. */
  async close(): Promise<void> {}
}

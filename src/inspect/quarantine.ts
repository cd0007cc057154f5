import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { RefgateError } from '../domain/error.ts';
import type { ObjectFormat, Oid } from '../domain/git.ts';
import type { Log } from '../domain/log.ts';
import type { HeldPack } from '../domain/ports.ts';
import { bestEngine } from '../git/inflate.ts';
import type { PackLimits } from '../git/pack-limits.ts';
import type { Borrow, WalkOrder, WalkResult } from './contents/walk-order.ts';
import type { IndexedPack } from './finish-pack.ts';
import { HeldThread } from './held-thread.ts';
import { HoldJob } from './hold-job.ts';
import { type HoldProgress, receivedName } from './index-pack.ts';
import { HeldObjectLookup } from './object-table.ts';
import { type LeastPace, Pace } from './pace.ts';
import { PackWorker } from './pack-worker.ts';
import type { BorrowedObject } from './thin-pack.ts';
import { Turns } from './turns.ts';
import type { SecretSettings } from './worker-messages.ts';

export { defaultPackLimits, type PackLimits } from '../git/pack-limits.ts';
export type { HoldProgress } from './index-pack.ts';
export type { BorrowedObject } from './thin-pack.ts';
export type { SecretSettings } from './worker-messages.ts';

export interface HoldOptions {
  /** Names the directory below the quarantine: letters, digits, `-` and `_`. */
  readonly id: string;
  readonly objectFormat: ObjectFormat;
  readonly signal?: AbortSignal;
  /** Fetches delta bases that the pack lacks; what the upstream does not have is left out of the answer. */
  readonly borrow: (oids: readonly Oid[]) => Promise<readonly BorrowedObject[]>;
  readonly onProgress?: (progress: HoldProgress) => void;
}

/** A held pack whose thread still has it open, so that it can be walked once. */
export type WalkableHeldPack = HeldPack & {
  /**
   * Walks what the pack brings; afterwards, as after `release`, the pack keeps no
   * thread. Throws HUNG_UP when `signal` aborts (or its reason, if it is a RefgateError), what `borrow`
   * throws, LIMIT_EXCEEDED, SHUTTING_DOWN, and INTERNAL when the thread ended or the pack was walked or released before.
   */
  walk(order: WalkOrder, borrow: Borrow, signal?: AbortSignal): Promise<WalkResult>;
  /** Lets go of the thread and leaves everything on disk, for `Quarantine.remove` to remove; `release` then does nothing. */
  keep(): Promise<void>;
};

export interface QuarantineOptions {
  /** Belongs to the quarantine alone; `sweep` removes what is not to be spared. */
  readonly dir: string;
  readonly limits: PackLimits;
  readonly log: Log;
  /** What is searched for. Refgate's own rules and a random key if left out. */
  readonly secrets?: SecretSettings;
  /** Packs that have a thread of their own at a time, from their first byte until they are walked or released; further ones wait. 32 if left out. */
  readonly maxHolds?: number;
  /** While packs wait, one that is received must come this fast. 64 KiB in 30 s if left out. */
  readonly leastPace?: LeastPace;
  /** Bound of each thread's JavaScript heap; a thread that needs more ends with INTERNAL. 256 if left out. */
  readonly workerHeapMiB?: number;
}

const defaultPace: LeastPace = { bytes: 64 * 1024, ms: 30_000 };

/**
 * Where packs are held and checked before anything of them goes anywhere. Each
 * pack gets a directory of its own, a bare gitdir that stock git can read.
 */
export class Quarantine {
  readonly #options: QuarantineOptions;
  readonly #holds: Turns;
  /** Deltas are what takes memory and a whole core, so only some packs are at it at a time. */
  readonly #resolving = new Turns(Math.max(2, availableParallelism()));
  readonly #closing = new AbortController();
  readonly #running = new Set<Promise<unknown>>();
  readonly #threads = new Set<HeldThread>();
  readonly #secrets: SecretSettings;
  #idle: PackWorker | undefined;

  constructor(options: QuarantineOptions) {
    this.#options = options;
    this.#secrets = options.secrets ?? { ruleFiles: [], defaults: true, fingerprintKey: randomBytes(32) };
    this.#holds = new Turns(options.maxHolds ?? 32);
  }

  /** Removes what a crash left behind but for the packs with these ids, and gives the number of packs removed. Called at start. */
  async sweep(spared: ReadonlySet<string> = new Set()): Promise<number> {
    const { dir } = this.#options;
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const left = (await readdir(dir)).filter((name) => !spared.has(name));
    for (const name of left) await rm(join(dir, name), { recursive: true, force: true });
    this.#idle ??= this.#newWorker();
    if (bestEngine() === 'sync') this.#options.log.warn({ node: process.version }, 'slow inflater in use');
    return left.length;
  }

  /**
   * Reads one pack to its trailer and gives it back held: hashed, indexed,
   * checked, searched for secrets, and open to be walked. The stream is the caller's: it is read a little past the trailer
   * at most, and never destroyed. Throws PACK_* and OBJECT_* with blame `client`,
   * SECRET_RULES_INVALID when what is searched for cannot be compiled, HUNG_UP when the stream fails or `signal` aborts (or the signal's reason, if it
   * is a RefgateError), SHUTTING_DOWN, and INTERNAL; after a throw, nothing is
   * left on disk that can be removed.
   */
  async hold(pack: AsyncIterable<Buffer>, options: HoldOptions): Promise<WalkableHeldPack> {
    const running = this.#hold(pack, options);
    this.#running.add(running);
    try {
      return await running;
    } catch (error) {
      throw asRefgateError(error);
    } finally {
      this.#running.delete(running);
    }
  }

  async #hold(pack: AsyncIterable<Buffer>, options: HoldOptions): Promise<WalkableHeldPack> {
    if (!/^[\w-]{1,128}$/.test(options.id)) throw new RefgateError('INTERNAL', 'refgate', 'a session id');
    const signal = AbortSignal.any([this.#closing.signal, ...(options.signal ? [options.signal] : [])]);
    const endTurn = await this.#holds.take(signal);
    const dir = join(this.#options.dir, options.id);
    try {
      await mkdir(this.#options.dir, { recursive: true, mode: 0o700 });
      await mkdir(dir, { mode: 0o700 });
      return await this.#inDirectory(dir, pack, options, { signal, endTurn });
    } catch (error) {
      endTurn();
      throw error;
    }
  }

  async #inDirectory(
    dir: string,
    pack: AsyncIterable<Buffer>,
    options: HoldOptions,
    { signal, endTurn: endHold }: { readonly signal: AbortSignal; readonly endTurn: () => void },
  ): Promise<WalkableHeldPack> {
    const worker = this.#takeWorker();
    const pace = new Pace(this.#options.leastPace ?? defaultPace, () => this.#holds.isWanted);
    let endTurn = () => {};
    try {
      const turn = async () => {
        pace.end();
        endTurn = await this.#resolving.take(signal);
      };
      const job = new HoldJob(worker, { ...options, turn, signal: AbortSignal.any([signal, pace.signal]) });
      const { objectFormat } = options;
      worker.begin({ dir, objectFormat, limits: this.#options.limits }, job);
      const indexed = await job.run(pace.count(pack));
      return this.#walkable(dir, options, indexed, this.#keep(worker, options, endHold));
    } catch (error) {
      if (!this.#closing.signal.aborted) this.#idle ??= this.#newWorker();
      // The thread first: it must not write into a directory that is being removed.
      await worker.terminate();
      await this.#remove(dir);
      this.#options.log.debug({ id: options.id, err: error }, 'pack not held');
      throw error;
    } finally {
      pace.end();
      endTurn();
    }
  }

  /** The worker stays with its pack; `endHold` is called when it no longer does. */
  #keep(worker: PackWorker, { onProgress }: HoldOptions, endHold: () => void): HeldThread {
    const thread = new HeldThread(worker, {
      ...(onProgress === undefined ? {} : { onProgress }),
      onFree: (usable) => {
        this.#threads.delete(thread);
        if (usable) this.#giveBack(worker);
        else if (!this.#closing.signal.aborted) this.#idle ??= this.#newWorker();
        endHold();
      },
    });
    this.#threads.add(thread);
    if (this.#closing.signal.aborted) void thread.end(this.#closing.signal.reason);
    return thread;
  }

  #walkable(dir: string, options: HoldOptions, indexed: IndexedPack, thread: HeldThread): WalkableHeldPack {
    let isKept = false;
    const release = async () => {
      await thread.letGo();
      if (!isKept) await this.#remove(dir);
    };
    return {
      ...heldPack(dir, options, indexed, release),
      keep: async () => {
        isKept = true;
        await thread.letGo();
      },
      walk: async (order, borrow, signal) => {
        const closing = this.#closing.signal;
        const either = signal === undefined ? closing : AbortSignal.any([closing, signal]);
        try {
          return await thread.walk(order, borrow, either);
        } catch (error) {
          throw asRefgateError(error);
        }
      },
    };
  }

  /** Removes a pack that was kept. Never rejects. */
  async remove(id: string): Promise<void> {
    if (/^[\w-]{1,128}$/.test(id)) await this.#remove(join(this.#options.dir, id));
  }

  /** Never rejects: what became of the push must not depend on it, and the next start sweeps what is left. */
  async #remove(dir: string): Promise<void> {
    try {
      await rm(dir, { recursive: true, force: true });
    } catch (error) {
      this.#options.log.error({ dir, err: error }, 'held pack not removed');
    }
  }

  #takeWorker(): PackWorker {
    const idle = this.#idle;
    this.#idle = undefined;
    return idle?.alive === true ? idle : this.#newWorker();
  }

  #newWorker(): PackWorker {
    return new PackWorker(this.#options.workerHeapMiB ?? 256, this.#secrets);
  }

  /** One worker stays warm, since starting one takes longer than a small push. */
  #giveBack(worker: PackWorker): void {
    if (this.#idle === undefined && !this.#closing.signal.aborted) this.#idle = worker;
    else void worker.terminate();
  }

  /** Refuses the packs that are being received or walked with SHUTTING_DOWN, and ends all threads. Packs that are held stay. */
  async close(): Promise<void> {
    const reason = new RefgateError('SHUTTING_DOWN', 'refgate');
    this.#closing.abort(reason);
    await Promise.allSettled(this.#running);
    await Promise.all(Array.from(this.#threads, (thread) => thread.end(reason)));
    await this.#idle?.terminate();
    this.#idle = undefined;
  }
}

function heldPack(
  dir: string,
  options: HoldOptions,
  indexed: IndexedPack,
  release: () => Promise<void>,
): HeldPack {
  const lookup = new HeldObjectLookup(indexed.objects, options.objectFormat);
  return {
    id: options.id,
    gitDir: dir,
    file: join(dir, receivedName),
    bytes: indexed.bytes,
    sha256: indexed.sha256,
    objectFormat: options.objectFormat,
    counts: lookup.counts(),
    typeOf: (oid) => lookup.typeOf(oid),
    parentsOf: (oid) => lookup.parentsOf(oid),
    tagTarget: (oid) => lookup.tagTarget(oid),
    release,
  };
}

/** A signal aborts for whatever reason; unless it says otherwise, the client has gone. */
function asRefgateError(error: unknown): RefgateError {
  if (error instanceof RefgateError) return error;
  const aborted = error instanceof Error && error.name === 'AbortError';
  const [code, blame] = aborted ? (['HUNG_UP', 'client'] as const) : (['INTERNAL', 'refgate'] as const);
  return new RefgateError(code, blame, aborted ? undefined : String(error), { cause: error });
}

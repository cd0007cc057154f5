import { RefgateError } from '../domain/error.ts';
import type { Oid } from '../domain/git.ts';
import type { IndexedPack } from './finish-pack.ts';
import type { HoldProgress } from './index-pack.ts';
import type { PackWorker, PackWorkerEvents } from './pack-worker.ts';
import type { BorrowedObject } from './thin-pack.ts';

/** How long after the trailer bytes that do not belong there are waited for, in ms: some clients never end the stream. */
const trailingMs = 20;

export interface HoldJobOptions {
  readonly borrow: (oids: readonly Oid[]) => Promise<readonly BorrowedObject[]>;
  readonly onProgress?: (progress: HoldProgress) => void;
  /** Awaited between the last byte and the work on deltas. */
  readonly turn: () => Promise<void>;
  readonly signal: AbortSignal;
}

/** Feeds one pack to one worker, and waits for what comes of it. */
export class HoldJob implements PackWorkerEvents {
  readonly #worker: PackWorker;
  readonly #options: HoldJobOptions;
  readonly #outcome: Promise<IndexedPack>;
  #settle: { resolve: (pack: IndexedPack) => void; reject: (error: unknown) => void } | undefined;
  #failure: { readonly error: unknown } | undefined;
  #received = false;
  /** Wakes whoever waits for the client's next bytes. */
  #interrupt: (() => void) | undefined;

  constructor(worker: PackWorker, options: HoldJobOptions) {
    this.#worker = worker;
    this.#options = options;
    this.#outcome = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    // Looked at only after the last byte; a failure before that reaches `run` through #interrupt.
    this.#outcome.catch(() => {});
  }

  async run(pack: AsyncIterable<Buffer>): Promise<IndexedPack> {
    const { signal } = this.#options;
    const onAbort = () => this.onFailed(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      if (signal.aborted) throw signal.reason;
      await this.#feed(pack[Symbol.asyncIterator]());
      await this.#options.turn();
      this.#worker.finish();
      return await this.#outcome;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  async #feed(source: AsyncIterator<Buffer>): Promise<void> {
    for (;;) {
      const next = source.next();
      const result = (await this.#unlessInterrupted(next)) ?? (await this.#afterTrailer(next));
      if (this.#failure !== undefined) throw this.#failure.error;
      if (result.done === true) return;
      await this.#worker.write(result.value);
    }
  }

  /** The client's next bytes, or undefined when the trailer came or something failed first. */
  #unlessInterrupted(next: Promise<IteratorResult<Buffer>>): Promise<IteratorResult<Buffer> | undefined> {
    return new Promise((resolve, reject) => {
      this.#interrupt = () => resolve(undefined);
      next.then(resolve, (cause: unknown) => reject(hungUp(cause)));
      if (this.#received || this.#failure !== undefined) resolve(undefined);
    });
  }

  async #afterTrailer(next: Promise<IteratorResult<Buffer>>): Promise<IteratorResult<Buffer>> {
    if (this.#failure !== undefined) throw this.#failure.error;
    let timer: NodeJS.Timeout | undefined;
    const quiet = new Promise<IteratorResult<Buffer>>((resolve) => {
      timer = setTimeout(() => resolve({ done: true, value: undefined }), trailingMs);
    });
    const result = await Promise.race([next, quiet]).catch((cause: unknown) => {
      throw hungUp(cause);
    });
    clearTimeout(timer);
    return result;
  }

  onReceived(): void {
    this.#received = true;
    this.#interrupt?.();
  }

  onProgress(progress: HoldProgress): void {
    this.#options.onProgress?.(progress);
  }

  onBorrow(id: number, oids: readonly Oid[]): void {
    this.#options.borrow(oids).then(
      (objects) => this.#worker.lend(id, objects),
      (error: unknown) => this.onFailed(error),
    );
  }

  onHeld(result: IndexedPack): void {
    this.#settle?.resolve(result);
  }

  onFailed(error: unknown): void {
    this.#failure ??= { error };
    this.#settle?.reject(this.#failure.error);
    this.#worker.giveUp();
    this.#interrupt?.();
  }
}

function hungUp(cause: unknown): unknown {
  return cause instanceof RefgateError ? cause : new RefgateError('HUNG_UP', 'client', undefined, { cause });
}

import { RefgateError } from '../domain/error.ts';
import type { Borrow, WalkOrder, WalkResult } from './contents/walk-order.ts';
import type { HoldProgress } from './index-pack.ts';
import type { PackWorker } from './pack-worker.ts';

export interface HeldThreadOptions {
  readonly onProgress?: (progress: HoldProgress) => void;
  /** Called once, when the pack needs its thread no more; `usable` when it can take another pack. */
  readonly onFree: (usable: boolean) => void;
}

/**
 * The thread of a held pack, which keeps the pack open until it is walked, or
 * let go, whichever comes first. A thread that breaks fails the walk, even one
 * that is asked for later.
 */
export class HeldThread {
  /** Both are forgotten once the pack needs them no more: it may then wait for people for days. */
  #worker: PackWorker | undefined;
  #options: HeldThreadOptions | undefined;
  #state: 'waiting' | 'walking' | 'free' = 'waiting';
  #failure: unknown;
  #settle: ((error: unknown) => void) | undefined;

  constructor(worker: PackWorker, options: HeldThreadOptions) {
    this.#worker = worker;
    this.#options = options;
    worker.wait({ onFailed: (error) => this.#fail(error) });
    if (!worker.alive) this.#fail(new RefgateError('INTERNAL', 'refgate', 'the thread of a held pack ended'));
  }

  /**
   * Walks the pack, once. Throws what the walk and `borrow` throw, the signal's reason
   * when it aborts, and INTERNAL when the thread ends or the pack was let go.
   */
  async walk(order: WalkOrder, borrow: Borrow, signal: AbortSignal): Promise<WalkResult> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#state !== 'waiting')
      throw new RefgateError('INTERNAL', 'refgate', 'a held pack is walked once');
    this.#state = 'walking';
    const onAbort = () => this.#fail(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      signal.throwIfAborted();
      const result = await this.#outcome(order, borrow);
      this.#worker?.rest();
      this.#free(true);
      return result;
    } catch (error) {
      await this.end(error);
      throw error;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  #outcome(order: WalkOrder, borrow: Borrow): Promise<WalkResult> {
    return new Promise((resolve, reject) => {
      this.#settle = reject;
      const onProgress = this.#options?.onProgress;
      this.#worker?.walk(order, {
        ...(onProgress === undefined ? {} : { onProgress }),
        onBorrow: (id, oids, kind) => {
          if (kind === 'base') return;
          borrow(oids, kind).then((objects) => this.#worker?.lend(id, objects), reject);
        },
        onWalked: resolve,
        onFailed: reject,
      });
    });
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    if (this.#settle !== undefined) this.#settle(error);
    else void this.end(error);
  }

  /** The pack is not to be walked any more. A thread that waits takes another pack; one that walks is ended. */
  async letGo(): Promise<void> {
    if (this.#state !== 'waiting') return this.end(released());
    this.#worker?.letGo();
    this.#worker?.rest();
    this.#failure = released();
    this.#free(true);
  }

  /** Ends the thread, in the middle of its work if need be; a walk throws `error`. */
  async end(error: unknown): Promise<void> {
    if (this.#state === 'free') return;
    this.#failure ??= error;
    this.#settle?.(error);
    await this.#worker?.terminate();
    this.#free(false);
  }

  #free(usable: boolean): void {
    if (this.#state === 'free') return;
    this.#state = 'free';
    const onFree = this.#options?.onFree;
    this.#worker = undefined;
    this.#options = undefined;
    this.#settle = undefined;
    onFree?.(usable);
  }
}

const released = () => new RefgateError('INTERNAL', 'refgate', 'the held pack was released');

import type { MaskProgress } from '../../domain/mask.ts';

/** What runs for a repository until its view is served, or it is left to an administrator. */
export class Making {
  /** Settled once it was scanned, or need not be. */
  readonly scanned: Promise<void>;
  readonly done: Promise<void>;
  readonly #aborter = new AbortController();
  readonly #listeners = new Set<(progress: MaskProgress) => void>();
  #progress: MaskProgress | undefined;

  /** @param closing aborts it. @param work begins at the next turn of the loop; `scanned` is called in the middle of it. */
  constructor(closing: AbortSignal, work: (making: Making, scanned: () => void) => Promise<void>) {
    const onClose = () => this.abort(closing.reason);
    closing.addEventListener('abort', onClose, { once: true });
    let looked = (): void => undefined;
    const half = new Promise<void>((resolve) => {
      looked = resolve;
    });
    this.done = Promise.resolve()
      .then(() => work(this, looked))
      .finally(() => closing.removeEventListener('abort', onClose));
    this.scanned = Promise.race([half, this.done]);
    this.scanned.catch(() => undefined);
  }

  get signal(): AbortSignal {
    return this.#aborter.signal;
  }

  get progress(): MaskProgress | undefined {
    return this.#progress;
  }

  abort(reason: unknown): void {
    this.#aborter.abort(reason);
  }

  readonly tell = (progress: MaskProgress): void => {
    this.#progress = progress;
    for (const listener of this.#listeners) listener(progress);
  };

  /** Gives the function that ends the listening. */
  listen(listener: (progress: MaskProgress) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

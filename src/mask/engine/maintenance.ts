import { existsSync } from 'node:fs';
import type { Turns } from '../../inspect/turns.ts';
import { maintainView } from '../build/maintain-view.ts';

/** How long nothing was written to a view before it is packed anew, in ms. */
const quiet = 30_000;

/**
 * Packs a view anew when it has been quiet for a while. It takes the turn of the repository's writer, and gives it up
 * when a writer comes: it is then tried again later.
 */
export class Maintenance {
  readonly #turns: Turns;
  readonly #closing: AbortSignal;
  readonly #onFailure: (error: unknown) => void;
  #timer: NodeJS.Timeout | undefined;
  #running: AbortController | undefined;

  constructor(turns: Turns, closing: AbortSignal, onFailure: (error: unknown) => void) {
    this.#turns = turns;
    this.#closing = closing;
    this.#onFailure = onFailure;
  }

  /** Something was written to the view in `gitDir`. */
  later(gitDir: string): void {
    clearTimeout(this.#timer);
    if (this.#closing.aborted) return;
    this.#timer = setTimeout(() => {
      this.#run(gitDir).catch(this.#onFailure);
    }, quiet);
    this.#timer.unref();
  }

  /** A writer comes. */
  giveWay(): void {
    this.#running?.abort();
  }

  async #run(gitDir: string): Promise<void> {
    const running = new AbortController();
    const signal = AbortSignal.any([running.signal, this.#closing]);
    const endTurn = await this.#turns.take(this.#closing);
    this.#running = running;
    try {
      // It may have been removed meanwhile.
      if (!existsSync(gitDir)) return;
      if (!this.#turns.isWanted) await maintainView(gitDir, signal);
      else this.later(gitDir);
    } catch (error) {
      if (!signal.aborted) throw error;
      this.later(gitDir);
    } finally {
      this.#running = undefined;
      endTurn();
    }
  }
}

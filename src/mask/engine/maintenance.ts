import { existsSync } from 'node:fs';
import type { Turns } from '../../inspect/turns.ts';
import { maintainOriginals } from '../build/maintain-originals.ts';
import { maintainView } from '../build/maintain-view.ts';

/** How long nothing was written before packing begins, in ms. */
const quiet = 30_000;

/** Where it is never quiet, packing begins after so many writes. */
const mostWrites = 100;

/** What is packed of a repository. */
export interface Packed {
  readonly view: string;
  readonly originals: string;
}

/**
 * Packs the view and the originals anew when they have been quiet for a while, or were written to many times. It takes the
 * turn of the repository's writer, and gives it up when a writer comes: it is then tried again later. What is never left alone
 * is packed all the same, and writers wait for it.
 */
export class Maintenance {
  readonly #turns: Turns;
  readonly #closing: AbortSignal;
  readonly #onFailure: (error: unknown) => void;
  #timer: NodeJS.Timeout | undefined;
  #running: AbortController | undefined;
  #writes = 0;

  constructor(turns: Turns, closing: AbortSignal, onFailure: (error: unknown) => void) {
    this.#turns = turns;
    this.#closing = closing;
    this.#onFailure = onFailure;
  }

  /** Something was written to them. */
  later(packed: Packed): void {
    clearTimeout(this.#timer);
    if (this.#closing.aborted) return;
    this.#writes++;
    const wait = this.#isUrgent ? 0 : quiet;
    this.#timer = setTimeout(() => {
      this.#run(packed).catch(this.#onFailure);
    }, wait);
    this.#timer.unref();
  }

  get #isUrgent(): boolean {
    return this.#writes >= mostWrites;
  }

  /** A writer comes. */
  giveWay(): void {
    if (!this.#isUrgent) this.#running?.abort();
  }

  async #run(packed: Packed): Promise<void> {
    const running = new AbortController();
    const signal = AbortSignal.any([running.signal, this.#closing]);
    const endTurn = await this.#turns.take(this.#closing);
    this.#running = running;
    try {
      if (this.#turns.isWanted && !this.#isUrgent) return this.later(packed);
      // They may have been removed meanwhile.
      if (existsSync(packed.view)) await maintainView(packed.view, signal);
      if (existsSync(packed.originals)) await maintainOriginals(packed.originals, signal);
      this.#writes = 0;
    } catch (error) {
      if (!signal.aborted) throw error;
      this.later(packed);
    } finally {
      this.#running = undefined;
      endTurn();
    }
  }
}

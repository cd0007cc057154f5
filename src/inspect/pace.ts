import { RefgateError } from '../domain/error.ts';

/** What a pack must bring while others wait for its place: so many bytes in so many ms. */
export interface LeastPace {
  readonly bytes: number;
  readonly ms: number;
}

/**
 * Watches how fast one pack comes in. A slow client may take its time as long
 * as nobody waits for its place; then it keeps the pace, or loses the place.
 */
export class Pace {
  readonly #slow = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #bytes = 0;

  /** @param isWanted whether somebody waits. */
  constructor(least: LeastPace, isWanted: () => boolean) {
    this.#timer = setInterval(() => {
      if (this.#bytes < least.bytes && isWanted()) this.#slow.abort(tooSlow());
      this.#bytes = 0;
    }, least.ms);
    this.#timer.unref();
  }

  /** Aborts with IDLE_TIMEOUT (client) when the place is lost. */
  get signal(): AbortSignal {
    return this.#slow.signal;
  }

  /** The same bytes, counted. */
  async *count(pack: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of pack) {
      this.#bytes += chunk.length;
      yield chunk;
    }
  }

  /** The last byte is there, or the pack is given up. */
  end(): void {
    clearInterval(this.#timer);
  }
}

const tooSlow = (): RefgateError =>
  new RefgateError(
    'IDLE_TIMEOUT',
    'client',
    'the pack came too slowly while others waited; push again later',
  );

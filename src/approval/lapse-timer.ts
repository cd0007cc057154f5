/** setTimeout takes no more; a later time is waited for in pieces. */
const maxDelay = 2 ** 31 - 1;

/** After a sweep that failed, in ms. */
const retryAfter = 60_000;

/** Calls back when the nearest of many deadlines is there; keeps no process alive. */
export class LapseTimer {
  readonly #clock: () => number;
  /** Does what is due, and gives when to come again, in ms since 1970. */
  readonly #sweep: () => Promise<number | undefined>;
  #timer: NodeJS.Timeout | undefined;
  #at = Number.POSITIVE_INFINITY;
  #isStopped = false;

  constructor(clock: () => number, sweep: () => Promise<number | undefined>) {
    this.#clock = clock;
    this.#sweep = sweep;
  }

  /** Something is due then, in ms since 1970; a nearer time that is waited for already stays. */
  wakeAt(time: number): void {
    if (this.#isStopped || time >= this.#at) return;
    clearTimeout(this.#timer);
    this.#at = time;
    const delay = Math.min(Math.max(0, time - this.#clock()), maxDelay);
    this.#timer = setTimeout(() => void this.#fire(), delay);
    this.#timer.unref();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  async #fire(): Promise<void> {
    this.#at = Number.POSITIVE_INFINITY;
    const next = await this.#sweep().catch(() => this.#clock() + retryAfter);
    if (next !== undefined) this.wakeAt(next);
  }
}

import type { HeldPush, Outbox } from '../domain/approval.ts';
import type { Log } from '../domain/log.ts';
import { type Change, lapsed } from './changes.ts';
import { LapseTimer } from './lapse-timer.ts';
import type { LivePushes } from './live-pushes.ts';
import { isFinal } from './states.ts';
import { Turns } from './turns.ts';
import { Watchers } from './watchers.ts';

/**
 * What happens to held pushes, one thing at a time for each: a change is made
 * durable, then seen in memory, then told to who listens. Pushes whose time is
 * up lapse, as long as nobody relays them.
 */
export class HeldSteps {
  readonly live: LivePushes;
  readonly watchers: Watchers;
  readonly #outbox: Outbox;
  readonly #log: Log;
  readonly #clock: () => number;
  readonly #turns = new Turns();
  readonly #timer: LapseTimer;

  constructor(options: { live: LivePushes; outbox: Outbox; log: Log; clock: () => number }) {
    this.live = options.live;
    this.watchers = new Watchers(options.log);
    this.#outbox = options.outbox;
    this.#log = options.log;
    this.#clock = options.clock;
    this.#timer = new LapseTimer(options.clock, () => this.#sweepAgain());
  }

  /** Milliseconds since 1970. */
  now(): number {
    return this.#clock();
  }

  /** Work on one push, after everything that was begun on it before. Must not be called from within a turn of the same push. */
  turn<T>(id: string, work: () => Promise<T>): Promise<T> {
    return this.#turns.take(`push ${id}`, work);
  }

  /** What one user brings, one after the other; may take turns of pushes. */
  turnOfUser<T>(user: string, work: () => Promise<T>): Promise<T> {
    return this.#turns.take(`user ${user}`, work);
  }

  /** In a turn of the push. Throws what the recorder throws, and then nothing has changed. */
  async apply(change: Change, rawPushOptions?: readonly string[]): Promise<HeldPush> {
    const { push } = change;
    await this.live.apply(change, rawPushOptions);
    if (!isFinal(push.state)) this.#timer.wakeAt(deadlineOf(push));
    this.watchers.tell(push);
    if (change.notice) this.#outbox.wake();
    return push;
  }

  /** In a turn of the push: as it is now, with its deadline heeded. @throws NOT_FOUND */
  async current(id: string): Promise<HeldPush> {
    const push = await this.live.need(id);
    return this.#isDue(push) ? this.apply(lapsed(push, this.now())) : push;
  }

  /** The push once `isThere` says so of it, at once if it does. Rejects with the reason of `signal`, and with NOT_FOUND. */
  until(
    id: string,
    isThere: (push: HeldPush) => boolean,
    signal: AbortSignal,
    onChange?: (push: HeldPush) => void,
  ): Promise<HeldPush> {
    const push = this.live.get(id);
    if (push && !isThere(push)) return this.watchers.until(id, isThere, signal, onChange);
    return push ? Promise.resolve(push) : this.live.need(id);
  }

  /** Ends what is past its deadline, and comes again when the next one is. */
  async lapseDue(): Promise<void> {
    const next = await this.#sweep();
    if (next !== undefined) this.#timer.wakeAt(next);
  }

  async #sweepAgain(): Promise<number | undefined> {
    try {
      return await this.#sweep();
    } catch (err) {
      this.#log.error({ err }, 'held pushes not lapsed');
      throw err;
    }
  }

  async #sweep(): Promise<number | undefined> {
    const due = [...this.live.pushes.values()].filter((push) => this.#isDue(push));
    const ends = await Promise.allSettled(due.map(({ id }) => this.turn(id, () => this.current(id))));
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
    const waiting = [...this.live.pushes.values()].filter((push) => push.relayedBy === undefined);
    if (waiting.length === 0) return undefined;
    return waiting.map(deadlineOf).reduce((a, b) => Math.min(a, b));
  }

  #isDue(push: HeldPush): boolean {
    return !isFinal(push.state) && push.relayedBy === undefined && deadlineOf(push) <= this.now();
  }

  /** Stops the timer and waits for what is under way. */
  async close(): Promise<void> {
    this.#timer.stop();
    await this.#turns.ended();
  }
}

function deadlineOf(push: HeldPush): number {
  return Date.parse(push.deadline);
}

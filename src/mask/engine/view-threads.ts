import { RefgateError } from '../../domain/error.ts';
import type { RepoPlace, ViewCall, ViewCalls, ViewThreadSettings } from './messages.ts';
import { type AskOptions, ViewThread } from './view-thread.ts';

export interface ViewThreadsOptions {
  /** The compiled entry file of a thread. */
  readonly url: URL;
  readonly settings: ViewThreadSettings;
  /** At most this many run. */
  readonly count: number;
  /** Bound of one thread's JavaScript heap; 1,024 if left out. */
  readonly heapMiB?: number;
  /** How long, in ms, a repository stays open after its last question; 10 minutes if left out. */
  readonly idle?: number;
  /** As many repositories one thread keeps open that nobody asks, since each takes some MiB; 16 if left out. */
  readonly mostIdle?: number;
}

interface OpenRepo {
  asked: number;
  timer: NodeJS.Timeout | undefined;
}

/** A thread with the repositories that it has open, by folder; the one that was asked last comes last. */
interface Seat {
  readonly thread: ViewThread;
  readonly open: Map<string, OpenRepo>;
}

/**
 * The threads that make views. They start with the first question; a repository stays on one thread, the one that had
 * fewest when it came, since only one may have its rows open. A thread that holds nothing ends, and one that died is started anew.
 */
export class ViewThreads {
  readonly #options: ViewThreadsOptions;
  readonly #seats: Seat[] = [];
  /** Folders that a thread is closing: they are opened again when it is done. */
  readonly #closing = new Map<string, Promise<void>>();
  #isClosed = false;

  constructor(options: ViewThreadsOptions) {
    this.#options = options;
  }

  /** How many run, for metrics. */
  get running(): number {
    return this.#seats.filter(({ thread }) => thread.isAlive).length;
  }

  /** Throws what the engine throws, the reason of the signal, and INTERNAL when the thread dies or all is closed. */
  async ask<C extends ViewCall>(
    call: C,
    repo: RepoPlace,
    ask: ViewCalls[C]['ask'],
    options: AskOptions = {},
  ): Promise<ViewCalls[C]['answer']> {
    await this.#closing.get(repo.dir);
    if (this.#isClosed)
      throw new RefgateError('INTERNAL', 'refgate', 'the threads that make views are closed');
    const seat = this.#seatOf(repo.dir);
    const state = seat.open.get(repo.dir) ?? { asked: 0, timer: undefined };
    seat.open.set(repo.dir, state);
    clearTimeout(state.timer);
    state.asked++;
    try {
      return await seat.thread.ask(call, repo, ask, options);
    } finally {
      state.asked--;
      if (state.asked === 0 && seat.open.get(repo.dir) === state) this.#rest(seat, repo.dir, state);
    }
  }

  #rest(seat: Seat, dir: string, state: OpenRepo): void {
    state.timer = this.#closeLater(seat, dir);
    seat.open.delete(dir);
    seat.open.set(dir, state);
    const idle = [...seat.open].filter(([, { asked }]) => asked === 0);
    const [longest] = idle;
    if (longest === undefined || idle.length <= (this.#options.mostIdle ?? 16)) return;
    clearTimeout(longest[1].timer);
    void this.#closeRepo(seat, longest[0]);
  }

  #seatOf(dir: string): Seat {
    this.#forgetDead();
    const mine = this.#seats.find(({ open }) => open.has(dir));
    if (mine !== undefined) return mine;
    const [least] = [...this.#seats].sort((a, b) => a.open.size - b.open.size);
    if (least !== undefined && (least.open.size === 0 || this.#seats.length >= this.#options.count))
      return least;
    const { url, settings, heapMiB = 1_024 } = this.#options;
    const seat: Seat = { thread: new ViewThread(url, settings, heapMiB), open: new Map() };
    this.#seats.push(seat);
    return seat;
  }

  #forgetDead(): void {
    for (const seat of this.#seats.filter(({ thread }) => !thread.isAlive)) this.#forget(seat);
  }

  #forget(seat: Seat): void {
    for (const { timer } of seat.open.values()) clearTimeout(timer);
    const at = this.#seats.indexOf(seat);
    if (at >= 0) this.#seats.splice(at, 1);
  }

  #closeLater(seat: Seat, dir: string): NodeJS.Timeout {
    const timer = setTimeout(() => void this.#closeRepo(seat, dir), this.#options.idle ?? 600_000);
    timer.unref();
    return timer;
  }

  async #closeRepo(seat: Seat, dir: string): Promise<void> {
    const closed = seat.thread.release(dir);
    seat.open.delete(dir);
    this.#closing.set(dir, closed);
    await closed;
    this.#closing.delete(dir);
    if (seat.open.size > 0) return;
    this.#forget(seat);
    await seat.thread.end();
  }

  /** Closes what a thread has open of a repository, so that its rows may be removed. */
  async release(dir: string): Promise<void> {
    await this.#closing.get(dir);
    const seat = this.#seats.find(({ open }) => open.has(dir));
    if (seat === undefined) return;
    clearTimeout(seat.open.get(dir)?.timer);
    await this.#closeRepo(seat, dir);
  }

  /** Ends every thread; what is asked now throws INTERNAL. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const seats = this.#seats.splice(0);
    for (const seat of seats) this.#forget(seat);
    await Promise.all(seats.map(({ thread }) => thread.end()));
  }
}

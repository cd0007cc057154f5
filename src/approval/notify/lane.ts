import type { NotifierStatus } from '../../domain/approval.ts';
import type { Log } from '../../domain/log.ts';
import type { Store } from '../../domain/store.ts';
import type { DeadList } from './dead-list.ts';
import type { NotifierConfig } from './notifier-config.ts';
import type { Outcome } from './outcome.ts';
import { formatRow, type LaneState, parseRow, type QueueRow, queueKey, stateKey } from './rows.ts';
import type { Sender } from './sender.ts';

export interface LaneSettings {
  readonly store: Store;
  readonly dead: DeadList;
  readonly log: Log;
  readonly clock: () => number;
  /** After each failed attempt, in ms; when there is no further one, the notice is given up. */
  readonly delays: readonly number[];
  /** Notices that may wait. */
  readonly maxWaiting: number;
}

/** The clock may jump while we sleep: no sleep is longer. In ms. */
const longestSleep = 60_000;

/** After the store failed, in ms. */
const storePause = 30_000;

/**
 * The queue of one notifier: one notice at a time, whichever is due first.
 * Only ids are in memory. What was sent is taken from the store afterwards, so
 * that a crash sends it again, under the same id.
 */
export class Lane {
  readonly config: NotifierConfig;
  readonly sender: Sender;
  sent = 0;
  failed = 0;
  readonly #settings: LaneSettings;
  readonly #closing = new AbortController();
  /** When each is due, in ms since 1970; oldest notice first. */
  readonly #due = new Map<string, number>();
  #state: LaneState = {};
  #wake: () => void = () => {};
  #running: Promise<void> | undefined;

  constructor(config: NotifierConfig, sender: Sender, settings: LaneSettings) {
    this.config = config;
    this.sender = sender;
    this.#settings = settings;
  }

  /** Begins to send. What was added before is sent, oldest first. */
  async start(): Promise<void> {
    const state = await this.#settings.store.get(stateKey(this.config.name));
    if (state !== undefined) this.#state = parseRow<LaneState>(state);
    this.#running = this.#run();
  }

  /** A row that is in the store. */
  add(id: string, due: number): void {
    this.#due.set(id, due);
    this.#wake();
  }

  /** Ends the attempt that runs, which does not count, and sends nothing more. */
  async close(): Promise<void> {
    this.#closing.abort(new Error('the server is shutting down'));
    this.#wake();
    await this.#running;
  }

  status(): NotifierStatus {
    const { name, target } = this.config;
    const dead = this.#settings.dead.count(name);
    return {
      name,
      kind: target.kind,
      where: this.sender.where,
      waiting: this.#due.size,
      dead,
      ...this.#state,
    };
  }

  async #run(): Promise<void> {
    const { log, clock, maxWaiting } = this.#settings;
    const { name } = this.config;
    while (!this.#closing.signal.aborted) {
      try {
        if (this.#due.size > maxWaiting) await this.#dropOldest();
        else {
          const next = this.#soonest();
          const wait = next === undefined ? longestSleep : next.due - clock();
          if (next === undefined || wait > 0) await this.#sleep(wait);
          else await this.#attempt(next.id);
        }
      } catch (error) {
        log.error({ notifier: name, err: error }, 'the queue of notices cannot be read or written');
        await this.#sleep(storePause, 'whole');
      }
    }
  }

  #soonest(): { readonly id: string; readonly due: number } | undefined {
    let soonest: { id: string; due: number } | undefined;
    for (const [id, due] of this.#due) if (soonest === undefined || due < soonest.due) soonest = { id, due };
    return soonest;
  }

  #sleep(ms: number, until: 'woken' | 'whole' = 'woken'): Promise<void> {
    if (this.#closing.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.min(ms, longestSleep));
      this.#wake = () => {
        if (until === 'whole' && !this.#closing.signal.aborted) return;
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async #attempt(id: string): Promise<void> {
    const row = await this.#read(id);
    if (row === undefined) return;
    const outcome = await this.sender.send(row, this.#closing.signal);
    if (outcome.sent) return this.#onSent(row, outcome.warning);
    if (!this.#closing.signal.aborted) await this.#onFailed(row, outcome);
  }

  async #read(id: string): Promise<QueueRow | undefined> {
    const { store, log } = this.#settings;
    const key = queueKey(this.config.name, id);
    const value = await store.get(key);
    try {
      if (value !== undefined) return parseRow<QueueRow>(value);
    } catch (error) {
      log.error({ notifier: this.config.name, id, err: error }, 'a notice cannot be read and is removed');
      await store.write([{ type: 'del', key }]);
    }
    this.#due.delete(id);
    return undefined;
  }

  async #onSent({ id, summary }: QueueRow, warning: string | undefined): Promise<void> {
    const { store, log } = this.#settings;
    const { name } = this.config;
    const time = this.#now();
    const { lastError } = this.#state;
    this.#state = {
      lastSent: time,
      ...(warning === undefined ? lastError && { lastError } : { lastError: { time, text: warning } }),
    };
    this.sent += 1;
    await store.write([
      { type: 'del', key: queueKey(name, id) },
      { type: 'put', key: stateKey(name), value: formatRow(this.#state) },
    ]);
    this.#due.delete(id);
    log.debug({ notifier: name, id, type: summary.type, push: summary.push }, 'notice sent');
    if (warning !== undefined) log.warn({ notifier: name, id, warning }, 'notice sent to some only');
  }

  async #onFailed(row: QueueRow, outcome: Outcome & { sent: false }): Promise<void> {
    const { store, dead, log, clock, delays } = this.#settings;
    const { name } = this.config;
    const delay = delays[row.attempts];
    const tried = { ...row, attempts: row.attempts + 1 };
    this.failed += 1;
    this.#state = { ...this.#state, lastError: { time: this.#now(), text: outcome.text } };
    const fields = {
      notifier: name,
      id: row.id,
      push: row.summary.push,
      attempts: tried.attempts,
      error: outcome.text,
    };
    const state = { type: 'put', key: stateKey(name), value: formatRow(this.#state) } as const;
    if (outcome.forGood || delay === undefined) {
      await dead.add(name, tried, outcome.text, clock());
      this.#due.delete(row.id);
      await store.write([state]);
      log.error(fields, 'a notice was given up');
      return;
    }
    // Between 0.8 and 1.2 times: what failed together does not come back together.
    const due = clock() + Math.max(delay * (0.8 + 0.4 * Math.random()), outcome.retryAfter ?? 0);
    const next: QueueRow = { ...tried, due };
    await store.write([{ type: 'put', key: queueKey(name, row.id), value: formatRow(next) }, state]);
    this.#due.set(row.id, due);
    log.warn(fields, 'a notice was not delivered and is tried again');
  }

  async #dropOldest(): Promise<void> {
    const { dead, log, clock, maxWaiting } = this.#settings;
    for (const id of [...this.#due.keys()].slice(0, this.#due.size - maxWaiting)) {
      const row = await this.#read(id);
      if (row === undefined) continue;
      await dead.add(
        this.config.name,
        row,
        `more than ${maxWaiting} notices waited for this receiver`,
        clock(),
      );
      this.#due.delete(id);
      log.error({ notifier: this.config.name, id }, 'a notice was given up: too many wait');
    }
  }

  #now(): string {
    return new Date(this.#settings.clock()).toISOString();
  }
}

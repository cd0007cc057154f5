import { randomBytes } from 'node:crypto';
import type { DeadNotice, Notice, NotifierStatus, NotifyAdmin, Outbox } from '../../domain/approval.ts';
import { RefgateError } from '../../domain/error.ts';
import type { Log } from '../../domain/log.ts';
import type { Store, StoreWrite } from '../../domain/store.ts';
import { DeadList } from './dead-list.ts';
import { Lane } from './lane.ts';
import type { NotifierConfig } from './notifier-config.ts';
import { formatRow, parseRow, partsOf, type QueueRow, queueKey, queueRange } from './rows.ts';
import { createSender } from './sender.ts';
import { type AddressedPush, addressedOf, sampleSummary, summarize } from './summary.ts';

export interface NotifyOptions {
  readonly store: Store;
  readonly notifiers: readonly NotifierConfig[];
  readonly log: Log;
  /** The e-mail addresses of the people who may vote on a push, for mails to reviewers. */
  readonly recipients: (push: AddressedPush) => Promise<readonly string[]>;
  /** Milliseconds since 1970. */
  readonly clock?: () => number;
  /** The page that a sample links to. */
  readonly samplePage?: string;
  readonly limits?: Partial<NotifyLimits>;
}

export interface NotifyLimits {
  /** For one attempt, in ms; a mail may take three times as long. */
  readonly timeout: number;
  /** After each failed attempt, in ms; after the last, the notice is given up. */
  readonly delays: readonly number[];
  /** For each notifier; of more, the oldest is given up. */
  readonly maxWaiting: number;
  /** For each notifier; of more, the oldest is forgotten. */
  readonly maxDead: number;
}

/** How it goes, for the counters. */
export interface NotifyCounts {
  readonly name: string;
  readonly waiting: number;
  readonly dead: number;
  /** Since the start. */
  readonly sent: number;
  /** Attempts that failed, since the start. */
  readonly failed: number;
}

/** Notices on their way to people. Nothing of it waits for a receiver but `test`. */
export interface Notifications extends Outbox, NotifyAdmin {
  counts(): readonly NotifyCounts[];
  /** Ends what is being sent; it is sent at the next start. */
  close(): Promise<void>;
}

const minute = 60_000;
const defaults: NotifyLimits = {
  timeout: 10_000,
  delays: [5_000, 30_000, 2 * minute, 10 * minute, 30 * minute, 120 * minute, 360 * minute, 720 * minute],
  maxWaiting: 10_000,
  maxDead: 1_000,
};

/** How long a row may be on its way to the disk until it is not looked for any more, in ms. */
const longestWrite = 10 * minute;
const mostGiven = 20_000;

/**
 * Opens the queues and begins to send what the last run left. Rows of notifiers
 * that the configuration no longer has are given up.
 */
export async function openNotifications(options: NotifyOptions): Promise<Notifications> {
  const opened = new QueuedNotifications(options);
  await opened.open();
  return opened;
}

class QueuedNotifications implements Notifications {
  readonly #store: Store;
  readonly #log: Log;
  readonly #clock: () => number;
  readonly #samplePage: string;
  readonly #dead: DeadList;
  readonly #lanes: ReadonlyMap<string, Lane>;
  /** Rows that were given out and have not been seen in the store yet, with the time when they were. */
  readonly #given = new Map<string, number>();
  readonly #closing = new AbortController();
  #collecting: Promise<void> | undefined;
  #again = false;
  #counter = 0;

  constructor(options: NotifyOptions) {
    const limits = { ...defaults, ...options.limits };
    this.#store = options.store;
    this.#log = options.log;
    this.#clock = options.clock ?? Date.now;
    this.#samplePage = options.samplePage ?? 'https://refgate.example.com/-/pushes';
    this.#dead = new DeadList(options.store, limits.maxDead);
    const { store, log } = options;
    const settings = {
      ...limits,
      store,
      log,
      clock: this.#clock,
      dead: this.#dead,
      recipients: options.recipients,
    };
    this.#lanes = new Map(
      options.notifiers.map((config) => [
        config.name,
        new Lane(config, createSender(config, settings), settings),
      ]),
    );
  }

  async open(): Promise<void> {
    await this.#dead.load();
    for await (const [key, value] of this.#store.range(queueRange)) await this.#resume(key, value);
    for (const lane of this.#lanes.values()) await lane.start();
  }

  async #resume(key: string, value: Uint8Array): Promise<void> {
    const { name, id } = partsOf(key);
    try {
      const row = parseRow<QueueRow>(value);
      const lane = this.#lanes.get(name);
      if (lane !== undefined) return lane.add(id, row.due);
      await this.#dead.add(
        name,
        row,
        'the configuration has no notifier of this name any more',
        this.#clock(),
      );
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      this.#log.error({ notifier: name, id }, 'a notice cannot be read and is removed');
      await this.#store.write([{ type: 'del', key }]);
    }
  }

  writes(notice: Notice): readonly StoreWrite[] {
    const wanting = [...this.#lanes.values()].filter(({ config }) => config.on.includes(notice.type));
    const due = this.#clock();
    if (wanting.length === 0) return [];
    const summary = summarize(notice);
    return wanting.map(({ config }): StoreWrite => {
      const id = this.#nextId(due);
      const toReviewers = config.target.kind === 'email' && config.target.to === 'reviewers';
      const row: QueueRow = {
        id,
        summary,
        ...(toReviewers ? { push: addressedOf(notice) } : {}),
        attempts: 0,
        due,
      };
      const key = queueKey(config.name, id);
      this.#give(key, due);
      return { type: 'put', key, value: formatRow(row) };
    });
  }

  /** Where nothing becomes durable any more, this must not grow. */
  #give(key: string, time: number): void {
    this.#given.set(key, time);
    if (this.#given.size <= mostGiven) return;
    const [oldest = key] = this.#given.keys();
    this.#given.delete(oldest);
  }

  wake(): void {
    if (this.#closing.signal.aborted) return;
    if (this.#collecting !== undefined) {
      this.#again = true;
      return;
    }
    this.#collecting = this.#collect()
      .catch((error: unknown) => this.#log.error({ err: error }, 'the queue of notices cannot be read'))
      .then(() => {
        this.#collecting = undefined;
        if (this.#again && !this.#closing.signal.aborted) this.wake();
      });
  }

  /** Batches become durable in any order, and some never: each row is looked for until it is there, for a while. */
  async #collect(): Promise<void> {
    this.#again = false;
    for (const [key, time] of [...this.#given]) {
      if (this.#closing.signal.aborted) return;
      const isDurable = (await this.#store.get(key)) !== undefined;
      const { name, id } = partsOf(key);
      if (isDurable) this.#lanes.get(name)?.add(id, time);
      if (isDurable || this.#clock() - time > longestWrite) this.#given.delete(key);
    }
  }

  async status(): Promise<readonly NotifierStatus[]> {
    return [...this.#lanes.values()].map((lane) => lane.status());
  }

  counts(): readonly NotifyCounts[] {
    return [...this.#lanes.values()].map((lane) => {
      const { name, waiting, dead } = lane.status();
      return { name, waiting, dead, sent: lane.sent, failed: lane.failed };
    });
  }

  dead(): Promise<readonly DeadNotice[]> {
    return this.#dead.list();
  }

  async retry(id: string | undefined, actor: string): Promise<number> {
    const found = this.#dead.find(id);
    if (id !== undefined && found.length === 0)
      throw new RefgateError('NOT_FOUND', 'client', `no notice ${id} was given up; see refgate notify dead`);
    const [stray] = found.filter(({ name }) => !this.#lanes.has(name));
    if (id !== undefined && stray !== undefined) {
      const detail = `${id} is for ${stray.name}, which notify: in refgate.yaml does not have; add it, or leave this`;
      throw new RefgateError('NOT_FOUND', 'client', detail);
    }
    let count = 0;
    for (const { name, id: one } of found) {
      const now = this.#clock();
      const lane = this.#lanes.get(name);
      if (lane === undefined || !(await this.#dead.revive(name, one, now))) continue;
      lane.add(one, now);
      count += 1;
    }
    this.#log.info({ actor, count, ...(id === undefined ? {} : { id }) }, 'notices put back in line');
    return count;
  }

  async test(name: string): Promise<void> {
    const lane = this.#lanes.get(name);
    if (lane === undefined) {
      const names = [...this.#lanes.keys()].join(', ');
      const known = names === '' ? 'notify: in refgate.yaml is empty' : `there are ${names}`;
      throw new RefgateError('NOT_FOUND', 'client', `no notifier is named ${name}; ${known}`);
    }
    const now = this.#clock();
    const summary = sampleSummary(new Date(now).toISOString(), this.#samplePage);
    const outcome = await lane.sender.send({ id: this.#nextId(now), summary }, this.#closing.signal);
    if (!outcome.sent) throw new RefgateError('NOTIFY_FAILED', 'operator', `${name}: ${outcome.text}`);
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error('the server is shutting down'));
    await this.#collecting;
    await Promise.all([...this.#lanes.values()].map((lane) => lane.close()));
  }

  /** Sorts by time, and is unlike any other of this or another run. */
  #nextId(now: number): string {
    this.#counter = (this.#counter + 1) % 36 ** 4;
    const digits = (value: number, length: number): string => value.toString(36).padStart(length, '0');
    return `n-${digits(now, 9)}${digits(this.#counter, 4)}${randomBytes(4).toString('hex')}`;
  }
}

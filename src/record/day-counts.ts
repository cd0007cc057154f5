import type { RefVerdict } from '../domain/policy.ts';
import type { DayCounts, LedgerEvent, SessionOutcome, SessionSummary } from '../domain/record.ts';
import type { Store, StoreWrite } from '../domain/store.ts';
import { dayKey, heldSinceKey, lastPart, under } from './keys.ts';
import { isCode } from './session-index.ts';

/** How many names of rules one day holds by themselves; what comes after counts as `other`. */
const maxNames = 200;
const maxNameLength = 128;
export const otherNames = 'other';

/** One day while it is counted. Names are peers' and authors' words, so they are keys of maps and not of objects. */
interface Day {
  readonly pushes: Map<SessionOutcome, number>;
  fetches: number;
  readonly rules: Map<string, number>;
  readonly findings: Map<string, number>;
  decided: { count: number; waited: number };
}

/**
 * Counts events by the UTC day on which they were recorded, one row a day, in
 * the batch of the events. A push counts on the day on which its session was
 * closed, and by the outcome of then: one that closed as `held` stays counted
 * as held, whatever people decide later. A fetch is an answer with a pack.
 * What a ledger held before it kept these rows is not counted afterwards.
 */
export class DayCounter {
  readonly #store: Store;
  /** The days of the batch that is made now, and the last one of those before it. */
  readonly #days = new Map<string, Day>();
  readonly #changed = new Set<string>();
  /** When a push was held, RFC 3339, and undefined once it waits no more; of this batch only. */
  readonly #held = new Map<string, string | undefined>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** Takes one event; `session` is its session as it was before, where the event ends one. */
  async add(event: LedgerEvent, session: SessionSummary | undefined): Promise<void> {
    if (isCode(event, 'session.closed')) {
      if (session === undefined || !isPush(session) || session.outcome !== undefined) return;
      count((await this.#dayOf(event)).pushes, event.data.outcome);
    } else if (isCode(event, 'fetch.served')) {
      if (event.data.pack) (await this.#dayOf(event)).fetches += 1;
    } else if (isCode(event, 'push.inspected')) await this.#addFindings(event);
    else if (isCode(event, 'push.decided')) {
      const byPeople = event.data.held !== undefined;
      await this.#addRules(event, (reason) => byPeople && peoplesCodes.has(reason.code), 'deny');
    } else if (isCode(event, 'push.held')) {
      this.#held.set(event.data.push, event.time);
      await this.#addRules(event, () => false, 'ask');
    } else if (isCode(event, 'push.canceled') || isCode(event, 'push.failed')) {
      this.#held.set(event.data.push, undefined);
    } else if (
      isCode(event, 'push.approved') ||
      isCode(event, 'push.rejected') ||
      isCode(event, 'push.lapsed')
    )
      await this.#addDecision(event);
  }

  async #addFindings(event: LedgerEvent<'push.inspected'>): Promise<void> {
    const found = event.data.findings?.filter(({ state }) => state === 'new') ?? [];
    if (found.length === 0) return;
    const { findings } = await this.#dayOf(event);
    for (const { rule } of found) countName(findings, rule);
  }

  async #addRules(
    event: LedgerEvent<'push.decided' | 'push.held'>,
    isSkipped: (reason: RefVerdict['reasons'][number]) => boolean,
    effect: RefVerdict['effect'],
  ): Promise<void> {
    const judged = event.data.refs.filter((verdict) => verdict.effect === effect);
    if (judged.length === 0) return;
    const { rules } = await this.#dayOf(event);
    for (const { reasons } of judged) {
      const names = new Set(reasons.filter((reason) => !isSkipped(reason)).map(({ rule }) => rule));
      for (const name of names) countName(rules, name);
    }
  }

  /** An approved push can lapse too: it had been decided then. */
  async #addDecision(event: LedgerEvent<'push.approved' | 'push.rejected' | 'push.lapsed'>): Promise<void> {
    const { push } = event.data;
    const since = this.#held.has(push) ? this.#held.get(push) : await this.#heldSince(push);
    this.#held.set(push, undefined);
    if (since === undefined) return;
    const day = await this.#dayOf(event);
    const waited = Math.max(0, Date.parse(event.time) - Date.parse(since));
    day.decided = { count: day.decided.count + 1, waited: day.decided.waited + waited };
  }

  /** The rows that belong in the batch of the events that were taken since the last call. */
  takeWrites(): StoreWrite[] {
    const writes: StoreWrite[] = [];
    for (const name of this.#changed) {
      const day = this.#days.get(name);
      if (day) writes.push(put(dayKey(name), JSON.stringify(toRow(name, day))));
    }
    for (const [push, since] of this.#held) {
      const key = heldSinceKey(push);
      writes.push(since === undefined ? { type: 'del', key } : put(key, since));
    }
    return writes;
  }

  /** Called when everything so far is durable. */
  written(): void {
    this.#changed.clear();
    this.#held.clear();
    for (const name of [...this.#days.keys()].slice(0, -1)) this.#days.delete(name);
  }

  async #dayOf({ time }: LedgerEvent): Promise<Day> {
    const name = time.slice(0, 10);
    const day = this.#days.get(name) ?? toDay(await readDay(this.#store, name));
    this.#days.set(name, day);
    this.#changed.add(name);
    return day;
  }

  async #heldSince(push: string): Promise<string | undefined> {
    const bytes = await this.#store.get(heldSinceKey(push));
    return bytes && Buffer.from(bytes).toString();
  }
}

/** What people said of a push was counted when it was held. */
const peoplesCodes: ReadonlySet<string> = new Set([
  'APPROVAL_REQUIRED',
  'APPROVAL_DENIED',
  'APPROVAL_LAPSED',
]);

/** The session asked for ref updates: not an advertisement, and not one that ended before its request. */
function isPush({ service, mode, refs }: SessionSummary): boolean {
  return service === 'receive-pack' && mode !== 'advertise' && refs.length > 0;
}

/** The rows from `since` to `until` (`2026-01-31`, inclusive), oldest first. */
export async function readDays(store: Store, since: string, until: string): Promise<readonly DayCounts[]> {
  const { to } = under(dayKey(until));
  const days: DayCounts[] = [];
  for await (const [key, row] of store.range({ from: dayKey(since), to })) {
    const day: DayCounts = JSON.parse(Buffer.from(row).toString());
    days.push({ ...day, day: lastPart(key) });
  }
  return days;
}

async function readDay(store: Store, day: string): Promise<DayCounts | undefined> {
  const bytes = await store.get(dayKey(day));
  return bytes && JSON.parse(Buffer.from(bytes).toString());
}

function toDay(row: DayCounts | undefined): Day {
  return {
    pushes: new Map(Object.entries(row?.pushes ?? {}) as [SessionOutcome, number][]),
    fetches: row?.fetches ?? 0,
    rules: new Map(Object.entries(row?.rules ?? {})),
    findings: new Map(Object.entries(row?.findings ?? {})),
    decided: { count: row?.decided.count ?? 0, waited: row?.decided.waited ?? 0 },
  };
}

function toRow(day: string, { pushes, fetches, rules, findings, decided }: Day): DayCounts {
  return {
    day,
    pushes: Object.fromEntries(pushes),
    fetches,
    rules: Object.fromEntries(rules),
    findings: Object.fromEntries(findings),
    decided,
  };
}

function countName(counts: Map<string, number>, name: string): void {
  const kept = name.slice(0, maxNameLength);
  count(counts, counts.has(kept) || counts.size < maxNames ? kept : otherNames);
}

function count<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function put(key: string, value: string): StoreWrite {
  return { type: 'put', key, value: Buffer.from(value) };
}

import { createHash } from 'node:crypto';
import type { LedgerEvent, SessionOutcome, SessionSummary } from '../domain/record.ts';
import type { Store, StoreWrite } from '../domain/store.ts';
import { sessionEventKey, sessionKey, sortable, unclosedKey, unsettledKey } from './keys.ts';

/** A push of more refs than this is found by any ref, and then looked at. */
export const maxIndexedRefs = 256;

/** Summaries of sessions that are open now, kept in memory; others are read from the store. */
const maxKeptSummaries = 1000;

const nothing = new Uint8Array();

/** What a list of sessions may be narrowed by; undefined is not narrowed. */
export interface SessionFilter {
  readonly user?: string | undefined;
  readonly repo?: string | undefined;
  readonly ref?: string | undefined;
  readonly outcome?: SessionOutcome | undefined;
}

/** Stands for the refs of a session that has too many of them; no ref name has a space. */
export const manyRefs = 'many refs';

/**
 * The folder of the sessions that pass the filter. There is one for each
 * combination of filters, so that any of them is answered by reading one range.
 */
export function indexFolder(filter: SessionFilter): string {
  const values = [filter.user, filter.repo, filter.ref, filter.outcome].map((value) => value ?? null);
  const digest = createHash('sha256').update(JSON.stringify(values)).digest('hex');
  return `ledger/session-by/${digest.slice(0, 32)}`;
}

/** Sorts by the time at which the session was opened, then by its id. */
export function indexKey(folder: string, openedAt: string, id: string): string {
  return `${folder}/${sortable(Date.parse(openedAt))}/${id}`;
}

/** A session's row, and the keys under which it is found. */
interface Indexed {
  readonly summary: SessionSummary;
  readonly keys: ReadonlySet<string>;
}

/** Turns events into the writes that keep the sessions, and the ways to find them, up to date. */
export class SessionIndex {
  readonly #store: Store;
  readonly #open = new Map<string, Indexed>();
  #closed: string[] = [];

  constructor(store: Store) {
    this.#store = store;
  }

  /** The writes that belong in the batch of this event. Sees the events before it, written or not. */
  async writes(event: LedgerEvent): Promise<StoreWrite[]> {
    const id = event.session;
    if (id === undefined) return [];
    const writes = [put(sessionEventKey(id, event.seq), nothing), ...openEnds(id, event)];
    const before = await this.#indexed(id);
    const summary = summarise(before?.summary, id, event);
    if (!summary || summary === before?.summary) return writes;
    const keys = new Set(indexKeys(summary));
    this.#open.set(id, { summary, keys });
    if (event.code === 'session.closed') this.#closed.push(id);
    writes.push(put(sessionKey(id), Buffer.from(JSON.stringify(summary))));
    for (const key of before?.keys ?? []) if (!keys.has(key)) writes.push({ type: 'del', key });
    for (const key of keys) if (!before?.keys.has(key)) writes.push(put(key, nothing));
    return writes;
  }

  /** The row of a session as the events so far make it, written or not. */
  async summary(id: string | undefined): Promise<SessionSummary | undefined> {
    return id === undefined ? undefined : (await this.#indexed(id))?.summary;
  }

  /** Called when everything so far is durable. */
  written(): void {
    for (const id of this.#closed) this.#open.delete(id);
    this.#closed = [];
    if (this.#open.size > maxKeptSummaries) this.#open.clear();
  }

  async #indexed(id: string): Promise<Indexed | undefined> {
    const open = this.#open.get(id);
    if (open) return open;
    const summary = await readSummary(this.#store, id);
    return summary && { summary, keys: new Set(indexKeys(summary)) };
  }
}

/** The row of one session; undefined when there is none. */
export async function readSummary(store: Store, id: string): Promise<SessionSummary | undefined> {
  const bytes = await store.get(sessionKey(id));
  return bytes && JSON.parse(Buffer.from(bytes).toString());
}

/** What a crash would leave unfinished. */
function openEnds(id: string, event: LedgerEvent): StoreWrite[] {
  switch (event.code) {
    case 'session.opened':
      return [put(unclosedKey(id), nothing)];
    case 'session.closed':
      return [{ type: 'del', key: unclosedKey(id) }];
    case 'push.decided':
      if (!isCode(event, 'push.decided') || event.data.relay.length === 0) return [];
      return [put(unsettledKey(id), Buffer.from(sortable(event.seq)))];
    case 'push.reported':
    case 'push.settled':
      return [{ type: 'del', key: unsettledKey(id) }];
    default:
      return [];
  }
}

function summarise(
  before: SessionSummary | undefined,
  id: string,
  event: LedgerEvent,
): SessionSummary | undefined {
  if (isCode(event, 'session.opened')) {
    const { repo, transport, service, mode, address } = event.data;
    return { id, openedAt: event.time, repo, transport, service, mode, address, refs: [] };
  }
  if (!before) return undefined;
  if (isCode(event, 'session.authenticated')) return { ...before, user: event.data.user };
  if (isCode(event, 'push.requested')) {
    const refs = [...new Set(event.data.updates.map((update) => update.ref))];
    if (refs.length <= maxIndexedRefs) return { ...before, refs };
    return { ...before, refs: refs.slice(0, maxIndexedRefs), refCount: refs.length };
  }
  if (isCode(event, 'session.closed')) {
    const { outcome, code, bytesIn, bytesOut } = event.data;
    return {
      ...before,
      closedAt: event.time,
      outcome,
      ...(code !== undefined && { code }),
      bytesIn,
      bytesOut,
    };
  }
  return before;
}

/** Narrows an event by its code. */
export function isCode<C extends LedgerEvent['code']>(event: LedgerEvent, code: C): event is LedgerEvent<C> {
  return event.code === code;
}

function indexKeys(summary: SessionSummary): string[] {
  const { user, repo, outcome } = summary;
  const refs = summary.refCount === undefined ? summary.refs : [manyRefs];
  const folders = new Set<string>();
  for (const ref of [undefined, ...refs])
    for (const withUser of [undefined, user])
      for (const withRepo of [undefined, repo])
        for (const withOutcome of [undefined, outcome])
          folders.add(indexFolder({ user: withUser, repo: withRepo, ref, outcome: withOutcome }));
  return [...folders].map((folder) => indexKey(folder, summary.openedAt, summary.id));
}

function put(key: string, value: Uint8Array): StoreWrite {
  return { type: 'put', key, value };
}

import { RefgateError } from '../domain/error.ts';
import type { SessionQuery, SessionSummary } from '../domain/record.ts';
import type { Store } from '../domain/store.ts';
import { lastPart, sortable, under } from './keys.ts';
import { indexFolder, indexKey, manyRefs, readSummary } from './session-index.ts';

const maxRows = 1000;

/** Whether a session whose row does not hold all its refs has this one. */
type HasRef = (id: string, ref: string) => Promise<boolean>;

/**
 * The sessions that pass the query, newest first: one range for any
 * combination of filters, and a second one, usually empty, for pushes of very
 * many refs. Throws USAGE for a limit or a time that is none, NOT_FOUND for an
 * unknown `before`.
 */
export async function findSessions(
  store: Store,
  query: SessionQuery,
  hasRef: HasRef,
): Promise<readonly SessionSummary[]> {
  const { limit } = query;
  if (!Number.isInteger(limit) || limit < 1 || limit > maxRows) throw usage(`limit must be 1 to ${maxRows}`);
  const bounds = {
    since: toMs(query.since),
    until: toMs(query.until),
    before: await cursor(store, query.before),
  };
  const found: SessionSummary[] = [];
  let ids: string[] = [];
  for await (const id of candidates(store, query, bounds)) {
    ids.push(id);
    if (found.length + ids.length < limit) continue;
    found.push(...(await passing(store, ids, query, hasRef)));
    ids = [];
    if (found.length >= limit) return found;
  }
  found.push(...(await passing(store, ids, query, hasRef)));
  return found;
}

interface Bounds {
  readonly since: number | undefined;
  readonly until: number | undefined;
  /** Time and id of the last row of the page before. */
  readonly before: string | undefined;
}

async function* candidates(store: Store, query: SessionQuery, bounds: Bounds): AsyncIterable<string> {
  if (query.ref === undefined) {
    for await (const place of places(store, indexFolder(query), bounds)) yield lastPart(place);
    return;
  }
  const exact = places(store, indexFolder(query), bounds);
  const many = places(store, indexFolder({ ...query, ref: manyRefs }), bounds);
  for await (const place of newestFirst(exact, many)) yield lastPart(place);
}

/** `TIME/ID` of each session of the folder, newest first. */
async function* places(store: Store, folder: string, bounds: Bounds): AsyncGenerator<string> {
  const whole = under(folder);
  const from = bounds.since === undefined ? whole.from : `${folder}/${sortable(bounds.since)}`;
  const ends = [whole.to];
  if (bounds.until !== undefined) ends.push(`${folder}/${sortable(bounds.until + 1)}`);
  if (bounds.before !== undefined) ends.push(`${folder}/${bounds.before}`);
  const [to = whole.to] = ends.sort();
  for await (const [key] of store.range({ from, to, reverse: true })) {
    yield key.slice(folder.length + 1);
  }
}

/** Merges two descending lists. */
async function* newestFirst(a: AsyncGenerator<string>, b: AsyncGenerator<string>): AsyncGenerator<string> {
  try {
    let [left, right] = await Promise.all([a.next(), b.next()]);
    while (!left.done || !right.done) {
      if (right.done || (!left.done && left.value > right.value)) {
        if (!left.done) yield left.value;
        left = await a.next();
      } else {
        yield right.value;
        right = await b.next();
      }
    }
  } finally {
    await Promise.all([a.return(undefined), b.return(undefined)]);
  }
}

async function passing(
  store: Store,
  ids: readonly string[],
  query: SessionQuery,
  hasRef: HasRef,
): Promise<SessionSummary[]> {
  const rows = await Promise.all(ids.map((id) => readSummary(store, id)));
  const passed: SessionSummary[] = [];
  for (const row of rows) {
    if (!row) continue;
    const manyAndNotIt =
      query.ref !== undefined && row.refCount !== undefined && !(await hasRef(row.id, query.ref));
    if (!manyAndNotIt) passed.push(row);
  }
  return passed;
}

async function cursor(store: Store, before: string | undefined): Promise<string | undefined> {
  if (before === undefined) return undefined;
  const row = await readSummary(store, before);
  if (!row)
    throw new RefgateError(
      'NOT_FOUND',
      'operator',
      `there is no session ${before}; begin again with the first page`,
    );
  return indexKey('', row.openedAt, row.id).slice(1);
}

function toMs(time: string | undefined): number | undefined {
  if (time === undefined) return undefined;
  const ms = Date.parse(time);
  if (Number.isNaN(ms) || ms < 0)
    throw usage(`${JSON.stringify(time)} is not a time such as 2026-01-31T12:00:00Z`);
  return ms;
}

function usage(text: string): RefgateError {
  return new RefgateError('USAGE', 'operator', text);
}

import type { HeldPush, HeldQuery } from '../domain/approval.ts';
import { RefgateError } from '../domain/error.ts';
import type { Store } from '../domain/store.ts';
import { findIds, placeOf, readRow } from './held-rows.ts';
import { isFinal } from './states.ts';
import { noPush } from './told.ts';

const maxRows = 1000;

/**
 * The held pushes that pass the query, newest first. Those that are open come
 * from `live`, others from the store, of which only the page is read. `waits`
 * says whether a push waits for a user. Throws USAGE for a limit that is none,
 * NOT_FOUND for an unknown `before`.
 */
export async function listHeld(
  store: Store,
  live: ReadonlyMap<string, HeldPush>,
  query: HeldQuery,
  waits: (push: HeldPush) => boolean,
): Promise<readonly HeldPush[]> {
  const { limit, state = 'open', waitsFor } = query;
  if (!Number.isInteger(limit) || limit < 1 || limit > maxRows)
    throw new RefgateError('USAGE', 'client', `limit must be 1 to ${maxRows}`);
  const before = query.before === undefined ? undefined : await placeBefore(store, live, query.before);
  const passes = (push: HeldPush) =>
    passesQuery(push, query, state) && (waitsFor === undefined || waits(push));
  if (waitsFor !== undefined || state === 'open' || (state !== 'all' && !isFinal(state))) {
    const open = [...live.values()].filter((push) => passes(push) && (!before || placeOf(push) < before));
    return open.sort((a, b) => (placeOf(a) < placeOf(b) ? 1 : -1)).slice(0, limit);
  }
  const { user, repo, ref } = query;
  const filter = { user, repo, ref, state: state === 'all' ? undefined : state };
  const found: HeldPush[] = [];
  let ids: string[] = [];
  const take = async (): Promise<void> => {
    const rows = await Promise.all(ids.map(async (id) => live.get(id) ?? (await readRow(store, id))?.push));
    for (const push of rows) if (push && passes(push)) found.push(push);
    ids = [];
  };
  // Rows are read as many at once as the page has room for: one after the other each would wait for the disk's thread.
  for await (const id of findIds(store, filter, before)) {
    ids.push(id);
    if (found.length + ids.length < limit) continue;
    await take();
    if (found.length >= limit) return found;
  }
  await take();
  return found;
}

function passesQuery(push: HeldPush, query: HeldQuery, state: HeldQuery['state']): boolean {
  if (query.user !== undefined && push.principal.user !== query.user) return false;
  if (query.repo !== undefined && push.repo !== query.repo) return false;
  if (query.ref !== undefined && !push.refs.some(({ ref }) => ref === query.ref)) return false;
  if (state === 'all') return true;
  return state === 'open' ? !isFinal(push.state) : push.state === state;
}

async function placeBefore(store: Store, live: ReadonlyMap<string, HeldPush>, id: string): Promise<string> {
  const push = live.get(id) ?? (await readRow(store, id))?.push;
  if (!push) throw noPush(id);
  return placeOf(push);
}

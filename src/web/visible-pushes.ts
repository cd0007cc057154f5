import { finalStates, type HeldPush, type HeldPushes, type HeldQuery } from '../domain/approval.ts';
import { RefgateError } from '../domain/error.ts';
import { maySee } from './may-see.ts';
import type { Viewer } from './viewer.ts';

/** How many pushes are looked through for one page of a list; beyond that its last row says where to go on. */
const mostLooked = 1_000;
const step = 200;

/** One page of a list, and where the next one begins; absent on the last. */
export interface PushList {
  readonly rows: readonly HeldPush[];
  readonly next?: string;
}

/** Whether people or the upstream still have something to do with it. */
export function isOpen({ state }: Pick<HeldPush, 'state'>): boolean {
  return !finalStates.has(state);
}

/**
 * The newest pushes of the query that this viewer may see, at most `limit`. Who sees only own pushes
 * asks for these alone, whatever the query says. @throws NOT_FOUND for an unknown `before`
 */
export async function visiblePushes(
  ports: { readonly held: HeldPushes },
  viewer: Viewer | 'operator',
  query: HeldQuery,
  keep: (push: HeldPush) => boolean = () => true,
): Promise<PushList> {
  const asked = asSeenBy(viewer, query);
  if (asked === undefined) return { rows: [] };
  const rows: HeldPush[] = [];
  let { before } = asked;
  if (before !== undefined && !looksWider(viewer)) await mustBeTheirs(ports, viewer, before);
  // The first look is as long as most pages: what is not shown need not be read.
  let limit = Math.min(step, query.limit + 1);
  for (let looked = 0; looked < mostLooked; looked += limit, limit = step) {
    const page = await ports.held.list({ ...asked, limit, ...(before === undefined ? {} : { before }) });
    for (const push of page) {
      if (!keep(push) || !(await sees(ports, viewer, push))) continue;
      const last = rows.at(-1);
      if (rows.length >= query.limit && last !== undefined) return { rows, next: last.id };
      rows.push(push);
    }
    before = page.at(-1)?.id;
    if (page.length < limit || before === undefined) return { rows };
  }
  return before === undefined ? { rows } : { rows, next: before };
}

/** Where a list goes on tells nobody that a push of somebody else is there. @throws NOT_FOUND */
async function mustBeTheirs(
  ports: { readonly held: HeldPushes },
  viewer: Viewer | 'operator',
  id: string,
): Promise<void> {
  const push = await ports.held.get(id);
  if (push !== undefined && (await sees(ports, viewer, push))) return;
  throw new RefgateError(
    'NOT_FOUND',
    'client',
    `there is no held push ${JSON.stringify(id)}; list them first`,
  );
}

/** Whether this viewer may see it; the operator sees everything. */
export async function sees(
  ports: { readonly held: HeldPushes },
  viewer: Viewer | 'operator',
  push: HeldPush,
): Promise<boolean> {
  return viewer === 'operator' || (await maySee(ports, viewer, push));
}

function looksWider(viewer: Viewer | 'operator'): boolean {
  return viewer === 'operator' || viewer.user.role !== 'user';
}

/** What nobody else may see is not looked through; undefined when nothing can be left. */
function asSeenBy(viewer: Viewer | 'operator', query: HeldQuery): HeldQuery | undefined {
  if (viewer === 'operator' || looksWider(viewer)) return query;
  const { name } = viewer.user;
  if (query.user !== undefined && query.user !== name) return undefined;
  return { ...query, user: name };
}

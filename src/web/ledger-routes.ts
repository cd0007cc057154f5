import type { Router } from 'express';
import { z } from 'zod';
import { RefgateError } from '../domain/error.ts';
import type { LedgerEvent, LedgerReader } from '../domain/record.ts';
import { definedOnly, json, read } from './answer.ts';
import type { CallerOf } from './api-needs.ts';
import { seesAll, type Viewer } from './viewer.ts';

const outcomes = ['ok', 'partial', 'held', 'refused', 'rejected', 'failed', 'aborted', 'unknown'] as const;
const text = z.string().max(4_096);
const sessionQuery = z.strictObject({
  user: text.optional(),
  repo: text.optional(),
  ref: text.optional(),
  outcome: z.enum(outcomes).optional(),
  since: z.iso.datetime({ offset: true }).optional(),
  until: z.iso.datetime({ offset: true }).optional(),
  before: text.optional(),
  limit: z.coerce.number().int().min(1).max(1_000).default(50),
});

/** What happened: sessions, and the ledger as a whole. Who does not see all sees the sessions that are their own. */
export function ledgerRoutes(router: Router, ledger: LedgerReader, callerOf: CallerOf): void {
  router.get(
    '/sessions',
    json(async (request) => {
      const query = definedOnly(read(sessionQuery, request.query));
      const own = ownOnly(callerOf(request));
      if (own === undefined) return ledger.sessions(query);
      if (query.user !== undefined && query.user !== own) return [];
      if (query.before !== undefined && !isOf(own, await ledger.sessionEvents(query.before)))
        throw noSession(query.before);
      return ledger.sessions({ ...query, user: own });
    }),
  );
  router.get(
    '/sessions/:id',
    json(async (request) => {
      const id = read(text, request.params['id']);
      const events = await ledger.sessionEvents(id);
      const own = ownOnly(callerOf(request));
      if (events.length === 0 || (own !== undefined && !isOf(own, events))) throw noSession(id);
      return events;
    }),
  );
  router.get(
    '/audit/head',
    json(() => ledger.head()),
  );
  // Newline-separated JSON: progress while it works, then the result or the error.
  router.post('/audit/verify', async (_request, response) => {
    response.type('application/x-ndjson');
    const send = (value: object): void => void response.write(`${JSON.stringify(value)}\n`);
    try {
      send({ done: await ledger.verify((done, total) => send({ progress: { done, total } })) });
    } catch (error) {
      if (!(error instanceof RefgateError)) throw error;
      send({ error: { code: error.code, message: error.message } });
    }
    response.end();
  });
}

/** The user whose sessions are all that the caller sees; undefined for who sees all. */
function ownOnly(caller: Viewer | 'operator'): string | undefined {
  return caller === 'operator' || seesAll(caller) ? undefined : caller.user.name;
}

function isOf(user: string, events: readonly LedgerEvent[]): boolean {
  return events.some(
    ({ code, data }) => code === 'session.authenticated' && 'user' in data && data.user === user,
  );
}

function noSession(id: string): RefgateError {
  return new RefgateError('NOT_FOUND', 'client', `there is no session ${id}; see refgate session list`);
}

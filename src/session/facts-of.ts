import { RefgateError } from '../domain/error.ts';
import type { LedgerEvent, LedgerReader } from '../domain/record.ts';
import type { PushFacts } from '../domain/session.ts';
import type { Store } from '../domain/store.ts';
import { readFacts } from './kept-facts.ts';

/** The facts that were kept of the push of a session, masked. @throws NOT_FOUND, LEDGER_CORRUPT when they were changed */
export async function factsOf(ledger: LedgerReader, store: Store, session: string): Promise<PushFacts> {
  const events = await ledger.sessionEvents(session);
  const inspected = events.find(
    (event): event is LedgerEvent<'push.inspected'> => event.code === 'push.inspected',
  );
  const kept = inspected?.data.kept;
  const facts = kept === undefined ? undefined : await readFacts(store, session, kept);
  if (facts === undefined)
    throw new RefgateError('NOT_FOUND', 'operator', `the facts of session ${session} were not kept`);
  return facts;
}

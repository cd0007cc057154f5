import type { LedgerEvent, LedgerReader } from '../domain/record.ts';
import type { PushFacts } from '../domain/session.ts';
import type { Store } from '../domain/store.ts';
import { readFacts } from './kept-facts.ts';

/** The facts that were kept of the push of a session, masked; undefined where none were. @throws LEDGER_CORRUPT when they were changed */
export async function factsOf(
  ledger: LedgerReader,
  store: Store,
  session: string,
): Promise<PushFacts | undefined> {
  const events = await ledger.sessionEvents(session);
  const inspected = events.find(
    (event): event is LedgerEvent<'push.inspected'> => event.code === 'push.inspected',
  );
  const kept = inspected?.data.kept;
  return kept === undefined ? undefined : readFacts(store, session, kept);
}

import type { HeldPush } from '../domain/approval.ts';
import type { EventPayloads, LedgerEvent, LedgerReader } from '../domain/record.ts';

/** What became of a push of somebody who reads a view, when it was put back onto the originals. */
export type RestoredFacts = EventPayloads['push.restored'];

/** Of the session that brought the push; undefined of one that came in clear. */
export async function readRestored(
  ledger: Pick<LedgerReader, 'sessionEvents'>,
  { session }: Pick<HeldPush, 'session'>,
): Promise<RestoredFacts | undefined> {
  const events = await ledger.sessionEvents(session);
  return events.find((event): event is LedgerEvent<'push.restored'> => event.code === 'push.restored')?.data;
}

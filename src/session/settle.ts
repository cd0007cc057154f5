import type { RefUpdate } from '../domain/git.ts';
import type { Log } from '../domain/log.ts';
import type { RelayResult, Target, Upstreams } from '../domain/ports.ts';
import type { EventPayloads, LedgerReader, Recorder } from '../domain/record.ts';
import { isZeroOid } from '../git/oid.ts';
import type { Session, SpineDeps } from './open.ts';

type Outcomes = EventPayloads['push.settled']['refs'];

/**
 * What the upstream's refs say of updates whose report was lost. `applied`: the
 * ref is where the update would put it; `not-applied`: it is where it was;
 * `unknown`: it is elsewhere, or the upstream cannot be asked.
 */
async function compareTips(
  upstreams: Upstreams,
  target: Target,
  updates: readonly RefUpdate[],
): Promise<Outcomes> {
  const tips = new Map<string, string>();
  const source = upstreams.fetchSource(target);
  try {
    const prefixes = updates.map((update) => update.ref);
    for await (const batch of source.lsRefs({ prefixes, symrefs: false, peel: false, unborn: false })) {
      for (const { ref, oid } of batch) if (oid !== null) tips.set(ref, oid);
    }
  } catch {
    return updates.map(({ ref }) => ({ ref, outcome: 'unknown' }));
  } finally {
    source.close();
  }
  return updates.map(({ ref, oldOid, newOid }) => {
    const tip = tips.get(ref);
    const isAt = (oid: string): boolean => (isZeroOid(oid) ? tip === undefined : tip === oid);
    return { ref, outcome: isAt(newOid) ? 'applied' : isAt(oldOid) ? 'not-applied' : 'unknown' };
  });
}

/** The report of a push whose upstream went silent: what its refs show, and no more than that. */
export async function tipsAfterLoss(
  deps: SpineDeps,
  session: Session,
  target: Target,
  updates: readonly RefUpdate[],
): Promise<RelayResult> {
  const refs = await compareTips(deps.upstreams, target, updates);
  await session.record('push.settled', { refs });
  return {
    unpack: 'ok',
    reports: refs.map(({ ref, outcome }) =>
      outcome === 'applied'
        ? { ref, ok: true }
        : {
            ref,
            ok: false,
            reason: 'the upstream was lost before it reported; fetch to see whether it was updated',
          },
    ),
  };
}

/**
 * Settles what a crash left open: pushes that were decided and never reported
 * are compared with the upstream's refs, and every open session is closed.
 * @returns how many pushes were settled
 */
export async function settleAtStart(options: {
  readonly ledger: LedgerReader;
  readonly recorder: Recorder;
  readonly upstreams: Upstreams;
  readonly log: Log;
}): Promise<number> {
  const { ledger, recorder, upstreams, log } = options;
  const actor = 'refgate';
  const open = await ledger.unsettled();
  for (const { session, decided } of open) {
    const refs = await compareTips(upstreams, parseTarget(decided.data.target), decided.data.relay);
    await recorder.append('push.settled', { refs }, { session, actor });
    log.warn({ session, refs }, 'push settled after a crash');
  }
  const settled = new Map(open.map(({ session }) => [session, true]));
  for (const session of await ledger.unclosed()) {
    const outcome = settled.has(session) ? 'unknown' : 'aborted';
    const data = {
      outcome,
      code: 'SHUTTING_DOWN',
      detail: 'the server stopped before the session ended',
      bytesIn: 0,
      bytesOut: 0,
    } as const;
    await recorder.append('session.closed', data, { session, actor });
  }
  return open.length;
}

function parseTarget(text: string): Target {
  const colon = text.indexOf(':');
  return { upstream: text.slice(0, colon), path: text.slice(colon + 1) };
}

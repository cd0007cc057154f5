import { RefgateError } from '../domain/error.ts';
import type { RefUpdate } from '../domain/git.ts';
import type { PushTarget, RelayOrder, RelayResult } from '../domain/ports.ts';
import { isZeroOid } from '../git/oid.ts';
import { stillValid } from './authorize.ts';
import type { Decision } from './decide.ts';
import { asRefgateError, outcomeOfError } from './failures.ts';
import type { Session, SpineDeps } from './open.ts';
import { type PushReporter, refuseEach } from './push-reporter.ts';
import type { Push } from './read-push.ts';
import { isSettled, reportsOf } from './settle.ts';

/** The pack of a push as the agent takes it: a file on disk, its size in bytes, and its SHA-256. */
export type RelayPack = NonNullable<RelayOrder['pack']>;

/** What a relay needs of a push: its client may be gone. */
export interface RelayJob {
  readonly deps: Pick<SpineDeps, 'authenticator' | 'policy' | 'names' | 'settler' | 'moved' | 'log'>;
  readonly session: Pick<Session, 'id' | 'record' | 'failure' | 'outcome'> & {
    readonly channel: Pick<Session['channel'], 'principal'>;
  };
  readonly target: Push['target'];
  readonly request: Pick<Push['request'], 'pushOptions' | 'atomic' | 'quiet' | 'objectFormat'>;
  readonly reporter: Pick<PushReporter, 'relayMessage' | 'explainError'>;
}

/**
 * Hands the decided updates to the upstream, and gives its report. Throws only what the ledger throws before the
 * upstream was asked: whatever else goes wrong becomes the refs' reports, and the session's failure and outcome.
 */
export async function relayPush(
  push: RelayJob,
  upstream: PushTarget,
  decision: Decision,
  pack: RelayPack | undefined,
): Promise<RelayResult> {
  const { deps, session, target, reporter } = push;
  try {
    await checkAgain(push, decision);
  } catch (error) {
    return notRelayed(push, decision, asRefgateError(error));
  }
  await session.record('push.relayed', { updates: [...decision.relay] });
  deps.names.forget(target);
  try {
    const result = await upstream.relay(orderOf(push, decision, pack), (band2) =>
      reporter.relayMessage(band2),
    );
    deps.moved(target, movedBy(decision, result));
    return result;
  } catch (error) {
    deps.log.warn({ session: session.id, err: error }, 'relay failed');
    const known = asRefgateError(error);
    // What is not a coded error of the port says nothing about the upstream's refs.
    if (known.code !== 'UPSTREAM_LOST' && known === error) return notRelayed(push, decision, known);
    session.failure = known;
    const outcomes = await deps.settler.afterLoss(session.id, target, decision.relay);
    if (!isSettled(outcomes)) session.outcome = 'unknown';
    return { unpack: 'ok', reports: reportsOf(outcomes) };
  }
}

function movedBy({ relay }: Decision, { reports }: RelayResult): readonly RefUpdate[] {
  const taken = new Set(reports.filter(({ ok }) => ok).map(({ ref }) => ref));
  return relay.filter(({ ref }) => taken.has(ref));
}

/** Time of check, time of use: asked again with nothing left to wait for. @throws AUTHENTICATION_FAILED, CONFLICT */
async function checkAgain({ deps, session }: RelayJob, decision: Decision): Promise<void> {
  await stillValid(deps, session);
  if (deps.policy().version !== decision.policyVersion) {
    throw new RefgateError('CONFLICT', 'client', 'the policy changed while you pushed; push again');
  }
}

function orderOf(
  { session, request }: RelayJob,
  { relay }: Decision,
  pack: RelayPack | undefined,
): RelayOrder {
  const { pushOptions, atomic, quiet, objectFormat } = request;
  const needsPack = relay.some((update) => !isZeroOid(update.newOid));
  return {
    session: session.id,
    updates: relay,
    pushOptions,
    atomic,
    quiet,
    objectFormat,
    ...(pack !== undefined && needsPack ? { pack } : {}),
  };
}

/** The upstream's refs are as they were. */
async function notRelayed(
  { session, reporter }: RelayJob,
  decision: Decision,
  error: RefgateError,
): Promise<RelayResult> {
  session.failure = error;
  session.outcome = outcomeOfError(error);
  await reporter.explainError(error);
  return { unpack: 'ok', reports: refuseEach(decision.relay, error) };
}

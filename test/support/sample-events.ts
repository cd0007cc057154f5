import type { EventPayloads, Recorder, SessionOutcome } from '../../src/domain/record.ts';

/** What the events of a sample session say. */
export interface SampleSession {
  readonly id: string;
  readonly user?: string;
  readonly repo?: string;
  readonly refs?: readonly string[];
  readonly outcome?: SessionOutcome;
}

const zeroOid = '0'.repeat(40);
const someOid = '1'.repeat(40);

export function opened(repo: string): EventPayloads['session.opened'] {
  const address = '192.0.2.1';
  return { transport: 'ssh', mode: 'stateful', service: 'receive-pack', version: 0, repo, address };
}

export function authenticated(user: string): EventPayloads['session.authenticated'] {
  return { user, kind: 'person', groups: ['dev'], credential: { type: 'token', id: 'tok-1' } };
}

export function requested(refs: readonly string[]): EventPayloads['push.requested'] {
  const updates = refs.map((ref) => ({ ref, oldOid: zeroOid, newOid: someOid }));
  return { target: 'ghe:acme/web', updates, pushOptions: [], atomic: false };
}

export function decided(refs: readonly string[]): EventPayloads['push.decided'] {
  const verdicts = refs.map((ref) => ({ ref, effect: 'allow' as const, reasons: [] }));
  return { policyVersion: 'p1', refs: verdicts, relay: requested(refs).updates, target: 'ghe:acme/web' };
}

export function closed(outcome: SessionOutcome): EventPayloads['session.closed'] {
  return { outcome, bytesIn: 10, bytesOut: 20 };
}

/** Records a session from its opening to, when there is an outcome, its end. */
export async function recordSession(recorder: Recorder, sample: SampleSession): Promise<void> {
  const { id: session, user = 'alice', repo = 'acme/web', refs = [], outcome } = sample;
  const context = { session, actor: user };
  await recorder.append('session.opened', opened(repo), context);
  await recorder.append('session.authenticated', authenticated(user), context);
  if (refs.length > 0) await recorder.append('push.requested', requested(refs), context);
  if (outcome) await recorder.append('session.closed', closed(outcome), context);
}

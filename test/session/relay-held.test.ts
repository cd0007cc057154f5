import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { RefgateError } from '../../src/domain/error.ts';
import { HeldRelay, type HeldRelayOptions } from '../../src/session/relay-held.ts';
import { type DeskTest, newHold, openDesk } from '../support/approval-desk.ts';

/** A relay whose configuration has no upstream any more. */
function relayWithout({ desk, ledger, log }: DeskTest, discarded: string[]): HeldRelay {
  const gone = (): never => {
    throw new RefgateError('UPSTREAM_UNREACHABLE', 'operator', 'there is no upstream ghe');
  };
  const deps: Partial<HeldRelayOptions['deps']> = {
    upstreams: { fetchSource: gone, pushTarget: gone },
    recorder: ledger,
    closing: new AbortController().signal,
    log,
  };
  return new HeldRelay({
    desk,
    deps: deps as HeldRelayOptions['deps'],
    ledger,
    discard: async (session) => void discarded.push(session),
  });
}

test('an approved push whose upstream is no longer configured ends, and its pack goes', async () => {
  const scene = await openDesk();
  const discarded: string[] = [];
  const relay = relayWithout(scene, discarded);
  await relay.start();
  const { push } = await scene.desk.enter(newHold());
  await scene.approve(push.id, 'bert');
  const ended = await scene.desk.finished(push.id, AbortSignal.timeout(5_000));
  assert.equal(ended.state, 'error');
  assert.match(ended.steps.at(-1)?.text ?? '', /UPSTREAM_UNREACHABLE/);
  await sleep(0);
  await relay.close();
  assert.deepEqual(discarded, ['s1']);
  await scene.desk.close();
});

/**
 * The gateway is killed (SIGKILL) while the upstream is at work on a push that
 * it has whole. Whether the refs move then is the upstream's matter; the next
 * start must not say that they did not before it can know.
 */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import type { Refgate } from '../support/refgate.ts';
import {
  endsWithFile,
  eventsOf,
  find,
  lastPush,
  makeScene,
  pushesOf,
  type Scene,
  settledAs,
  untilSettled,
  verifyLedger,
  writeHook,
} from './scene.ts';

const file = endsWithFile();
let scene: Scene;
let refgate: Refgate;

before(async () => {
  scene = await makeScene(file);
  refgate = await scene.start();
});

/** Kills the server when the hook runs, and starts it again. */
async function killWhen(reached: () => Promise<void>, name: string): Promise<void> {
  const push = scene.startPush(refgate, name, 'http');
  await reached();
  await refgate.kill();
  assert.notEqual((await push.ended).status, 0);
  refgate = await scene.start();
  assert.ok(scene.isQuarantineEmpty());
}

/** What the ledger has of the push as long as the upstream has not come to an end. */
async function assertUndecided(name: string): Promise<void> {
  const [push] = await pushesOf(refgate, name);
  assert.equal(push?.closedAt, undefined);
  assert.equal(settledAs(await eventsOf(refgate, push?.id ?? '')), undefined);
}

test('an upstream that goes on after the kill is waited for, and the push is settled as applied', async () => {
  scene.makeRepo('goes-on');
  const gate = scene.waitingHook('goes-on', 'pre-receive');
  await killWhen(() => gate.reached(), 'goes-on');
  await assertUndecided('goes-on');
  gate.open();
  await untilSettled(refgate, 'goes-on');
  assert.deepEqual(await scene.tips('goes-on'), scene.after);
  const outcomes = settledAs(await lastPush(refgate, 'goes-on'));
  assert.deepEqual(outcomes, { 'refs/heads/main': 'applied', 'refs/heads/side': 'applied' });
  const [push] = await pushesOf(refgate, 'goes-on');
  assert.equal(push?.outcome, 'ok');
  await verifyLedger(refgate);
});

test('an upstream that declines after the kill is given its time, and the push is settled as not applied', async () => {
  scene.makeRepo('declines');
  const gate = scene.waitingHook('declines', 'pre-receive', 1);
  await killWhen(() => gate.reached(), 'declines');
  await assertUndecided('declines');
  gate.open();
  await untilSettled(refgate, 'declines');
  assert.deepEqual(await scene.tips('declines'), scene.before);
  const outcomes = settledAs(await lastPush(refgate, 'declines'));
  assert.deepEqual(outcomes, { 'refs/heads/main': 'not-applied', 'refs/heads/side': 'not-applied' });
  const [push] = await pushesOf(refgate, 'declines');
  assert.equal(push?.outcome, 'failed');
});

test('each ref is settled by itself', async () => {
  const gitDir = scene.makeRepo('one-of-two');
  const gate = scene.waitingHook('one-of-two', 'update');
  writeHook(gitDir, 'update', `[ "$1" = refs/heads/main ] && exit 0\n${gate.shell()}\nexit 1`);
  await killWhen(() => gate.reached(), 'one-of-two');
  gate.open();
  await untilSettled(refgate, 'one-of-two');
  assert.deepEqual(await scene.tips('one-of-two'), { main: scene.after['main'] });
  const outcomes = settledAs(await lastPush(refgate, 'one-of-two'));
  assert.deepEqual(outcomes, { 'refs/heads/main': 'applied', 'refs/heads/side': 'not-applied' });
  const [push] = await pushesOf(refgate, 'one-of-two');
  assert.equal(push?.outcome, 'partial');
});

test('a ref that somebody else has moved since is unknown, and is not said to be updated', async () => {
  const gitDir = scene.makeRepo('moved');
  const gate = scene.waitingHook('moved', 'pre-receive', 1);
  const other = scene.before['main'] ?? '';
  const push = scene.startPush(refgate, 'moved', 'http');
  await gate.reached();
  await refgate.kill();
  await push.ended;
  gate.open();
  await scene.moveRef(gitDir, 'main', `${other}~1`);
  await scene.moveRef(gitDir, 'side', other);
  refgate = await scene.start();
  await untilSettled(refgate, 'moved');
  const events = await lastPush(refgate, 'moved');
  assert.deepEqual(settledAs(events), { 'refs/heads/main': 'unknown', 'refs/heads/side': 'unknown' });
  assert.equal(find(events, 'session.closed')?.data.outcome, 'unknown');
});

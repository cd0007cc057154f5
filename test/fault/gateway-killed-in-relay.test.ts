/**
 * The gateway is killed (SIGKILL) while the upstream is at work on a push that
 * it has whole. Whether the refs move then is the upstream's matter; the next
 * start must not say that they did not before it can know.
 */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import type { SessionOutcome } from '../../src/domain/record.ts';
import { git } from '../support/git.ts';
import type { Refgate } from '../support/refgate.ts';
import {
  endsWithFile,
  eventsOf,
  type Gate,
  lastPush,
  pushesOf,
  type Scene,
  settledAs,
  untilSettled,
  verifyLedger,
  writeHook,
} from './scene.ts';
import { behindThree } from './three-upstreams.ts';

const file = endsWithFile();
let scene: Scene;
let refgate: Refgate;

before(async () => {
  ({ scene } = await behindThree(file));
  refgate = await scene.start();
});

/** Kills the server when a hook of the upstream runs; `meanwhile` comes before the next start. */
async function killAt(name: string, gate: Gate, meanwhile: () => unknown): Promise<void> {
  const push = scene.startPush(refgate, name, 'http');
  await gate.reached();
  await refgate.kill();
  assert.notEqual((await push.ended).status, 0);
  await meanwhile();
  refgate = await scene.start();
  assert.ok(scene.isQuarantineEmpty());
}

async function assertSettled(name: string, outcome: SessionOutcome, refs: object): Promise<void> {
  await untilSettled(refgate, name);
  assert.deepEqual(settledAs(await lastPush(refgate, name)), refs);
  const [push] = await pushesOf(refgate, name);
  assert.equal(push?.outcome, outcome);
  await verifyLedger(refgate);
}

const both = (outcome: string): object => ({ 'refs/heads/main': outcome, 'refs/heads/side': outcome });

test('an upstream that goes on after the next start is waited for, and the push is settled as applied', async () => {
  const name = 'ssh-goes-on';
  // What it writes meanwhile would tell it that nobody listens any more.
  await git(['config', 'receive.keepAlive', '0'], { cwd: scene.makeRepo(name) });
  const gate = scene.waitingHook(name, 'pre-receive');
  scene.upstreamIdle = '60s';
  await killAt(name, gate, () => {});
  const [push] = await pushesOf(refgate, name);
  assert.equal(push?.closedAt, undefined);
  assert.equal(settledAs(await eventsOf(refgate, push?.id ?? '')), undefined);
  gate.open();
  await assertSettled(name, 'ok', both('applied'));
  assert.deepEqual(await scene.tips(name), scene.after);
  await refgate.stop();
  scene.upstreamIdle = '4s';
  refgate = await scene.start();
});

test('the agent of a gateway that was killed lets the upstream finish a push that it has whole', async () => {
  const name = 'path-finishes';
  scene.makeRepo(name);
  const gate = scene.waitingHook(name, 'pre-receive');
  await killAt(name, gate, () => gate.open());
  await assertSettled(name, 'ok', both('applied'));
  assert.deepEqual(await scene.tips(name), scene.after);
});

test('an upstream that declines after the kill is given its time, and the push is settled as not applied', async () => {
  const name = 'path-declines';
  scene.makeRepo(name);
  const gate = scene.waitingHook(name, 'pre-receive', 1);
  await killAt(name, gate, () => gate.open());
  await assertSettled(name, 'failed', both('not-applied'));
  assert.deepEqual(await scene.tips(name), scene.before);
});

test('each ref is settled by itself', async () => {
  const name = 'path-one-of-two';
  const gitDir = scene.makeRepo(name);
  const gate = scene.waitingHook(name, 'update');
  writeHook(gitDir, 'update', `[ "$1" = refs/heads/main ] && exit 0\n${gate.shell()}\nexit 1`);
  await killAt(name, gate, () => gate.open());
  await assertSettled(name, 'partial', { 'refs/heads/main': 'applied', 'refs/heads/side': 'not-applied' });
  assert.deepEqual(await scene.tips(name), { main: scene.after['main'] });
});

test('a ref that somebody else has moved since is unknown, and is not said to be updated', async () => {
  const name = 'path-moved';
  const gitDir = scene.makeRepo(name);
  const gate = scene.waitingHook(name, 'pre-receive', 1);
  await killAt(name, gate, async () => {
    gate.open();
    await scene.moveRef(gitDir, 'side', scene.before['main'] ?? '');
    await scene.moveRef(gitDir, 'main', 'main~1');
  });
  await assertSettled(name, 'unknown', both('unknown'));
});

/** The agent is killed (SIGKILL) at the moments of a push at which it is in use; the gateway lives on. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, test } from 'node:test';
import type { Refgate } from '../support/refgate.ts';
import {
  agentOf,
  descendants,
  endsWithFile,
  eventsOf,
  find,
  Gate,
  isAlive,
  lastPush,
  makeScene,
  pushesOf,
  type Scene,
  settledAs,
  until,
  untilSettled,
} from './scene.ts';

const file = endsWithFile();
let scene: Scene;
/** At which the pack has gone halfway to the upstream. */
let halfway: Gate;
let inspecting: Gate;

before(async () => {
  scene = await makeScene(file);
  halfway = new Gate(join(scene.base, 'halfway'));
  inspecting = new Gate(join(scene.base, 'inspecting'));
});

async function assertWorksAgain(refgate: Refgate, name: string): Promise<void> {
  await until('the agent works again', async () => (await scene.push(refgate, name)).status === 0);
  assert.deepEqual(await scene.tips(name), scene.after);
}

test('an agent that is killed before the upstream has the whole pack leaves the refs as they were, and the client hears it', async (t) => {
  scene.makeRepo('half');
  const refgate = await scene.start(undefined, { PATH: scene.slowGit(halfway, 1_000_000) }, t);
  const push = scene.startPush(refgate, 'half', 'http');
  await halfway.reached();
  const agent = agentOf(refgate);
  const upstream = descendants(agent);
  process.kill(agent, 'SIGKILL');
  const { status, stderr } = await push.ended;
  halfway.open();
  assert.equal(status, 1, stderr);
  assert.match(stderr, /the agent for this upstream, or the upstream itself, did not answer/);
  assert.match(stderr, /! \[remote rejected\] main -> main \(refused: UPSTREAM_UNREACHABLE\)/);
  await until('the upstream has ended', () => !upstream.some(isAlive));
  assert.deepEqual(await scene.tips('half'), scene.before);
  assert.ok(scene.isQuarantineEmpty());
  const [session] = await pushesOf(refgate, 'half');
  assert.equal(session?.outcome, 'failed');
  assert.equal(session?.code, 'UPSTREAM_UNREACHABLE');
  const reported = find(await lastPush(refgate, 'half'), 'push.reported');
  assert.ok(reported?.data.reports.every((report) => !report.ok));
  await assertWorksAgain(refgate, 'half');
});

test('an agent that is killed while the upstream is at work: the client hears that it is not known, the ledger learns it', async (t) => {
  scene.makeRepo('whole');
  const gate = scene.waitingHook('whole', 'pre-receive');
  const refgate = await scene.start(undefined, {}, t);
  const push = scene.startPush(refgate, 'whole', 'http');
  await gate.reached();
  const agent = agentOf(refgate);
  const upstream = descendants(agent);
  process.kill(agent, 'SIGKILL');
  const { status, stderr } = await push.ended;
  assert.equal(status, 1, stderr);
  assert.match(
    stderr,
    /! \[remote rejected\] main -> main \(the upstream was lost before it reported; fetch/,
  );
  const [session] = await pushesOf(refgate, 'whole');
  assert.equal(session?.outcome, 'unknown');
  assert.equal(session?.code, 'UPSTREAM_LOST');
  assert.equal(settledAs(await eventsOf(refgate, session?.id ?? '')), undefined);
  gate.open();
  await until('the upstream has ended', () => !upstream.some(isAlive));
  const isMade = (await scene.tips('whole'))['main'] === scene.after['main'];
  await untilSettled(refgate, 'whole');
  const outcome = isMade ? 'applied' : 'not-applied';
  const outcomes = { 'refs/heads/main': outcome, 'refs/heads/side': outcome };
  assert.deepEqual(settledAs(await lastPush(refgate, 'whole')), outcomes);
  await assertWorksAgain(refgate, 'whole');
});

test('an agent that is killed right after the refs have moved: the client hears that they have', async (t) => {
  scene.makeRepo('moved');
  const gate = scene.waitingHook('moved', 'update');
  const refgate = await scene.start(undefined, {}, t);
  const push = scene.startPush(refgate, 'moved', 'http');
  await gate.reached();
  process.kill(agentOf(refgate), 'SIGKILL');
  gate.open();
  const { status, stderr } = await push.ended;
  // Whether the upstream outlives its reader is its own matter; what it did is what is said.
  const isMade = (await scene.tips('moved'))['side'] === scene.after['side'];
  assert.equal(status, isMade ? 0 : 1, stderr);
  await untilSettled(refgate, 'moved');
  const settled = settledAs(await lastPush(refgate, 'moved'));
  assert.equal(settled?.['refs/heads/side'], isMade ? 'applied' : 'not-applied');
});

test('an agent that is killed while a push is inspected: the push is refused or made, and nothing in between', async (t) => {
  scene.makeRepo('inspected');
  const fail = `push.inspected wait repo=acme/inspected file=${inspecting.file}`;
  const refgate = await scene.start(fail, {}, t);
  const push = scene.startPush(refgate, 'inspected', 'http');
  await inspecting.reached();
  process.kill(agentOf(refgate), 'SIGKILL');
  inspecting.open();
  const { status, stderr } = await push.ended;
  if (status === 0) assert.deepEqual(await scene.tips('inspected'), scene.after);
  else {
    assert.match(stderr, /refused: UPSTREAM_UNREACHABLE/);
    assert.deepEqual(await scene.tips('inspected'), scene.before);
    await assertWorksAgain(refgate, 'inspected');
  }
  assert.ok(scene.isQuarantineEmpty());
});

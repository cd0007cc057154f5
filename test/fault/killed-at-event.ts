/**
 * The gateway is killed (SIGKILL) right before, or right after, each event of a
 * push. Each start of the server finds what the one before it left behind, and
 * is killed in its turn: one data folder goes through all of it.
 */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import type { EventCode } from '../../src/domain/record.ts';
import type { Refgate } from '../support/refgate.ts';
import {
  agentOf,
  endsWithFile,
  eventsOf,
  find,
  isAlive,
  makeScene,
  pushesOf,
  type Scene,
  settledAs,
  until,
  untilSettled,
  verifyLedger,
} from './scene.ts';

/** The last one that is on disk before anything leaves is push.relayed. */
const events = [
  'session.opened',
  'session.authenticated',
  'push.requested',
  'push.inspected',
  'push.decided',
  'push.relayed',
  'push.reported',
  'session.closed',
] as const satisfies readonly EventCode[];

/** Defines a test for each event; for a file of its own, since they take a while. */
export function testKilled(way: 'kill-before' | 'kill-after'): void {
  const file = endsWithFile();
  let scene: Scene;
  let refgate: Refgate;

  before(async () => {
    scene = await makeScene(file);
    refgate = await scene.start(failureAt(0));
  });

  const nameAt = (index: number): string => `case-${index}`;

  const failureAt = (index: number): string | undefined => {
    const event = events[index];
    const when = isAfterRelay(event) ? 'of=push.reported' : 'mode=rpc';
    return event && `${event} ${way} ${when} repo=acme/${nameAt(index)}`;
  };

  for (const [index, event] of events.entries()) {
    const name = nameAt(index);
    const made = isAfterRelay(event);
    const [verb, again] = made ? ['was made', 'is known to be made'] : ['is not made', 'can be made again'];
    test(`a push whose server is killed (${way}) at ${event} ${verb}, and after the next start ${again}`, async () => {
      scene.makeRepo(name);
      const agent = agentOf(refgate);
      const run = await scene.push(refgate, name);
      assert.notEqual(run.status, 0, run.stderr);
      await until('the server is dead', () => !isAlive(refgate.pid));
      assert.deepEqual(await scene.tips(name), made ? scene.after : scene.before);

      refgate = await scene.start(failureAt(index + 1));
      assert.ok(scene.isQuarantineEmpty());
      await untilSettled(refgate, name);
      await verifyLedger(refgate);
      await assertSettled(refgate, name, made ? 'applied' : 'not-applied');
      const second = await scene.push(refgate, name);
      assert.equal(second.status, 0, second.stderr);
      assert.deepEqual(await scene.tips(name), scene.after);
      await until('the agent of the dead server is gone', () => !isAlive(agent));
    });
  }
}

const isAfterRelay = (event: EventCode | undefined): boolean =>
  event === 'push.reported' || event === 'session.closed';

async function assertSettled(refgate: Refgate, name: string, outcome: string): Promise<void> {
  const [push] = await pushesOf(refgate, name);
  if (push === undefined) return;
  const found = await eventsOf(refgate, push.id);
  const isOpen = find(found, 'push.decided') !== undefined && find(found, 'push.reported') === undefined;
  const outcomes = { 'refs/heads/main': outcome, 'refs/heads/side': outcome };
  assert.deepEqual(settledAs(found), isOpen ? outcomes : undefined);
}

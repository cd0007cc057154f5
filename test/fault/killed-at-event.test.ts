/**
 * The gateway is killed (SIGKILL) right before and right after each event of a
 * push. Each start of the server finds what the one before it left behind, and
 * is killed in its turn: the data folder goes through all of it.
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
  sessionsOf,
  settledAs,
  until,
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

interface Case {
  readonly event: EventCode;
  readonly way: 'kill-before' | 'kill-after';
  readonly name: string;
  readonly fail: string;
  /** Whether the upstream has the push when the server dies. */
  readonly made: boolean;
}

const cases = events.flatMap((event): Case[] =>
  (['kill-before', 'kill-after'] as const).map((way) => {
    const name = `${event.replace('.', '-')}-${way}`;
    const made = event === 'push.reported' || event === 'session.closed';
    const when = made ? 'of=push.reported' : 'mode=rpc';
    return { event, way, name, fail: `${event} ${way} ${when} repo=acme/${name}`, made };
  }),
);

const file = endsWithFile();
let scene: Scene;
let refgate: Refgate;

before(async () => {
  scene = await makeScene(file);
  refgate = await scene.start(cases[0]?.fail);
});

for (const [index, { event, way, name, made }] of cases.entries()) {
  const [verb, again] = made ? ['was made', 'is known to be made'] : ['is not made', 'can be made again'];
  test(`a push whose server is killed (${way}) at ${event} ${verb}, and after the next start ${again}`, async () => {
    scene.makeRepo(name);
    const agent = agentOf(refgate);
    const run = await scene.push(refgate, name);
    assert.notEqual(run.status, 0, run.stderr);
    await until('the server is dead', () => !isAlive(refgate.pid));
    assert.deepEqual(await scene.tips(name), made ? scene.after : scene.before);

    refgate = await scene.start(cases[index + 1]?.fail);
    assert.ok(scene.isQuarantineEmpty());
    await verifyLedger(refgate);
    for (const session of await sessionsOf(refgate, name)) assert.ok(session.closedAt !== undefined);
    await assertSettled(name, made ? 'applied' : 'not-applied');
    const second = await scene.push(refgate, name);
    assert.equal(second.status, 0, second.stderr);
    assert.deepEqual(await scene.tips(name), scene.after);
    await until('the agent of the dead server is gone', () => !isAlive(agent));
  });
}

async function assertSettled(name: string, outcome: string): Promise<void> {
  const [push] = await pushesOf(refgate, name);
  if (push === undefined) return;
  const found = await eventsOf(refgate, push.id);
  const isOpen = find(found, 'push.decided') !== undefined && find(found, 'push.reported') === undefined;
  const outcomes = { 'refs/heads/main': outcome, 'refs/heads/side': outcome };
  assert.deepEqual(settledAs(found), isOpen ? outcomes : undefined);
}

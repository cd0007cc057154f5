/**
 * The ledger fails at one event of a push, in each way in which a write can
 * fail, while the server goes on. Before the relay nothing may be relayed; after
 * it the client still hears what happened, and the next start writes it down.
 */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import type { EventCode } from '../../src/domain/record.ts';
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
} from './scene.ts';

const ways = ['refuse', 'refuse-late', 'dead'] as const;

const beforeRelay = [
  'session.opened',
  'session.authenticated',
  'push.requested',
  'push.inspected',
  'push.decided',
  'push.relayed',
] as const satisfies readonly EventCode[];

const afterRelay = ['push.reported', 'session.closed'] as const satisfies readonly EventCode[];

interface Case {
  readonly event: EventCode;
  readonly way: (typeof ways)[number];
  readonly door: 'ssh' | 'http';
  readonly name: string;
}

const casesOf = (events: readonly EventCode[]): Case[] =>
  events.flatMap((event) =>
    ways.flatMap((way) =>
      (['ssh', 'http'] as const).map((door) => ({
        ...{ event, way, door },
        name: `${event.replace('.', '-')}-${way}-${door}`,
      })),
    ),
  );

const unrelayed = casesOf(beforeRelay);
const relayed = casesOf(afterRelay);

const file = endsWithFile();
let scene: Scene;
let failing: Refgate;
/** The ordinary server, once the failing one was stopped. */
let next: Promise<Refgate> | undefined;

before(async () => {
  scene = await makeScene(file);
  const failures = [
    // An advertisement must not spend what is meant for the push.
    ...unrelayed.map(({ event, way, door, name }) => {
      const mode = door === 'ssh' ? 'stateful' : 'rpc';
      return `${event} ${way} mode=${mode} repo=acme/${name}`;
    }),
    ...relayed.map(({ event, way, name }) => `${event} ${way} of=push.reported repo=acme/${name}`),
  ];
  failing = await scene.start(failures.join(';'));
  for (const { name } of [...unrelayed, ...relayed]) scene.makeRepo(name);
});

for (const { event, way, door, name } of unrelayed) {
  test(`when ${event} cannot be recorded (${way}), nothing is relayed over ${door}`, async () => {
    const run = await scene.startPush(failing, name, door).ended;
    assert.notEqual(run.status, 0, run.stderr);
    assert.match(run.stderr, /LEDGER_UNAVAILABLE|something went wrong inside Refgate|error: 50[03]/);
    assert.deepEqual(await scene.tips(name), scene.before);
    assert.ok(scene.isQuarantineEmpty());
  });
}

for (const { event, way, door, name } of relayed) {
  test(`when ${event} cannot be recorded (${way}), the client hears over ${door} that its push was made`, async () => {
    const run = await scene.startPush(failing, name, door).ended;
    assert.deepEqual(await scene.tips(name), scene.after);
    assert.equal(run.status, 0, run.stderr);
    assert.match(run.stderr, /main -> main/);
    assert.ok(scene.isQuarantineEmpty());
  });
}

async function restarted(): Promise<Refgate> {
  next ??= failing.stop().then(() => scene.start());
  const refgate = await next;
  return refgate;
}

test('the next start finds a ledger that is whole', async () => {
  await verifyLedger(await restarted());
});

for (const { event, way, door, name } of unrelayed) {
  test(`the next start closes and settles the push whose ${event} failed (${way}, ${door}), and it can be made again`, async () => {
    const refgate = await restarted();
    await untilSettled(refgate, name);
    for (const { id } of await pushesOf(refgate, name)) {
      const events = await eventsOf(refgate, id);
      const decided = find(events, 'push.decided');
      const outcomes = { 'refs/heads/main': 'not-applied', 'refs/heads/side': 'not-applied' };
      assert.deepEqual(settledAs(events), decided === undefined ? undefined : outcomes);
    }
    const again = await scene.push(refgate, name);
    assert.equal(again.status, 0, again.stderr);
    assert.deepEqual(await scene.tips(name), scene.after);
  });
}

for (const { event, way, door, name } of relayed) {
  test(`the next start knows that the push whose ${event} failed (${way}, ${door}) was made`, async () => {
    const refgate = await restarted();
    await untilSettled(refgate, name);
    const events = await lastPush(refgate, name);
    const reported = find(events, 'push.reported');
    if (reported !== undefined) assert.ok(reported.data.reports.every((report) => report.ok));
    else assert.deepEqual(settledAs(events), { 'refs/heads/main': 'applied', 'refs/heads/side': 'applied' });
  });
}

/**
 * The client hangs up: while it sends, while its push is inspected, and while
 * the upstream is at work. Until the decision nothing is done; after it
 * everything is, and written down, though nobody listens.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import type { Refgate } from '../support/refgate.ts';
import { postPush, pushBody } from './push-body.ts';
import {
  agentOf,
  descendants,
  endsWithFile,
  eventsOf,
  find,
  Gate,
  lastPush,
  makeScene,
  pushesOf,
  type Scene,
  until,
  untilSettled,
} from './scene.ts';

const doors = ['ssh', 'http'] as const;

const file = endsWithFile();
let scene: Scene;
let refgate: Refgate;
const gates = new Map<string, Gate>();

const gateOf = (name: string): Gate => {
  const gate = gates.get(name);
  assert.ok(gate);
  return gate;
};

before(async () => {
  scene = await makeScene(file);
  const waits = ['push.inspected', 'push.decided', 'push.relayed'].flatMap((event) =>
    doors.map((door) => {
      const name = `${event.replace('.', '-')}-${door}`;
      gates.set(name, new Gate(join(scene.base, name)));
      return `${event} wait repo=acme/${name} file=${gateOf(name).file}`;
    }),
  );
  refgate = await scene.start(waits.join(';'));
});

/** Nothing that served the push is left: no pack, no child of the agent. */
async function assertNothingLeft(): Promise<void> {
  await until('the quarantine is empty', () => scene.isQuarantineEmpty());
  await until('the agent has no children', () => descendants(agentOf(refgate)).length === 0);
}

async function assertAborted(name: string): Promise<void> {
  await untilSettled(refgate, name);
  const events = await lastPush(refgate, name);
  assert.equal(find(events, 'push.relayed'), undefined);
  assert.equal(find(events, 'session.closed')?.data.outcome, 'aborted');
  assert.equal(find(events, 'session.closed')?.data.code, 'HUNG_UP');
  assert.deepEqual(await scene.tips(name), scene.before);
  await assertNothingLeft();
}

async function assertMade(name: string): Promise<void> {
  await untilSettled(refgate, name);
  const events = await lastPush(refgate, name);
  assert.ok(find(events, 'push.reported')?.data.reports.every((report) => report.ok));
  assert.equal(find(events, 'session.closed')?.data.outcome, 'ok');
  assert.deepEqual(await scene.tips(name), scene.after);
  await assertNothingLeft();
}

/** Whether something of a pack is on disk. */
const isHolding = (): boolean => !scene.isQuarantineEmpty();

test('a client that hangs up over HTTP while it sends its pack has not pushed', async () => {
  scene.makeRepo('sends-http');
  const { main: oldOid = '' } = scene.before;
  const { side: newOid = '' } = scene.after;
  const body = await pushBody(scene.clone, [{ ref: 'refs/heads/main', oldOid, newOid }]);
  const post = postPush(scene, refgate, 'sends-http');
  post.write(body.subarray(0, body.length / 2));
  await until('the pack is being held', isHolding);
  post.destroy();
  await assertAborted('sends-http');
});

test('a client that hangs up over SSH while it sends its pack has not pushed', async () => {
  scene.makeRepo('sends-ssh');
  const gate = new Gate(join(scene.base, 'sends'));
  const ssh = scene.slowSsh(gate, 1_000_000);
  const push = scene.startPush(refgate, 'sends-ssh', 'ssh', { GIT_SSH_COMMAND: ssh });
  await gate.reached();
  await until('the pack is being held', isHolding);
  await push.hangUp();
  await assertAborted('sends-ssh');
});

for (const door of doors) {
  test(`a client that hangs up over ${door} while its push is inspected has not pushed`, async () => {
    const name = `push-inspected-${door}`;
    scene.makeRepo(name);
    const push = scene.startPush(refgate, name, door);
    await gateOf(name).reached();
    await push.hangUp();
    await sawHangUp();
    gateOf(name).open();
    await assertAborted(name);
    assert.equal(find(await lastPush(refgate, name), 'push.decided'), undefined);
  });

  for (const event of ['push.decided', 'push.relayed']) {
    test(`a push over ${door} whose client hangs up at ${event} is made and recorded all the same`, async () => {
      const name = `${event.replace('.', '-')}-${door}`;
      scene.makeRepo(name);
      const push = scene.startPush(refgate, name, door);
      await gateOf(name).reached();
      await push.hangUp();
      await sawHangUp();
      gateOf(name).open();
      await assertMade(name);
    });
  }

  test(`a push over ${door} whose client hangs up while the upstream is at work is made and recorded`, async () => {
    const name = `hook-${door}`;
    scene.makeRepo(name);
    const gate = scene.waitingHook(name, 'pre-receive');
    const push = scene.startPush(refgate, name, door);
    await gate.reached();
    await push.hangUp();
    await sawHangUp();
    const [open] = await pushesOf(refgate, name);
    assert.equal(find(await eventsOf(refgate, open?.id ?? ''), 'session.closed'), undefined);
    gate.open();
    await assertMade(name);
  });
}

/** Until the server has no connection of a client any more. */
async function sawHangUp(): Promise<void> {
  const ports = [refgate.sshPort, Number(new URL(refgate.http).port)];
  const local = new Set(ports.map((port) => port.toString(16).toUpperCase().padStart(4, '0')));
  await until('no client is connected', () =>
    readFileSync(`/proc/${refgate.pid}/net/tcp`, 'utf8')
      .split('\n')
      .every((line) => !(/^\s*\d+: \S+:(\S{4}) \S+ 01/.exec(line)?.[1] ?? '').match(portsPattern(local))),
  );
}

const portsPattern = (ports: ReadonlySet<string>): RegExp => new RegExp(`^(${[...ports].join('|')})$`);

test('after all of this the server has no more open files than before', async () => {
  scene.makeRepo('leak');
  const open = (): number => readdirSync(`/proc/${refgate.pid}/fd`).length;
  await scene.push(refgate, 'leak');
  await until('few files are open', () => open() < 60);
});

/**
 * The upstream refuses, is killed or is silent in the middle of a push, over
 * each way of reaching it. The client hears what is true, and so does the ledger.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, describe, test } from 'node:test';
import { git } from '../support/git.ts';
import type { Refgate } from '../support/refgate.ts';
import {
  endsWithFile,
  find,
  lastPush,
  pushesOf,
  type Scene,
  settledAs,
  until,
  untilSettled,
  writeHook,
} from './scene.ts';
import { type Behind, behindThree, kinds } from './three-upstreams.ts';

const file = endsWithFile();
let behind: Behind;
let scene: Scene;
let refgate: Refgate;

before(async () => {
  behind = await behindThree(file);
  scene = behind.scene;
  refgate = await scene.start();
});

const lost = /! \[remote rejected\] main -> main \(the upstream was lost before it reported/;
const both = (outcome: string): object => ({ 'refs/heads/main': outcome, 'refs/heads/side': outcome });

// Most of their time they wait.
describe('whatever the upstream', { concurrency: 5 }, () => {
  for (const kind of kinds) {
    test(`an update hook behind ${kind} that declines one ref declines that one, in its own words`, async () => {
      const name = `${kind}-update`;
      writeHook(
        scene.makeRepo(name),
        'update',
        `[ "$1" = refs/heads/main ] && exit 0
       printf 'side is \\033[31mclosed\\033[0m today\\n' >&2
       exit 1`,
      );
      const { status, stderr } = await scene.push(refgate, name);
      assert.equal(status, 1, stderr);
      assert.match(stderr, /main -> main/);
      assert.match(stderr, /! \[remote rejected\] side -> side \(hook declined\)/);
      assert.match(stderr, /remote: .*side is .*closed.* today/);
      assert.ok(!stderr.includes('\u001b[31m'));
      assert.deepEqual(await scene.tips(name), { main: scene.after['main'] });
      const [session] = await pushesOf(refgate, name);
      assert.equal(session?.outcome, 'partial');
    });

    test(`a pre-receive hook behind ${kind} that declines declines all`, async () => {
      const name = `${kind}-declined`;
      writeHook(scene.makeRepo(name), 'pre-receive', 'echo "ask the release team" >&2\nexit 1');
      const { status, stderr } = await scene.push(refgate, name);
      assert.equal(status, 1, stderr);
      assert.match(stderr, /remote: ask the release team/);
      assert.match(stderr, /! \[remote rejected\] main -> main \(pre-receive hook declined\)/);
      assert.match(stderr, /! \[remote rejected\] side -> side \(pre-receive hook declined\)/);
      assert.deepEqual(await scene.tips(name), scene.before);
      const [session] = await pushesOf(refgate, name);
      assert.equal(session?.outcome, 'rejected');
    });

    test(`a receive-pack behind ${kind} that is killed before it moves a ref: nobody claims that it did`, async () => {
      const name = `${kind}-killed`;
      writeHook(scene.makeRepo(name), 'pre-receive', 'kill -9 $PPID\nexit 1');
      const { status, stderr } = await scene.push(refgate, name);
      assert.equal(status, 1, stderr);
      assert.match(stderr, lost);
      assert.deepEqual(await scene.tips(name), scene.before);
      const [session] = await pushesOf(refgate, name);
      assert.equal(session?.outcome, 'unknown');
      assert.equal(session?.code, 'UPSTREAM_LOST');
      await untilSettled(refgate, name);
      assert.deepEqual(settledAs(await lastPush(refgate, name)), both('not-applied'));
    });

    test(`a receive-pack behind ${kind} that is killed between two refs: each is told as it is`, async () => {
      const name = `${kind}-between`;
      writeHook(
        scene.makeRepo(name),
        'update',
        '[ "$1" = refs/heads/main ] && exit 0\nkill -9 $PPID\nexit 1',
      );
      const { status, stderr } = await scene.push(refgate, name);
      assert.equal(status, 1, stderr);
      assert.match(stderr, /main -> main\n/);
      assert.match(stderr, /! \[remote rejected\] side -> side \(the upstream was lost before it reported/);
      assert.deepEqual(await scene.tips(name), { main: scene.after['main'] });
      await untilSettled(refgate, name);
      const outcomes = { 'refs/heads/main': 'applied', 'refs/heads/side': 'not-applied' };
      assert.deepEqual(settledAs(await lastPush(refgate, name)), outcomes);
    });

    test(`an upstream behind ${kind} that is silent for too long is not waited for, and settled when it has acted`, async () => {
      const name = `${kind}-silent`;
      // A receive-pack that says "still here" is not silent.
      await git(['config', 'receive.keepAlive', '0'], { cwd: scene.makeRepo(name) });
      const gate = scene.waitingHook(name, 'pre-receive');
      const push = scene.startPush(refgate, name, 'http');
      const { status, stderr } = await push.ended;
      assert.equal(status, 1, stderr);
      assert.match(stderr, lost);
      const [session] = await pushesOf(refgate, name);
      assert.equal(session?.outcome, 'unknown');
      gate.open();
      await untilSettled(refgate, name);
      assert.deepEqual(await scene.tips(name), scene.after);
      assert.deepEqual(settledAs(await lastPush(refgate, name)), both('applied'));
    });
  }
});

test('an upstream whose connection dies while it is at work is settled by what it then does', async () => {
  const name = 'ssh-cut';
  scene.makeRepo(name);
  const gate = scene.waitingHook(name, 'pre-receive');
  const push = scene.startPush(refgate, name, 'http');
  await gate.reached();
  // Of sshd only the session: git and its hook go on without a connection.
  process.kill(sshdAbove(Number(readFileSync(`${gate.file}.here`, 'utf8'))), 'SIGKILL');
  const { status, stderr } = await push.ended;
  assert.equal(status, 1, stderr);
  assert.match(stderr, lost);
  gate.open();
  await untilSettled(refgate, name);
  const isMade = (await scene.tips(name))['side'] !== undefined;
  assert.deepEqual(settledAs(await lastPush(refgate, name)), both(isMade ? 'applied' : 'not-applied'));
});

test('an upstream whose machine dies while it is at work has made nothing, and nobody claims it', async () => {
  const name = 'ssh-gone';
  scene.makeRepo(name);
  const gate = scene.waitingHook(name, 'pre-receive');
  const push = scene.startPush(refgate, name, 'http');
  await gate.reached();
  behind.sshd.dropConnections();
  const { status, stderr } = await push.ended;
  assert.equal(status, 1, stderr);
  assert.match(stderr, lost);
  await untilSettled(refgate, name);
  assert.deepEqual(await scene.tips(name), scene.before);
  assert.deepEqual(settledAs(await lastPush(refgate, name)), both('not-applied'));
});

/** The nearest sshd among the ancestors of a process. */
function sshdAbove(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  if (status.startsWith('Name:\tsshd')) return pid;
  return sshdAbove(Number(/^PPid:\s+(\d+)/m.exec(status)?.[1]));
}

test("the upstream's own settings are told in its own words", async () => {
  const gitDir = scene.makeRepo('path-settings');
  await git(['config', 'receive.denyDeletes', 'true'], { cwd: gitDir });
  await git(['config', 'receive.denyNonFastForwards', 'true'], { cwd: gitDir });
  const { main = '' } = scene.before;
  await scene.moveRef(gitDir, 'old', main);
  await scene.moveRef(gitDir, 'new', main);
  const { status, stderr } = await scene.push(refgate, 'path-settings', [
    ':refs/heads/old',
    `+${main}~1:refs/heads/new`,
    'main',
  ]);
  assert.equal(status, 1, stderr);
  assert.match(stderr, /! \[remote rejected\] old \(deletion prohibited\)/);
  assert.match(stderr, /! \[remote rejected\] \S+ -> new \(non-fast-forward\)/);
  assert.deepEqual(await scene.tips('path-settings'), { main: scene.after['main'], new: main, old: main });
  const reported = find(await lastPush(refgate, 'path-settings'), 'push.reported');
  assert.deepEqual(reported?.data.reports.map(({ ref, ok }) => [ref, ok]).sort(), [
    ['refs/heads/main', true],
    ['refs/heads/new', false],
    ['refs/heads/old', false],
  ]);
});

test('nothing of any of these pushes is left on disk', async () => {
  await until('the quarantine is empty', () => scene.isQuarantineEmpty());
});

/** The server is asked to stop in the middle of a push, is started twice, and finds a ledger that was damaged. */
import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { openLevelStore } from '../../src/store/level.ts';
import { runCommand } from '../support/git.ts';
import { outDir, type Refgate } from '../support/refgate.ts';
import { postPush, pushBody } from './push-body.ts';
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
  verifyLedger,
} from './scene.ts';

const file = endsWithFile();
let scene: Scene;

before(async () => {
  scene = await makeScene(file);
});

/** SIGTERM, and the processes that must be gone once the server has ended. */
function stop(refgate: Refgate): { ended: Promise<number | null>; processes: readonly number[] } {
  const processes = [agentOf(refgate), ...descendants(agentOf(refgate))];
  return { ended: refgate.stop(), processes };
}

for (const door of ['ssh', 'http'] as const) {
  test(`a push over ${door} that the upstream is at work on when the server is stopped is finished, reported and closed`, async (t) => {
    const name = `stopped-${door}`;
    scene.makeRepo(name);
    const gate = scene.waitingHook(name, 'pre-receive');
    const refgate = await scene.start(undefined, {}, t);
    const push = scene.startPush(refgate, name, door);
    await gate.reached();
    const { ended, processes } = stop(refgate);
    await until('the server takes no more requests', () => isRefused(refgate));
    gate.open();
    const { status, stderr } = await push.ended;
    assert.equal(status, 0, stderr);
    assert.equal(await ended, 0, refgate.log());
    assert.deepEqual(await scene.tips(name), scene.after);
    await until('every process has ended', () => !processes.some(isAlive));
    const next = await scene.start(undefined, {}, t);
    const events = await lastPush(next, name);
    assert.ok(find(events, 'push.reported')?.data.reports.every((report) => report.ok));
    assert.equal(find(events, 'session.closed')?.data.outcome, 'ok');
    assert.equal(settledAs(events), undefined);
    await verifyLedger(next);
  });
}

async function isRefused(refgate: Refgate): Promise<boolean> {
  return fetch(`${refgate.http}/acme/none.git/info/refs?service=git-upload-pack`).then(
    ({ status }) => status === 503,
    () => true,
  );
}

test('a push that is still being sent when the grace is over is refused, and nothing of it is made', async (t) => {
  scene.makeRepo('sending');
  const refgate = await scene.start(undefined, {}, t);
  const { main: oldOid = '' } = scene.before;
  const { side: newOid = '' } = scene.after;
  const body = await pushBody(scene.clone, [{ ref: 'refs/heads/main', oldOid, newOid }]);
  const post = postPush(scene, refgate, 'sending');
  const gone = new Promise((resolve) => post.once('close', resolve));
  post.on('response', (response) => response.resume().on('error', () => {}));
  post.write(body.subarray(0, body.length / 2));
  await until('the pack is being held', () => !scene.isQuarantineEmpty());
  const { ended, processes } = stop(refgate);
  assert.equal(await ended, 0, refgate.log());
  post.destroy();
  await gone;
  await until('every process has ended', () => !processes.some(isAlive));
  assert.ok(scene.isQuarantineEmpty());
  assert.deepEqual(await scene.tips('sending'), scene.before);
  const next = await scene.start(undefined, {}, t);
  const [session] = await pushesOf(next, 'sending');
  assert.ok(session?.closedAt);
  assert.notEqual(session.outcome, 'ok');
  assert.equal(find(await eventsOf(next, session.id), 'push.decided'), undefined);
});

test('a push that waits for its decision when the server is stopped is made whole or not at all', async (t) => {
  scene.makeRepo('deciding');
  const gate = new Gate(join(scene.base, 'deciding'));
  const refgate = await scene.start(`push.decided wait repo=acme/deciding file=${gate.file}`, {}, t);
  const push = scene.startPush(refgate, 'deciding', 'http');
  await gate.reached();
  const { ended } = stop(refgate);
  await until('the server takes no more requests', () => isRefused(refgate));
  gate.open();
  const { status, stderr } = await push.ended;
  await ended;
  const tips = await scene.tips('deciding');
  assert.deepEqual(tips, status === 0 ? scene.after : scene.before, stderr);
  assert.ok(scene.isQuarantineEmpty());
  const next = await scene.start(undefined, {}, t);
  await untilSettled(next, 'deciding');
});

/** Runs `refgate serve` to its end. */
function serveOnce(configFile: string): Promise<{ status: number; stdout: string; stderr: string }> {
  const main = join(outDir, 'src', 'cli', 'main.js');
  return runCommand(process.execPath, [main, 'serve', '--config', configFile], {
    cwd: scene.dir,
    env: { PATH: process.env['PATH'], HOME: scene.dir, LC_ALL: 'C', REFGATE_LOG: 'silent' },
    timeout: 20_000,
  });
}

test('a second server on the same data folder is refused with one line, and the first one goes on', async (t) => {
  scene.makeRepo('second');
  const refgate = await scene.start(undefined, {}, t);
  const second = await serveOnce(refgate.configFile);
  assert.equal(second.status, 1);
  assert.equal(second.stdout, '');
  assert.match(
    second.stderr,
    /^refgate: .*another process has .* open; stop it, or choose another data folder\n$/,
  );
  assert.equal((await scene.push(refgate, 'second')).status, 0);
  await refgate.ok(['session', 'list']);
});

test('a ledger whose end was changed is not gone on with: one line says so, and no port is opened', async (t) => {
  const refgate = await scene.start(undefined, {}, t);
  await refgate.stop();
  const data = join(scene.dir, 'data');
  cpSync(data, `${data}.whole`, { recursive: true });
  const store = await openLevelStore(join(data, 'store'));
  const last: { key: string; value: Uint8Array }[] = [];
  for await (const [key, value] of store.range({
    from: 'ledger/leaf/',
    to: 'ledger/leaf0',
    reverse: true,
    limit: 1,
  }))
    last.push({ key, value });
  const [leaf] = last;
  assert.ok(leaf);
  const changed = Buffer.from(leaf.value);
  changed[changed.length - 3] = 0x7e ^ (changed.at(-3) ?? 0);
  await store.write([{ type: 'put', key: leaf.key, value: changed }]);
  await store.close();
  const run = await serveOnce(refgate.configFile);
  assert.equal(run.status, 1);
  assert.equal(run.stdout, '');
  assert.match(run.stderr, /^refgate: the ledger does not agree with its own hashes: .*\n$/);
  cpSync(`${data}.whole`, data, { recursive: true, force: true });
});

test('a store whose files were damaged is refused with one line', async (t) => {
  const refgate = await scene.start(undefined, {}, t);
  await refgate.stop();
  const store = join(scene.dir, 'data', 'store');
  const whole = `${store}.whole`;
  cpSync(store, whole, { recursive: true });
  for (const name of readdirSync(store).filter((one) => /^(CURRENT|MANIFEST-)/.test(one))) {
    const bytes = readFileSync(join(store, name));
    writeFileSync(join(store, name), bytes.subarray(0, Math.floor(bytes.length / 2)));
  }
  const run = await serveOnce(refgate.configFile);
  assert.equal(run.status, 1);
  assert.match(run.stderr, /^refgate: [^\n]+\n$/);
  cpSync(whole, store, { recursive: true, force: true });
});

/**
 * Between the decision and the relay of a push something changes: who may push,
 * the policy, the upstream's refs, or the pack on disk. Each push waits right
 * after its inspection, or right before its decision is written, until it has changed.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { appendFileSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { git } from '../support/git.ts';
import type { Refgate } from '../support/refgate.ts';
import { pushBody, sendPush } from './push-body.ts';
import { admin, endsWithFile, find, Gate, lastPush, makeScene, pushesOf, type Scene } from './scene.ts';

const file = endsWithFile();
let scene: Scene;
let refgate: Refgate;

const names = [
  'policy',
  'tip',
  'soon',
  'flip',
  'longer',
  'shorter',
  'removed',
  'token',
  'key',
  'user',
] as const;

const gates = new Map<string, Gate>();
/** What the upstream was given, in one copy. */
let given: Gate;

before(async () => {
  scene = await makeScene(file);
  given = new Gate(join(scene.base, 'given'));
  const waits = names.map((name) => {
    gates.set(name, new Gate(join(scene.base, name)));
    return `push.decided wait repo=acme/${name} file=${join(scene.base, name)}`;
  });
  refgate = await scene.start(waits.join(';'), { PATH: scene.slowGit(given, 100) });
  given.open();
});

/** Pushes, changes something while the push waits, and lets it go on. */
async function changeMeanwhile(
  name: (typeof names)[number],
  change: () => unknown,
  door: 'ssh' | 'http' = 'http',
): Promise<string> {
  scene.makeRepo(name);
  const gate = gates.get(name);
  assert.ok(gate);
  const push = scene.startPush(refgate, name, door);
  await gate.reached();
  await change();
  gate.open();
  const { status, stderr } = await push.ended;
  assert.equal(status, 1, stderr);
  return stderr;
}

async function assertNotRelayed(name: string, code: string, relayed = false): Promise<void> {
  const events = await lastPush(refgate, name);
  assert.equal(find(events, 'push.relayed') !== undefined, relayed);
  assert.ok(find(events, 'push.reported')?.data.reports.every((report) => !report.ok));
  const [session] = await pushesOf(refgate, name);
  assert.equal(session?.code, code);
  assert.ok(scene.isQuarantineEmpty());
}

test('a policy that is applied while a push waits: the push is refused, and judged anew when it is made again', async () => {
  const text = 'access:\n  - { who: { group: dev }, repo: "acme/**", may: [read, write] }\n';
  const stderr = await changeMeanwhile('policy', () =>
    admin(refgate, 'POST', '/policy/apply', { text, file: 'policy.yaml' }),
  );
  assert.match(stderr, /the policy changed while you pushed; push again/);
  await assertNotRelayed('policy', 'CONFLICT');
  assert.deepEqual(await scene.tips('policy'), scene.before);
  scene.makeRepo('policy-again');
  assert.equal((await scene.push(refgate, 'policy-again')).status, 0);
});

test('a tip that somebody else moves while a push waits stays where they put it, and nothing of the push is made', async () => {
  const gitDir = scene.gitDir('tip');
  const stderr = await changeMeanwhile('tip', async () => {
    await scene.moveRef(gitDir, 'main', 'main~1');
    // What the agent read of the upstream while the pack came in is too old by then.
    await setTimeout(2_500);
  });
  assert.match(stderr, /the ref has moved on the upstream since the push began/);
  await assertNotRelayed('tip', 'TIP_MOVED', true);
  const moved = await git(['rev-parse', `${scene.before['main']}~1`], { cwd: gitDir });
  assert.deepEqual(await scene.tips('tip'), { main: moved });
});

test('a tip that somebody else moves right before the relay stays where they put it: the upstream compares and swaps', async () => {
  const gitDir = scene.gitDir('soon');
  const stderr = await changeMeanwhile('soon', () => scene.moveRef(gitDir, 'main', 'main~1'));
  assert.match(stderr, /main -> main \((refused: TIP_MOVED|failed to update ref|.*fetch first.*)\)/);
  const tips = await scene.tips('soon');
  assert.equal(tips['main'], await git(['rev-parse', `${scene.before['main']}~1`], { cwd: gitDir }));
  const reports = find(await lastPush(refgate, 'soon'), 'push.reported')?.data.reports;
  assert.equal(reports?.find(({ ref }) => ref === 'refs/heads/main')?.ok, false);
  const isMade = reports?.find(({ ref }) => ref === 'refs/heads/side')?.ok;
  assert.equal(tips['side'], isMade ? scene.after['side'] : scene.before['side']);
});

test('a client that names another old oid than the tip is refused, and the ref stays', async () => {
  scene.makeRepo('liar');
  const oldOid = await git(['rev-parse', `${scene.before['main']}~1`], { cwd: scene.clone });
  const { main: newOid = '' } = scene.after;
  const body = await pushBody(scene.clone, [{ ref: 'refs/heads/main', oldOid, newOid }]);
  const { text } = await sendPush(scene, refgate, 'liar', body);
  assert.match(text, /ng refs\/heads\/main refused: TIP_MOVED/);
  assert.deepEqual(await scene.tips('liar'), scene.before);
});

test('a client that says that a ref is not there, which is, is refused, and the ref stays', async () => {
  scene.makeRepo('liar-new');
  const { main: newOid = '' } = scene.after;
  const body = await pushBody(scene.clone, [{ ref: 'refs/heads/main', oldOid: '0'.repeat(40), newOid }]);
  const { text } = await sendPush(scene, refgate, 'liar-new', body);
  assert.match(text, /ng refs\/heads\/main /);
  assert.deepEqual(await scene.tips('liar-new'), scene.before);
});

/** The only pack that is held now. */
function heldFile(): string {
  const [id = ''] = readdirSync(scene.quarantine);
  const found = readdirSync(join(scene.quarantine, id), { recursive: true, encoding: 'utf8' });
  const received = found.find((name) => name.endsWith('.pack') || name.includes('received'));
  assert.ok(received, found.join(' '));
  return join(scene.quarantine, id, received);
}

const tamperings = [
  { name: 'flip', code: 'JOB_INVALID', tamper: (pack: string) => flipByte(pack, 1_000) },
  { name: 'longer', code: 'INTERNAL', tamper: (pack: string) => appendFileSync(pack, 'more') },
  { name: 'shorter', code: 'INTERNAL', tamper: (pack: string) => truncateSync(pack, 1_000_000) },
  { name: 'removed', code: 'INTERNAL', tamper: (pack: string) => rmSync(pack) },
] as const;

function flipByte(pack: string, at: number): void {
  const bytes = readFileSync(pack);
  bytes[at] = 0xff ^ (bytes[at] ?? 0);
  writeFileSync(pack, bytes);
}

for (const { name, code, tamper } of tamperings) {
  test(`a pack that is changed after its inspection (${name}) is not relayed: nothing is made`, async () => {
    const stderr = await changeMeanwhile(name, () => tamper(heldFile()));
    assert.match(stderr, new RegExp(`! \\[remote rejected\\] main -> main \\(refused: ${code}\\)`));
    assert.deepEqual(await scene.tips(name), scene.before);
    await assertNotRelayed(name, code, true);
  });
}

test('the upstream gets exactly the bytes that were inspected', async () => {
  scene.makeRepo('digest');
  assert.equal((await scene.push(refgate, 'digest')).status, 0);
  const inspected = find(await lastPush(refgate, 'digest'), 'push.inspected')?.data;
  assert.ok(inspected);
  const pack = readFileSync(`${given.file}.copy`).subarray(-inspected.bytes);
  assert.equal(pack.toString('latin1', 0, 4), 'PACK');
  assert.equal(createHash('sha256').update(pack).digest('hex'), inspected.sha256);
});

test('a key that is removed while a push waits: nothing is relayed', async () => {
  const [key] = await admin<{ fingerprint: string }[]>(refgate, 'GET', '/keys?user=ann');
  const body = { user: 'ann', fingerprint: key?.fingerprint };
  const stderr = await changeMeanwhile('key', () => admin(refgate, 'DELETE', '/keys', body), 'ssh');
  assert.match(stderr, /your key, token or account was ended/);
  await assertNotRelayed('key', 'AUTHENTICATION_FAILED');
  assert.deepEqual(await scene.tips('key'), scene.before);
});

test('a token that is revoked while a push waits: nothing is relayed', async () => {
  const [token] = await admin<{ id: string }[]>(refgate, 'GET', '/tokens?user=ann');
  const stderr = await changeMeanwhile('token', () => admin(refgate, 'DELETE', `/tokens/${token?.id}`));
  assert.match(stderr, /your key, token or account was ended/);
  await assertNotRelayed('token', 'AUTHENTICATION_FAILED');
  assert.deepEqual(await scene.tips('token'), scene.before);
});

test('a user who is disabled while a push waits: nothing is relayed', async () => {
  const made = await admin<{ token: string }>(refgate, 'POST', '/tokens', { user: 'ann', ttl: 3_600_000 });
  scene.token = made.token;
  const stderr = await changeMeanwhile('user', () => admin(refgate, 'POST', '/users/ann/disable'));
  assert.match(stderr, /your key, token or account was ended/);
  await assertNotRelayed('user', 'AUTHENTICATION_FAILED');
  assert.deepEqual(await scene.tips('user'), scene.before);
});

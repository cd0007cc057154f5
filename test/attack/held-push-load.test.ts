/**
 * Attack: to wear Refgate out with pushes that wait.
 * 1. Mallory pushes one update many times over: each client waits, and each brought the whole pack.
 * 2. One push changes 1,000 refs that are all asked about.
 * 3. Her clients wait for longer than an idle connection may last, over either door, or are gone unnoticed.
 * 4. The server is stopped while they wait.
 * The pack is on disk once, the ledger and the pages take what is large, and whoever waits is kept.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { endsWithFile, until } from '../fault/scene.ts';
import { api } from '../scenario/approving.ts';
import { git } from '../support/git.ts';
import { askAboutMain, type HeldScene, heldScene } from './held-scene.ts';

const file = endsWithFile();

describe('many and large held pushes', () => {
  let scene: HeldScene;
  before(async () => {
    const limits = { upstreamIdle: '4s', idle: '7s' };
    scene = await heldScene(file, askAboutMain({ onApprove: 'relay' }), { limits });
  });

  test('however many clients wait for one update, its pack is on disk once, and it goes once', async () => {
    const repo = await scene.repo('joined');
    const made = await repo.commit('large.bin', randomBytes(300_000).toString('latin1'));
    const first = scene.push(repo, [scene.url('joined'), 'main']);
    const id = await first.heldId();
    const more = Array.from({ length: 6 }, () => scene.push(repo, [scene.url('joined'), 'main']));
    for (const one of more) await one.says(/held already/);
    const { session } = await scene.held(id);
    await until('one pack is left', () => scene.quarantine().join() === session);
    await scene.vote('carol', id, 'approve');
    const runs = await Promise.all([first, ...more].map(({ done }) => done));
    assert.deepEqual(new Set(runs.map(({ status }) => status)), new Set([0]), runs.at(-1)?.stderr);
    assert.equal(await repo.tip('refs/heads/main'), made);
    await until('no pack is left', () => scene.quarantine().length === 0);
  });

  test('1,000 refs of one push are asked about, shown, approved and relayed', async () => {
    await scene.apply({
      ...askAboutMain(),
      rules: [{ name: 'all', when: { ref: 'refs/heads/**' }, then: { ask: { group: 'reviewers' } } }],
    });
    const repo = await scene.repo('many');
    const made = await repo.commit('a.txt');
    const names = Array.from({ length: 1_000 }, (_, at) => `refs/heads/topic-${at}`);
    const lines = names.map((name) => `create ${name} ${made}\n`).join('');
    await git(['update-ref', '--stdin'], { cwd: repo.clone, input: lines });
    const push = scene.push(repo, [scene.url('many'), 'refs/heads/topic-*:refs/heads/topic-*']);
    const id = await push.heldId();
    assert.ok(push.stderr.length < 20_000);
    const page = await api<{ id: string }>(scene.refgate, scene.tokens['carol'] ?? '', `/pushes/${id}`);
    assert.equal(page.status, 200);
    await scene.vote('carol', id, 'approve');
    const run = await push.done;
    assert.equal(run.status, 0, run.stderr.slice(-2_000));
    assert.equal(await repo.tip('refs/heads/topic-999'), made);
    await scene.refgate.ok(['audit', 'verify']);
    await scene.apply(askAboutMain({ onApprove: 'relay' }));
  });

  test('who waits longer than a connection may idle is kept over both doors, and who stops the server lets them go', async () => {
    const repo = await scene.repo('long');
    await repo.commit('a.txt');
    const http = scene.push(repo, [scene.url('long'), 'main']);
    const id = await http.heldId();
    const ssh = scene.push(repo, [scene.sshUrl('long'), 'main'], scene.keys['ann']?.env);
    await ssh.says(/held already/);
    await sleep(9_000);
    assert.ok(http.isRunning, http.stderr);
    assert.ok(ssh.isRunning, ssh.stderr);
    assert.equal((await scene.held(id)).state, 'pending');
    assert.equal(await scene.refgate.stop(), 0);
    for (const run of await Promise.all([http.done, ssh.done])) assert.match(run.stderr, /held as p-/);
  });
});

/**
 * Attack: to use an approval for something else than what people approved.
 * 1. Mallory's push is approved, and its client is gone, so that she has to push again.
 * 2. She pushes the same commit to another ref, through another path to the same repository, with another push
 *    option, or lets somebody else push it.
 * 3. She pushes it again with objects in the pack that nobody saw.
 * 4. Who can write to the disk of the server changes the held pack before it is relayed.
 * 5. Her push option holds a secret, which she hopes to find in what others read.
 */
import assert from 'node:assert/strict';
import { appendFileSync, chmodSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { endsWithFile } from '../fault/scene.ts';
import { api } from '../scenario/approving.ts';
import { git } from '../support/git.ts';
import { askAboutMain, type HeldRepo, type HeldScene, heldScene } from './held-scene.ts';
import { token } from './hiding.ts';

const file = endsWithFile();
const tricks = ['\u001b[2J', '\u202e'];
const options = { pushOptions: ['*'] };
const rules = [
  { name: 'releases', when: { ref: 'refs/heads/release' }, then: { ask: { group: 'reviewers' } } },
];

describe('an approval', () => {
  let scene: HeldScene;
  before(async () => {
    const policy = { ...askAboutMain({ onApprove: 'retry' }, rules) } as { access: object[] };
    const access = [{ who: { group: 'dev' }, repo: '*/*', may: ['read', 'write'], ...options }];
    scene = await heldScene(file, { ...policy, access });
  });

  /** Approved, and waiting to be pushed again. */
  async function approved(name: string): Promise<{ repo: HeldRepo; id: string; made: string }> {
    const repo = await scene.repo(name);
    const made = await repo.commit('a.txt');
    const push = scene.push(repo, [scene.url(name), 'main']);
    const id = await push.heldId();
    await push.kill();
    await scene.vote('carol', id, 'approve');
    return { repo, id, made };
  }

  test('is for one ref, repository, user and set of push options; another key or door of the user may use it', async () => {
    const { repo, id, made } = await approved('elsewhere');
    const url = scene.url('elsewhere');
    const others = [
      [url, 'main:release'],
      [scene.url('elsewhere', 'ann', 'alias'), 'main'],
      [scene.url('elsewhere', 'eve'), 'main'],
    ];
    for (const args of others) {
      const push = scene.push(repo, args);
      assert.notEqual(await push.heldId(), id, args.join(' '));
      await push.kill();
      assert.equal(await repo.tip('refs/heads/main'), repo.before);
      assert.equal(await repo.tip('refs/heads/release'), '');
    }
    const again = await scene.push(repo, [scene.sshUrl('elsewhere'), 'main'], scene.keys['ann']?.env).done;
    assert.equal(again.status, 0, again.stderr);
    assert.equal(await repo.tip('refs/heads/main'), made);
    assert.equal((await scene.held(id)).state, 'forwarded');
  });

  test('of an update without push options is not one with them', async () => {
    const { repo, id } = await approved('options');
    const push = scene.push(repo, ['-o', 'ci.skip', scene.url('options'), 'main']);
    assert.notEqual(await push.heldId(), id);
    await push.kill();
    assert.equal((await scene.held(id)).state, 'canceled');
    assert.equal(await repo.tip('refs/heads/main'), repo.before);
  });

  test('relays the bytes that were held, and none when they were changed', async () => {
    const { repo, id } = await approved('tampered');
    const { session } = await scene.held(id);
    const folder = join(scene.home, 'data', 'quarantine', session);
    const packs = readdirSync(folder, { recursive: true }).map(String);
    const pack = join(folder, packs.find((name) => name.endsWith('.pack')) ?? '');
    chmodSync(pack, 0o600);
    appendFileSync(pack, 'x');
    const again = await scene.push(repo, [scene.url('tampered'), 'main']).done;
    assert.equal(again.status, 1, again.stderr);
    assert.equal(await repo.tip('refs/heads/main'), repo.before);
    assert.equal((await scene.held(id)).state, 'error');
  });

  test('shows secrets of push options to nobody', async () => {
    const repo = await scene.repo('secret');
    await repo.commit('a.txt');
    const secret = token(7);
    const push = scene.push(repo, ['-o', `key=${secret}`, scene.url('secret'), 'main']);
    const id = await push.heldId().catch(() => undefined);
    // A policy may refuse it at once; then nothing is held.
    if (id !== undefined) {
      const shown = await api<object>(scene.refgate, scene.tokens['carol'] ?? '', `/pushes/${id}`);
      assert.ok(!JSON.stringify(shown.body).includes(secret));
      assert.ok(!(await scene.refgate.ok(['push', 'show', id])).includes(secret));
      const { session } = await scene.held(id);
      await scene.vote('carol', id, 'deny', '\u001b[2Jno\r\n\u202eok');
      const run = await push.done;
      for (const trick of tricks) assert.ok(!run.stderr.includes(trick));
      assert.ok(!run.stderr.includes(secret));
      assert.ok(!(await scene.refgate.ok(['session', 'show', session, '--json'])).includes(secret));
      const told = await scene.refgate.ok(['push', 'show', id]);
      for (const trick of tricks) assert.ok(!told.includes(trick));
    }
    assert.ok(!scene.refgate.log().includes(secret));
  });

  test('a deletion alone, and a tag, wait and go like anything else; a dry run asks nobody', async () => {
    const repo = await scene.repo('kinds');
    await scene.apply({
      ...askAboutMain({ onApprove: 'relay' }),
      rules: [
        {
          name: 'all',
          when: { ref: ['refs/heads/**', 'refs/tags/**'] },
          then: { ask: { group: 'reviewers', onApprove: 'relay' } },
        },
      ],
    });
    await git(['update-ref', 'refs/heads/old', repo.before], { cwd: repo.upstream });
    await git(['tag', '-a', '-m', 'one', 'v1'], { cwd: repo.clone });
    const dry = await scene.push(repo, ['--dry-run', scene.url('kinds'), 'v1']).done;
    assert.equal(dry.status, 0, dry.stderr);
    for (const args of [[':old'], ['v1']]) {
      const push = scene.push(repo, [scene.url('kinds'), ...args]);
      const id = await push.heldId();
      await push.kill();
      await scene.vote('carol', id, 'approve');
      await scene.becomes(id, 'forwarded');
    }
    assert.equal(await repo.tip('refs/heads/old'), '');
    assert.notEqual(await repo.tip('refs/tags/v1'), '');
  });
});

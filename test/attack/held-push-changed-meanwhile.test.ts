/**
 * Attack: to use the time in which a push waits for people.
 * 1. Mallory has write access and pushes to `main`, which asks. While it waits she is taken out of the group
 *    that may write; then an unknowing reviewer approves.
 * 2. A reviewer who approved loses the group, or the role, before the second approval that the rule wants.
 * 3. Mallory pushes `main`, which asks, and `Zed`, which nobody asks about. While it waits she pushes `zed`; then
 *    her push is refused, and what was not asked about goes: `Zed` beside `zed`.
 * 4. Mallory pushes one commit to `main` and to `side`. `main` is refused, `side` may go: it must go whole.
 * What was true when the push came must be true when it goes.
 */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { endsWithFile } from '../fault/scene.ts';
import { git } from '../support/git.ts';
import { askAboutMain, type HeldScene, heldScene } from './held-scene.ts';

const file = endsWithFile();

describe('what changes while a push waits', () => {
  let scene: HeldScene;
  before(async () => {
    scene = await heldScene(file, askAboutMain({ onApprove: 'relay' }));
  });

  for (const how of ['waits', 'is gone'] as const)
    test(`who may not write any more gets nothing through, when the client ${how}`, async () => {
      const repo = await scene.repo(`left-${how.length}`);
      await repo.commit('a.txt');
      const push = scene.push(repo, [scene.url(repo.name, 'eve'), 'main']);
      const id = await push.heldId();
      if (how === 'is gone') await push.kill();
      await scene.refgate.ok(['user', 'change', 'eve', '--remove-group', 'dev', '--add-group', 'guests']);
      try {
        await scene.vote('carol', id, 'approve').catch(() => {});
        const held = await scene.becomes(id, 'canceled', 'error', 'forwarded');
        assert.notEqual(held.state, 'forwarded');
        assert.equal(await repo.tip('refs/heads/main'), repo.before);
        if (how === 'waits') assert.equal((await push.done).status, 1);
      } finally {
        await scene.refgate.ok(['user', 'change', 'eve', '--remove-group', 'guests', '--add-group', 'dev']);
      }
    });

  test('names that were taken meanwhile are not taken again by what nobody was asked about', async () => {
    const repo = await scene.repo('twins');
    await repo.commit('a.txt');
    const push = scene.push(repo, [scene.url(repo.name), 'main', 'main:Zed']);
    const id = await push.heldId();
    await git(['update-ref', 'refs/heads/zed', repo.before], { cwd: repo.upstream });
    await sleep(2_100);
    await scene.vote('carol', id, 'deny', 'no');
    const run = await push.done;
    assert.equal(run.status, 1, run.stderr);
    assert.equal(await repo.tip('refs/heads/Zed'), '', run.stderr);
  });

  test('of a push that is refused, what may go goes whole', async () => {
    const repo = await scene.repo('rest');
    const made = await repo.commit('a.txt');
    const push = scene.push(repo, [scene.url(repo.name), 'main', 'main:side']);
    const id = await push.heldId();
    await scene.vote('carol', id, 'deny', 'no');
    const run = await push.done;
    assert.match(run.stderr, /main -> main \(refused: carol refused/);
    assert.equal(await repo.tip('refs/heads/main'), repo.before);
    assert.equal(await repo.tip('refs/heads/side'), made, run.stderr);
    for (let tries = 0; tries < 100 && scene.quarantine().length > 0; tries++) await sleep(20);
    assert.deepEqual(scene.quarantine(), []);
  });

  for (const how of ['group', 'role'] as const)
    test(`the approval of who lost the ${how} is worth nothing`, async () => {
      await scene.apply(askAboutMain({ approvals: 2 }));
      const repo = await scene.repo(`lost-${how}`);
      await repo.commit('a.txt');
      const push = scene.push(repo, [scene.url(repo.name), 'main']);
      const id = await push.heldId();
      await scene.vote('dave', id, 'approve');
      const [take, give] =
        how === 'group'
          ? [
              ['--remove-group', 'reviewers'],
              ['--add-group', 'reviewers'],
            ]
          : [
              ['--role', 'user'],
              ['--role', 'reviewer'],
            ];
      await scene.refgate.ok(['user', 'change', 'dave', ...take]);
      await scene.vote('carol', id, 'approve');
      const held = await scene.held(id);
      await scene.refgate.ok(['user', 'change', 'dave', ...give]);
      await push.kill();
      assert.equal(held.state, 'pending');
      assert.equal(await repo.tip('refs/heads/main'), repo.before);
    });
});

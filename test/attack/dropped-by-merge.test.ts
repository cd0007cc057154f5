/**
 * Attack: a merge drops a guarded file, and no commit says so.
 * 1. A rule refuses changes below deploy/ on a branch.
 * 2. The attacker makes a history of their own that never had deploy/, beginning with a commit without parents.
 * 3. They merge it into the branch, and keep the state without deploy/: the merge is like one of its parents there,
 *    so that nothing differs from both.
 * 4. The push is judged by what it does to the branch all the same.
 */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { endsWithFile } from '../fault/scene.ts';
import type { CommitOf } from '../inspect/contents/walk-fixture.ts';
import { git } from '../support/git.ts';
import { base, type Hiding, hide, type Story } from './hiding.ts';

const file = endsWithFile();
const commits: readonly CommitOf[] = [
  { ...base, files: { 'readme.txt': 'hello\n', 'deploy/prod.yaml': 'replicas: 3\n' } },
  { name: 'alone', parents: [], files: { 'other.txt': 'other\n' } },
  {
    name: 'dropped',
    parents: ['base', 'alone'],
    files: { 'other.txt': 'other\n', 'deploy/prod.yaml': undefined },
  },
  { name: 'joined', parents: ['base', 'alone'], files: { 'other.txt': 'other\n' } },
];

describe('a merge that drops a guarded file', () => {
  let hiding: Hiding;
  let story: Story;
  before(async () => {
    hiding = await hide(file);
    story = await hiding.story('web', commits);
    const guarded = { ref: 'refs/heads/base', path: 'deploy/**' };
    await hiding.policy({ rules: [{ name: 'deploys-stay', when: guarded, then: 'deny' }] });
  });

  test('is refused for the file that is gone', async () => {
    const run = await hiding.push('web', ['dropped:base']);
    assert.equal(run.status, 1);
    assert.match(run.stderr, /deploys-stay: deploy\/prod\.yaml, deleted/);
    assert.equal(await git(['rev-parse', 'refs/heads/base'], { cwd: story.upstream }), story.oids['base']);
  });

  test('one that only joins the two histories goes through', async () => {
    const run = await hiding.push('web', ['joined:base']);
    assert.equal(run.status, 0, run.stderr);
  });
});

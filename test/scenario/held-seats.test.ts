import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { type Bastion, startBastion } from '../support/bastion.ts';
import { git } from '../support/git.ts';
import { makeRepo } from '../support/repos.ts';
import { addReviewer, askingPolicy, begin, heldPush, putInForce, vote } from './approving.ts';
import { tip } from './pushing.ts';

/** A clone of a repository whose owners are: carol of src/, dave of deploy/, and nobody of the rest. */
async function owned(bastion: Bastion, name: string): Promise<{ clone: string; upstream: string }> {
  const upstream = bastion.gitDir(name);
  await makeRepo(upstream, 'linear', { count: 2 });
  const clone = join(bastion.dir, name);
  await git(['clone', '-q', upstream, clone]);
  await write(clone, { '.github/CODEOWNERS': '/src/ @carol\n/deploy/ @acme/deployers\n' });
  await git(['push', '-q', 'origin', 'main'], { cwd: clone });
  await git(['remote', 'set-url', 'origin', bastion.url('ssh', 'ssh', name)], { cwd: clone });
  return { clone, upstream };
}

async function write(clone: string, files: Readonly<Record<string, string>>): Promise<string> {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(clone, path)), { recursive: true });
    writeFileSync(join(clone, path), text);
  }
  await git(['add', '.'], { cwd: clone });
  await git(['commit', '-qm', 'write'], { cwd: clone });
  return git(['rev-parse', 'HEAD'], { cwd: clone });
}

const origin = ['push', 'origin', 'main'];

test('who is asked', async (whole) => {
  const bastion = await startBastion(whole);
  const { refgate } = bastion;
  const carol = await addReviewer(refgate, 'carol');
  const dave = await addReviewer(refgate, 'dave', ['--group', 'deployers', '--role', 'reviewer']);
  const frank = await addReviewer(refgate, 'frank', ['--group', 'security', '--role', 'reviewer']);
  const both = await addReviewer(refgate, 'gina', [
    ...['--group', 'security', '--group', 'reviewers'],
    ...['--role', 'reviewer'],
  ]);

  await whole.test('the owners of every changed file, as the target branch names them', async (t) => {
    const { clone, upstream } = await owned(bastion, 'owned');
    await putInForce(bastion.refgate, askingPolicy({ group: undefined, from: 'codeowners' }));
    const made = await write(clone, { 'src/a.ts': 'a\n', 'deploy/a.yaml': 'a\n' });
    const push = begin(t, bastion, origin, clone);
    const id = await push.heldId();
    await vote(refgate, carol, id, 'approve');
    await push.says(/still missing: 1 of owners of \/deploy\/ \(CODEOWNERS\)/);
    await vote(refgate, dave, id, 'approve');
    assert.equal((await push.done).status, 0);
    assert.equal(await tip(upstream, 'refs/heads/main'), made);
  });

  await whole.test('a push that makes its user an owner asks the owners that there were', async (t) => {
    const { clone } = await owned(bastion, 'seizing');
    await putInForce(bastion.refgate, askingPolicy({ group: 'security', from: 'codeowners' }));
    await write(clone, { '.github/CODEOWNERS': '* @ann\n', 'src/a.ts': 'a\n' });
    const push = begin(t, bastion, origin, clone);
    const id = await push.heldId();
    const asked = (await heldPush(refgate, id)).asks.flatMap(({ seats }) => seats.map(({ of }) => of)).sort();
    assert.deepEqual(asked, ['owners of /src/ (CODEOWNERS)', 'security']);
    await push.kill();
  });

  await whole.test('a file that nobody owns is refused where no group is asked as well', async (t) => {
    const { clone } = await owned(bastion, 'unowned');
    await putInForce(bastion.refgate, askingPolicy({ group: undefined, from: 'codeowners' }));
    await write(clone, { 'other.txt': 'o\n' });
    const run = await begin(t, bastion, origin, clone).done;
    assert.equal(run.status, 1);
    assert.match(run.stderr, /deploys-are-reviewed: .*other\.txt/);
  });

  await whole.test('several groups, of which nobody sits for two', async (t) => {
    const { clone, upstream } = await owned(bastion, 'groups');
    await putInForce(bastion.refgate, askingPolicy({ group: undefined, from: ['security', 'reviewers'] }));
    const made = await write(clone, { 'src/a.ts': 'a\n' });
    const push = begin(t, bastion, origin, clone);
    const id = await push.heldId();
    await vote(refgate, both, id, 'approve');
    assert.equal((await heldPush(refgate, id)).state, 'pending');
    await vote(refgate, frank, id, 'approve');
    assert.equal((await push.done).status, 0);
    assert.equal(await tip(upstream, 'refs/heads/main'), made);
  });
});

import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import { makeClientKey } from './client.ts';
import { git, runGit, tempDir } from './git.ts';
import { makeRepo, type RepoKind } from './repos.ts';

const kinds: readonly RepoKind[] = ['empty', 'linear', 'merges', 'tags', 'refs', 'sha256', 'submodule'];

for (const kind of kinds) {
  test(`the ${kind} repository passes fsck and clones`, async (t) => {
    const dir = tempDir(t, 'repos');
    await makeRepo(join(dir, 'r.git'), kind);
    await git(['fsck', '--strict'], { cwd: join(dir, 'r.git') });
    await git(['clone', '--quiet', join(dir, 'r.git'), join(dir, 'work')]);
    const heads = await git(['for-each-ref', '--format=%(refname)', 'refs/heads/main'], {
      cwd: join(dir, 'r.git'),
    });
    assert.equal(heads, kind === 'empty' ? '' : 'refs/heads/main');
  });
}

test('the same kind has the same oids every time', async (t) => {
  const dir = tempDir(t, 'repos');
  for (const name of ['a', 'b']) await makeRepo(join(dir, name), 'merges');
  const tips = await Promise.all(
    ['a', 'b'].map((name) => git(['rev-parse', 'main'], { cwd: join(dir, name) })),
  );
  assert.equal(tips[0], tips[1]);
});

test('git runs without the configuration of the machine, and does not prompt', async () => {
  const run = await runGit(['config', '--list', '--show-scope']);
  assert.equal(run.status, 0);
  assert.doesNotMatch(run.stdout, /^(system|global)\t/m);
});

test('a client key is one line of a .pub file', async (t) => {
  const key = await makeClientKey(tempDir(t, 'key'));
  assert.match(key.publicLine, /^ssh-ed25519 \S+ client@example\.com$/);
});

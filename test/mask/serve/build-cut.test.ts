import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { buildView } from '../../../src/mask/build/build-view.ts';
import { extendView } from '../../../src/mask/build/extend-view.ts';
import { readBoundary } from '../../../src/mask/serve/boundary.ts';
import { buildCut } from '../../../src/mask/serve/build-cut.ts';
import { createViewSource } from '../../../src/mask/serve/view-source.ts';
import { git, runGit, tempDir } from '../../support/git.ts';
import { findLeaks } from '../../support/leaks.ts';
import { openMaskFolder, tipsOf } from '../../support/mask-folder.ts';
import { makeSecretHistory, secretMaker } from '../../support/secret-history.ts';
import { startViewServer } from '../../support/view-server.ts';

for (const format of ['sha1', 'sha256'] as const) {
  test(`of a history with secrets everywhere a cut holds none, and what it holds has its own oid (${format})`, async (t) => {
    const dir = tempDir(t, 'cut');
    const history = await makeSecretHistory(join(dir, 'up.git'), { format, filler: 6 });
    const folder = await openMaskFolder(history.gitDir, format);
    t.after(() => folder.close());
    const tips = await tipsOf(history.gitDir);
    await buildView(folder.context(), tips);
    const cut = join(dir, 'cut.1.git');
    const { tips: shown, leftOut } = await buildCut(folder.context(), cut, tips);
    assert.deepEqual(
      shown.refs.map(({ ref }) => ref),
      [
        'refs/heads/clean-first',
        'refs/heads/merged',
        'refs/heads/side',
        'refs/tags/clean',
        'refs/tags/clean-blob',
      ],
    );
    assert.equal(leftOut, tips.refs.length - shown.refs.length);
    for (const { ref, oid } of shown.refs) assert.equal(oid, history.refs.get(ref));
    assert.deepEqual(await findLeaks(cut, history.secrets), []);
    const ends = ['clean first', 'merge first'];
    assert.deepEqual(
      new Set(await readBoundary(cut)),
      new Set(ends.map((label) => history.commits.get(label))),
    );
    const fsck = await runGit(['fsck', '--full', '--strict'], { cwd: cut });
    assert.equal(`${fsck.status} ${fsck.stderr.replace(/^notice: .*\n/, '')}`, '0 ');
    const held = await git(['cat-file', '--batch-all-objects', '--batch-check=%(objectname)'], { cwd: cut });
    for (const [label, oid] of history.commits) {
      if (!history.clean.includes(label) && !ends.includes(label)) assert.ok(!held.includes(oid), label);
    }
  });
}

/** A repository whose secret was taken out again, with its view and its cut. */
async function openScene(t: TestContext) {
  const dir = tempDir(t, 'cut');
  const up = join(dir, 'up');
  await git(['init', '--quiet', up]);
  const secret = secretMaker(7)();
  const commit = async (name: string, text: string): Promise<void> => {
    writeFileSync(join(up, name), text);
    await git(['add', '.'], { cwd: up });
    await git(['commit', '--quiet', '-m', `${name} of ${text.length}`], { cwd: up });
  };
  await commit('a.txt', 'one\n');
  await commit('env', `token=${secret}\n`);
  await commit('b.txt', 'two\n');
  await git(['rm', '--quiet', 'env'], { cwd: up });
  await commit('c.txt', 'three\n');
  await commit('c.txt', 'three and more\n');
  await commit('d.txt', 'four\n');
  await git(['tag', '-a', '-m', 'first', 'v1'], { cwd: up });
  const gitDir = join(up, '.git');
  const folder = await openMaskFolder(gitDir, 'sha1');
  t.after(() => folder.close());
  await buildView(folder.context(), await tipsOf(gitDir));
  const cut = join(dir, 'cut.1.git');
  await buildCut(folder.context(), cut, await tipsOf(gitDir));
  const sync = async (): Promise<void> => {
    await extendView(folder.context(), await tipsOf(gitDir));
    await buildCut(folder.context(), cut, await tipsOf(gitDir));
  };
  const source = () => createViewSource({ gitDir: cut, format: 'sha1' });
  const server = await startViewServer(t, dir, { source }, 'cut');
  return { dir, up, cut, secret, commit, sync, server };
}

test('git gets the newest clean commits with their own oids, as a shallow repository', async (t) => {
  const { dir, up, cut, secret, commit, sync, server } = await openScene(t);
  const tip = await git(['rev-parse', 'HEAD'], { cwd: up });
  const old = await git(['rev-parse', 'HEAD~4'], { cwd: up });
  assert.equal(await git(['rev-list', '--count', 'main'], { cwd: cut }), '3');
  const clones: string[] = [];
  for (const door of ['ssh', 'http'] as const) {
    for (const version of [0, 1, 2] as const) {
      const into = join(dir, `${door}-${version}`);
      clones.push(into);
      await server.git(['clone', '--quiet', server.url(door), into], { version });
      assert.equal(await git(['rev-parse', 'HEAD'], { cwd: into }), tip);
      assert.equal(await git(['rev-list', '--count', 'HEAD'], { cwd: into }), '3');
      assert.equal(await git(['describe'], { cwd: into }), 'v1');
      await git(['fsck', '--full', '--strict'], { cwd: into });
      if (version === 1) continue;
      await server.git(['fetch', '--quiet', '--depth=50'], { cwd: into, version });
      assert.equal(await git(['rev-list', '--count', 'HEAD'], { cwd: into }), '3');
      const run = await server.run(['fetch', server.url(door), old], { cwd: into, version });
      assert.match(run.stderr, /not our ref/);
    }
  }
  await commit('e.txt', 'five\n');
  await sync();
  const next = await git(['rev-parse', 'HEAD'], { cwd: up });
  for (const into of clones) {
    await server.git(['pull', '--quiet'], { cwd: into });
    assert.equal(await git(['rev-parse', 'HEAD'], { cwd: into }), next);
    assert.equal(await git(['rev-list', '--count', 'HEAD'], { cwd: into }), '4');
  }
  assert.deepEqual(await findLeaks(cut, [{ where: 'env', text: secret }]), []);
});

test('a branch that gets a secret leaves the cut, and comes back behind it', async (t) => {
  const { up, cut, secret, commit, sync } = await openScene(t);
  await commit('leak.txt', `again ${secret}\n`);
  await sync();
  assert.equal((await runGit(['rev-parse', '--verify', 'main'], { cwd: cut })).status, 128);
  assert.ok(existsSync(join(cut, 'shallow')));
  await git(['rm', '--quiet', 'leak.txt'], { cwd: up });
  await commit('f.txt', 'six\n');
  await sync();
  assert.equal(await git(['rev-list', '--count', 'main'], { cwd: cut }), '1');
  assert.equal(await git(['rev-list', '--count', 'v1'], { cwd: cut }), '3');
  assert.deepEqual(await findLeaks(cut, [{ where: 'env', text: secret }]), []);
  await git(['fsck', '--full', '--strict'], { cwd: cut });
});

test('a cut that ended between two of its writes is finished by the next', async (t) => {
  const { cut, commit, sync } = await openScene(t);
  await commit('g.txt', 'seven\n');
  await git(['update-ref', '-d', 'refs/heads/main'], { cwd: cut });
  await sync();
  assert.equal(await git(['rev-list', '--count', 'main'], { cwd: cut }), '4');
});

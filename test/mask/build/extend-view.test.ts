import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { buildView } from '../../../src/mask/build/build-view.ts';
import type { Tips } from '../../../src/mask/build/contract.ts';
import { extendView } from '../../../src/mask/build/extend-view.ts';
import { git, initBare, runGit, tempDir } from '../../support/git.ts';
import { Folder, HistoryWriter } from '../../support/history-writer.ts';
import { findLeaks } from '../../support/leaks.ts';
import { type MaskFolder, openMaskFolder, tipsOf } from '../../support/mask-folder.ts';
import { makeSecretHistory, type SecretHistory, secretMaker } from '../../support/secret-history.ts';

const isClean = async (gitDir: string): Promise<void> => {
  const fsck = await runGit(['fsck', '--full', '--strict'], { cwd: gitDir });
  assert.equal(`${fsck.status} ${fsck.stderr}`, '0 ');
};

async function open(t: TestContext, gitDir: string, format: 'sha1' | 'sha256' = 'sha1'): Promise<MaskFolder> {
  const folder = await openMaskFolder(gitDir, format);
  t.after(() => folder.close());
  return folder;
}

/** Tips as they were when the history was younger: a branch at every seventh commit, then all there is. */
async function stagesOf({ gitDir, commits }: SecretHistory): Promise<readonly Tips[]> {
  const main = 'refs/heads/main';
  const stages = [...commits.values()].filter((_, index) => index % 7 === 3);
  return [...stages.map((oid) => ({ refs: [{ ref: main, oid }], head: main })), await tipsOf(gitDir)];
}

for (const format of ['sha1', 'sha256'] as const) {
  test(`a view that grew step by step has the refs of one that was built at once (${format})`, async (t) => {
    const history = await makeSecretHistory(join(tempDir(t), 'up.git'), { format });
    const folder = await open(t, history.gitDir, format);
    const tips = await tipsOf(history.gitDir);
    const built = await buildView(folder.context(), tips);
    const stages = await stagesOf(history);
    for (const [epoch, order] of [stages, [stages[2], stages[0], ...stages.slice(1)]].entries()) {
      const context = folder.context({ epoch: epoch + 2 });
      let result = await buildView(context, order[0] as Tips);
      for (const stage of order.slice(1)) result = await extendView(context, stage as Tips);
      assert.deepEqual(result, built);
      assert.deepEqual(await tipsOf(folder.view(epoch + 2)), built.tips);
      assert.deepEqual(await findLeaks(folder.view(epoch + 2), history.secrets), []);
      await isClean(folder.view(epoch + 2));
    }
  });
}

test('a view that begins empty, and one that is made anew, have the same refs', async (t) => {
  const history = await makeSecretHistory(join(tempDir(t), 'up.git'));
  const folder = await open(t, history.gitDir);
  const tips = await tipsOf(history.gitDir);
  const built = await buildView(folder.context(), tips);
  assert.deepEqual(await buildView(folder.context({ epoch: 2 }), tips), built);
  const empty: Tips = { refs: [], head: 'refs/heads/trunk' };
  const context = folder.context({ epoch: 3 });
  const nothing = await buildView(context, empty);
  assert.deepEqual([nothing.tips, nothing.commits, nothing.values], [empty, 0, 0]);
  assert.equal(await git(['symbolic-ref', 'HEAD'], { cwd: folder.view(3) }), 'refs/heads/trunk');
  assert.deepEqual(await extendView(context, tips), built);
  assert.deepEqual(await tipsOf(folder.view(3)), built.tips);
});

test('branches that are forced back, deleted, and come again are followed, and the counts with them', async (t) => {
  const gitDir = join(tempDir(t), 'up.git');
  await initBare(gitDir);
  const writer = new HistoryWriter();
  const secret = secretMaker(5)();
  const commit = (name: string, text: string, parents: string[]) =>
    writer.commit({ tree: new Folder().with(name, writer.file(text)), parents, message: `${name}\n` });
  const root = commit('a', 'a\n', []);
  const leaky = commit('b', `token=${secret}\n`, [root]);
  const next = commit('c', 'c\n', [leaky]);
  const other = commit('d', 'd\n', [root]);
  await writer.flush(gitDir);
  const folder = await open(t, gitDir);
  const context = folder.context();
  const main = 'refs/heads/main';
  const at = (oid: string, ...also: [string, string][]): Tips => ({
    refs: [{ ref: main, oid }, ...also.map(([ref, tip]) => ({ ref, oid: tip }))],
    head: main,
  });
  const first = await buildView(context, at(next));
  assert.deepEqual([first.commits, first.changedCommits, first.values], [3, 2, 1]);
  const forced = await extendView(context, at(other));
  assert.deepEqual([forced.commits, forced.changedCommits], [2, 0]);
  assert.deepEqual(await tipsOf(folder.view()), forced.tips);
  const again = await extendView(context, at(other, ['refs/heads/side/of', next]));
  assert.equal(again.tips.refs[1]?.oid, first.tips.refs[0]?.oid);
  assert.deepEqual([again.commits, again.changedCommits], [4, 2]);
  const moved = await extendView(context, at(other, ['refs/heads/side', next]));
  assert.deepEqual(await tipsOf(folder.view()), moved.tips);
  const gone = await extendView(context, at(other));
  assert.deepEqual(await tipsOf(folder.view()), gone.tips);
  assert.deepEqual([gone.commits, gone.changedCommits], [2, 0]);
  await isClean(folder.view());
});

test('what a client pushed is in the view as the client has it', async (t) => {
  const gitDir = join(tempDir(t), 'up.git');
  await initBare(gitDir);
  const writer = new HistoryWriter();
  const tree = new Folder().with('a', writer.file(`token=${secretMaker(6)()}\n`));
  const root = writer.commit({ tree, message: 'root\n' });
  const pinned = writer.commit({ tree, parents: [root], message: 'pushed\n' });
  const child = writer.commit({ tree, parents: [pinned], message: 'on top\n' });
  await writer.flush(gitDir);
  const folder = await open(t, gitDir);
  const main = 'refs/heads/main';
  const tipsAt = (oid: string): Tips => ({ refs: [{ ref: main, oid }], head: main });
  await buildView(folder.context(), tipsAt(root));
  const viewRoot = await git(['rev-parse', main], { cwd: folder.view() });
  const viewTree = await git(['rev-parse', `${main}^{tree}`], { cwd: folder.view() });
  const scratch = new HistoryWriter();
  const headers = 'x-from client\n';
  const view = scratch.commit({ tree: viewTree, parents: [viewRoot], message: 'pushed\n', headers });
  const dir = join(tempDir(t), 'scratch.git');
  await initBare(dir);
  await scratch.flush(dir);
  const run = await runGit(['cat-file', 'commit', view], { cwd: dir });
  const batch = folder.rows.batch(1);
  batch.pin(pinned, { view, type: 'commit', content: run.stdoutBytes });
  await batch.write();
  const extended = await extendView(folder.context(), tipsAt(pinned));
  assert.deepEqual(extended.tips.refs, [{ ref: main, oid: view }]);
  const onTop = await extendView(folder.context(), tipsAt(child));
  assert.equal(await git(['rev-parse', `${main}^`], { cwd: folder.view() }), view);
  await isClean(folder.view());
  const rebuilt = await buildView(folder.context({ epoch: 2 }), tipsAt(child));
  assert.deepEqual(rebuilt, onTop);
  await isClean(folder.view(2));
});

test('tips that are as before change nothing', async (t) => {
  const history = await makeSecretHistory(join(tempDir(t), 'up.git'));
  const folder = await open(t, history.gitDir);
  const tips = await tipsOf(history.gitDir);
  const built = await buildView(folder.context(), tips);
  const { folder: places, ...context } = folder.context();
  const nowhere = { ...places, originals: '/nonexistent' };
  assert.deepEqual(await extendView({ ...context, folder: nowhere }, tips), built);
  assert.deepEqual(await buildView({ ...context, folder: nowhere }, tips), built);
});

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { buildView } from '../../../src/mask/build/build-view.ts';
import { scanOriginals } from '../../../src/mask/build/scan-originals.ts';
import { initBare, tempDir } from '../../support/git.ts';
import { Folder, HistoryWriter, setRefs } from '../../support/history-writer.ts';
import { openMaskFolder, tipsOf } from '../../support/mask-folder.ts';
import { makeSecretHistory, secretMaker } from '../../support/secret-history.ts';

test('a preview tells as many changed commits as the view then has', async (t) => {
  const history = await makeSecretHistory(join(tempDir(t), 'up.git'), { filler: 6 });
  const folder = await openMaskFolder(history.gitDir);
  t.after(() => folder.close());
  const tips = await tipsOf(history.gitDir);
  const report = await scanOriginals(folder.context(), tips);
  const built = await buildView(folder.context(), tips);
  assert.equal(report.commits, built.commits);
  assert.equal(report.changedCommits, built.changedCommits);
  assert.equal(report.hiddenRefs, 1);
  assert.equal(report.refs, tips.refs.length);
  assert.ok(report.valueCount >= history.secrets.length);
  assert.deepEqual(report.unscanned, []);
  const first = report.values[0];
  assert.deepEqual([first?.path, first?.commit], ['src/deep/in/.env', history.commits.get('old')]);
});

test('a preview tells of each value where it was first and which commits it alone would change', async (t) => {
  const gitDir = join(tempDir(t), 'up.git');
  await initBare(gitDir);
  const writer = new HistoryWriter();
  const next = secretMaker(7);
  const [one, two, named] = [next(), next(), next()];
  let tree = new Folder().with('a.txt', writer.file('a\n'));
  const root = writer.commit({ tree, message: 'root\n' });
  tree = tree.with('deep/one.env', writer.file(`token=${one}\n`));
  const first = writer.commit({ tree, parents: [root], message: 'one\n' });
  tree = tree.with('deep/one.env', undefined).with('copy.env', writer.file(`token=${one}\nmore=1\n`));
  const side = writer.commit({ tree, parents: [root], message: `two ${two}\n` });
  const merge = writer.commit({ tree, parents: [first, side], message: 'merge\n' });
  tree = tree.with(`${named}/x`, writer.file('x\n'));
  const last = writer.commit({ tree, parents: [merge], message: 'named\n' });
  await writer.flush(gitDir);
  await setRefs(gitDir, [['refs/heads/main', last]]);
  const folder = await openMaskFolder(gitDir);
  t.after(() => folder.close());
  const tips = await tipsOf(gitDir);
  const report = await scanOriginals(folder.context(), tips);
  const told = report.values.map(({ objects, commits, path, commit }) => ({
    objects,
    commits,
    path,
    commit,
  }));
  assert.deepEqual(told, [
    { objects: 2, commits: 4, path: 'deep/one.env', commit: first },
    { objects: 1, commits: 3, path: undefined, commit: side },
    { objects: 1, commits: 1, path: '***', commit: last },
  ]);
  assert.deepEqual([report.commits, report.changedCommits, report.valueCount], [5, 4, 3]);
  const allowed = [report.values[0]?.fingerprint as string, report.values[1]?.fingerprint as string];
  const less = await scanOriginals(folder.context({ view: folder.viewFunction(allowed) }), tips);
  assert.deepEqual([less.valueCount, less.changedCommits], [3, 1]);
  assert.deepEqual(
    less.values.map(({ commits }) => commits),
    [4, 3, 1],
  );
});

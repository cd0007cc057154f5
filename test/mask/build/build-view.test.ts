import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { buildView } from '../../../src/mask/build/build-view.ts';
import { git, runGit, tempDir } from '../../support/git.ts';
import { findLeaks } from '../../support/leaks.ts';
import { openMaskFolder, tipsOf } from '../../support/mask-folder.ts';
import { makeSecretHistory } from '../../support/secret-history.ts';

for (const format of ['sha1', 'sha256'] as const) {
  test(`the view of a history with every kind of secret holds none of them, and git finds no fault in it (${format})`, async (t) => {
    const history = await makeSecretHistory(join(tempDir(t), 'up.git'), { format, filler: 10 });
    const folder = await openMaskFolder(history.gitDir, format);
    t.after(() => folder.close());
    const tips = await tipsOf(history.gitDir);
    const result = await buildView(folder.context(), tips);
    const gitDir = folder.view();
    assert.deepEqual(await findLeaks(gitDir, history.secrets), []);
    const fsck = await runGit(['fsck', '--full', '--strict'], { cwd: gitDir });
    assert.equal(`${fsck.status} ${fsck.stderr}`, '0 ');
    assert.deepEqual(await tipsOf(gitDir), result.tips);
    assert.equal(result.hiddenRefs, 1);
    assert.equal(result.commits, Number(await git(['rev-list', '--count', '--all'], { cwd: gitDir })));
    assert.equal(result.changedCommits, result.commits - history.clean.length);
    for (const label of history.clean) {
      const oid = history.commits.get(label) as string;
      const here = await git(['cat-file', 'commit', oid], { cwd: gitDir });
      assert.equal(here, await git(['cat-file', 'commit', oid], { cwd: history.gitDir }), label);
    }
  });
}

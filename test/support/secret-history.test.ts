import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { git, runGit } from './git.ts';
import { findLeaks } from './leaks.ts';
import { makeSecretHistory } from './secret-history.ts';

const folder = mkdtempSync(join(tmpdir(), 'refgate-history-'));
after(() => rmSync(folder, { recursive: true, force: true }));

for (const format of ['sha1', 'sha256'] as const) {
  test(`git finds no fault in the history with secrets, and every secret is found in it (${format})`, async () => {
    const history = await makeSecretHistory(join(folder, `${format}.git`), { format, filler: 10 });
    const fsck = await runGit(['fsck', '--full', '--strict'], { cwd: history.gitDir });
    assert.equal(fsck.status, 0, fsck.stderr);
    assert.equal(fsck.stderr, '');
    assert.equal(await git(['symbolic-ref', 'HEAD'], { cwd: history.gitDir }), 'refs/heads/main');
    const leaks = await findLeaks(history.gitDir, history.secrets);
    const found = new Set(leaks.map((leak) => leak.where));
    for (const { where } of history.secrets) assert.ok(found.has(where), where);
    assert.deepEqual(
      new Set(leaks.map((leak) => leak.encoding.replace(/ phase \d/, ''))),
      new Set(['plain', 'base64', 'utf16le', 'utf16be']),
    );
  });
}

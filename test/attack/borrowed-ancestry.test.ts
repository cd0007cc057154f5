/**
 * Attack: a force push that looks like a fast-forward.
 *  1. The upstream's main is at `old`. Mallory wants it at `evil`, which does
 *     not have `old` in its history.
 *  2. Mallory writes `parent <old>` into evil where git does not read it: after
 *     the author, or in the message. A reader that searches for lines finds it.
 *  3. Or Mallory (who once could write there) has left `refs/replace/<evil>` on the
 *     upstream, so that git on that machine shows another commit in its place.
 *  4. Mallory pushes old -> evil. Both objects are on the upstream, so the pack is
 *     empty and ancestry is asked of the upstream.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { createAncestry } from '../../src/inspect/ancestry.ts';
import { git, tempDir } from '../support/git.ts';
import { LocalSource } from '../support/local-source.ts';
import { QuietLog } from '../support/quiet-log.ts';
import { makeRepo } from '../support/repos.ts';

test('neither a misplaced parent line nor a replacement makes a non-fast-forward look like one', async (t) => {
  const gitDir = join(tempDir(t, 'attack'), 'r.git');
  await makeRepo(gitDir, 'linear');
  const at = { cwd: gitDir };
  const old = await git(['rev-parse', 'main'], at);
  const tree = await git(['rev-parse', 'main^{tree}'], at);
  const who = 'M <m@example.com> 1 +0000';
  const write = (lines: string[]) =>
    git(['hash-object', '-t', 'commit', '-w', '--literally', '--stdin'], {
      ...at,
      input: `${lines.join('\n')}\n`,
    });
  const late = [`tree ${tree}`, `author ${who}`, `committer ${who}`, `parent ${old}`, '', 'late'];
  const early = [`tree ${tree}`, `author ${who}`, `parent ${old}`, `committer ${who}`, '', 'early'];
  const message = [`tree ${tree}`, `author ${who}`, `committer ${who}`, '', `parent ${old}`];
  const honest = [`tree ${tree}`, `parent ${old}`, `author ${who}`, `committer ${who}`, '', 'honest'];
  const good = await write(honest);
  for (const lines of [late, early, message]) {
    const evil = await write(lines);
    await git(['update-ref', `refs/heads/evil-${evil}`, evil], at);
    await git(['update-ref', `refs/replace/${evil}`, good], at);
    const ancestry = createAncestry({ maxCachedCommits: 100, log: new QuietLog() });
    const query = { source: () => new LocalSource(gitDir), objectFormat: 'sha1' } as const;
    assert.equal(await ancestry.isAncestor(old, evil, query), false, lines.join('|'));
    assert.equal(await ancestry.isAncestor(old, good, query), true);
  }
});

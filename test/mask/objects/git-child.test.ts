import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { RefgateError } from '../../../src/domain/error.ts';
import { createGitDir } from '../../../src/inspect/gitdir.ts';
import { gitEnvironment, runGit, spawnGit, streamGit } from '../../../src/mask/objects/git-child.ts';
import { tempDir } from '../../support/git.ts';

function repository(t: { after(close: () => unknown): void }): string {
  const dir = join(tempDir(t, 'child'), 'repo.git');
  createGitDir(dir, 'sha1');
  return dir;
}

test('the environment of a git child holds nothing of ours but the search path', () => {
  const environment = gitEnvironment();
  assert.equal(environment['PATH'], process.env['PATH']);
  assert.deepEqual(Object.keys(environment).sort(), [
    'GIT_CONFIG_GLOBAL',
    'GIT_CONFIG_NOSYSTEM',
    'GIT_NO_REPLACE_OBJECTS',
    'GIT_TERMINAL_PROMPT',
    'HOME',
    'LC_ALL',
    'PATH',
  ]);
});

test('a run takes input and gives the whole output', async (t) => {
  const dir = repository(t);
  const oid = `${await runGit(dir, ['hash-object', '-w', '--stdin'], { input: 'text' })}`.trim();
  assert.equal(`${await runGit(dir, ['cat-file', 'blob', oid])}`, 'text');
});

test('a failure is INTERNAL with the last line that git said, in one clean line', async (t) => {
  const dir = repository(t);
  await assert.rejects(runGit(dir, ['cat-file', 'blob', 'no\u001bthing']), (error: unknown) => {
    assert.ok(error instanceof RefgateError);
    assert.equal(error.code, 'INTERNAL');
    assert.equal(error.blame, 'refgate');
    assert.match(error.detail ?? '', /^git cat-file: fatal: /);
    assert.ok(!(error.detail ?? '').includes('\u001b'));
    return true;
  });
  await assert.rejects(runGit(join(dir, 'none'), ['version']), { code: 'INTERNAL' });
});

test('an answer that is too long ends the child', async (t) => {
  const dir = repository(t);
  const oid = `${await runGit(dir, ['hash-object', '-w', '--stdin'], { input: 'x'.repeat(300_000) })}`.trim();
  await assert.rejects(runGit(dir, ['cat-file', 'blob', oid], { maxBytes: 1000 }), /over 1000 bytes/);
});

test('a signal ends the child, and its reason is what is thrown', async (t) => {
  const dir = repository(t);
  const stop = new AbortController();
  const child = spawnGit(dir, ['cat-file', '--batch'], { signal: stop.signal });
  stop.abort(new Error('enough'));
  await assert.rejects(child.ended, /enough/);
  await assert.rejects(runGit(dir, ['version'], { signal: stop.signal }), /enough/);
});

test('a stream has back-pressure both ways and ends with its reader', async (t) => {
  const dir = repository(t);
  let given = 0;
  const endless = async function* (): AsyncGenerator<string> {
    for (;;) {
      given++;
      yield `${'0'.repeat(40)}\n`.repeat(1000);
    }
  };
  const args = ['cat-file', '--batch-check'];
  for await (const piece of streamGit(dir, args, { input: endless() })) {
    assert.match(piece.toString(), /missing/);
    // Time enough for a feeder that would not wait.
    await new Promise((resolve) => setTimeout(resolve, 100));
    break;
  }
  const settled = given;
  assert.ok(settled < 100, `${settled} pieces were taken`);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok(given <= settled + 1);
});

test('a stream whose git fails throws after its output', async (t) => {
  const read = async (): Promise<void> => {
    for await (const _ of streamGit(repository(t), ['rev-list', '--objects', 'refs/heads/none']))
      assert.fail();
  };
  await assert.rejects(read, { code: 'INTERNAL' });
});

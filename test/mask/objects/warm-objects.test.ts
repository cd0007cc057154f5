import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Oid } from '../../../src/domain/git.ts';
import { createGitDir } from '../../../src/inspect/gitdir.ts';
import { createPackWriter } from '../../../src/mask/objects/pack-writer.ts';
import { openWarmObjects } from '../../../src/mask/objects/warm-objects.ts';
import { tempDir } from '../../support/git.ts';

const never = new AbortController().signal;

async function add(gitDir: string, text: string): Promise<Oid> {
  const pack = createPackWriter({ gitDir, format: 'sha1', temporary: `${gitDir}.tmp` });
  const oid = pack.add('blob', Buffer.from(text));
  await pack.finish();
  return oid;
}

/** The processes that read objects of the repository. */
function readersOf(gitDir: string): readonly string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`--git-dir=${gitDir}\0cat-file`);
    } catch {
      return false;
    }
  });
}

test('who opens a repository again gets the process that was there, and sees what came meanwhile', async (t) => {
  const gitDir = join(tempDir(t, 'warm'), 'repo.git');
  createGitDir(gitDir, 'sha1');
  const one = await add(gitDir, 'one');
  const first = openWarmObjects(gitDir, 'sha1', never);
  assert.equal((await first.read(one))?.content.toString(), 'one');
  const readers = readersOf(gitDir);
  assert.equal(readers.length, 1);
  first.close();
  await assert.rejects(first.read(one), { code: 'SHUTTING_DOWN' });
  const two = await add(gitDir, 'two');
  const second = openWarmObjects(gitDir, 'sha1', never);
  assert.equal((await second.read(two))?.content.toString(), 'two');
  assert.deepEqual(readersOf(gitDir), readers);
  second.close();
});

test('two at a time have a process each', async (t) => {
  const gitDir = join(tempDir(t, 'warm'), 'repo.git');
  createGitDir(gitDir, 'sha1');
  const one = await add(gitDir, 'one');
  const both = [openWarmObjects(gitDir, 'sha1', never), openWarmObjects(gitDir, 'sha1', never)];
  const read = await Promise.all(both.map((objects) => objects.read(one)));
  assert.deepEqual(
    read.map((object) => object?.content.toString()),
    ['one', 'one'],
  );
  for (const objects of both) objects.close();
});

test('what was given up in the middle of an answer is used by nobody else, and says why', async (t) => {
  const gitDir = join(tempDir(t, 'warm'), 'repo.git');
  createGitDir(gitDir, 'sha1');
  const one = await add(gitDir, 'one');
  const aborter = new AbortController();
  const first = openWarmObjects(gitDir, 'sha1', aborter.signal);
  const reading = first.read(one);
  const reason = new Error('it is over');
  aborter.abort(reason);
  await assert.rejects(reading, reason);
  await assert.rejects(first.info(one), reason);
  const second = openWarmObjects(gitDir, 'sha1', never);
  assert.equal((await second.read(one))?.content.toString(), 'one');
  second.close();
});

test('a repository that was made anew is read anew', async (t) => {
  const gitDir = join(tempDir(t, 'warm'), 'repo.git');
  createGitDir(gitDir, 'sha1');
  const one = await add(gitDir, 'one');
  const first = openWarmObjects(gitDir, 'sha1', never);
  await first.read(one);
  first.close();
  rmSync(gitDir, { recursive: true });
  createGitDir(gitDir, 'sha1');
  await add(gitDir, 'two');
  const second = openWarmObjects(gitDir, 'sha1', never);
  assert.equal(await second.info(one), undefined);
  second.close();
});

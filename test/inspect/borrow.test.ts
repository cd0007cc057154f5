import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { FetchSource } from '../../src/domain/ports.ts';
import { borrowObjects, borrowPresent } from '../../src/inspect/borrow.ts';
import { defaultBorrowLimits } from '../../src/inspect/borrowed-pack.ts';
import { git, tempDir } from '../support/git.ts';
import { LocalSource } from '../support/local-source.ts';
import { makeRepo } from '../support/repos.ts';

async function withSource<T>(gitDir: string, use: (source: FetchSource) => Promise<T>): Promise<T> {
  const source = new LocalSource(gitDir);
  try {
    return await use(source);
  } finally {
    source.close();
  }
}

for (const kind of ['tags', 'sha256'] as const)
  test(`every object of a ${kind} repository can be borrowed alone and with others`, async (t) => {
    const objectFormat = kind === 'sha256' ? 'sha256' : 'sha1';
    const gitDir = join(tempDir(t, 'borrow'), 'r.git');
    await makeRepo(gitDir, kind);
    await git(['repack', '-q', '-a', '-d', '-f'], { cwd: gitDir });
    const list = await git(['cat-file', '--batch-all-objects', '--batch-check=%(objectname) %(objecttype)'], {
      cwd: gitDir,
    });
    const all = list.split('\n').map((line) => line.split(' '));
    const oids = all.map(([oid]) => oid ?? '');
    const objects = await withSource(gitDir, (source) => borrowObjects(source, oids, { objectFormat }));
    assert.deepEqual(objects.map(({ oid, type }) => [oid, type]).sort(), all.sort());
    for (const type of ['commit', 'tree', 'blob', 'tag']) {
      const oid = all.find((line) => line[1] === type)?.[0];
      if (oid === undefined) continue;
      const [only] = await withSource(gitDir, (source) => borrowObjects(source, [oid], { objectFormat }));
      assert.equal(only?.type, type);
      const hash = await git(['hash-object', '-t', type, '--stdin'], {
        cwd: gitDir,
        input: only?.content ?? '',
      });
      assert.equal(hash, oid);
    }
  });

test('what the upstream does not have is left out, and the rest is found', async (t) => {
  const gitDir = join(tempDir(t, 'borrow'), 'r.git');
  await makeRepo(gitDir, 'linear');
  const oid = await git(['rev-parse', 'main'], { cwd: gitDir });
  const absent = ['1', '2', '3'].map((digit) => digit.repeat(40));
  const options = { objectFormat: 'sha1' } as const;
  assert.deepEqual(
    await withSource(gitDir, (source) => borrowObjects(source, [oid, ...absent], options)),
    [],
  );
  const open = () => new LocalSource(gitDir);
  const found = await borrowPresent(open, [...absent, oid], options);
  assert.deepEqual(
    found.map((object) => object.oid),
    [oid],
  );
  assert.deepEqual(await borrowPresent(open, [], options), []);
});

test('a borrowed object that is larger than the limit is refused', async (t) => {
  const gitDir = join(tempDir(t, 'borrow'), 'r.git');
  await makeRepo(gitDir, 'empty');
  const oid = await git(['hash-object', '-w', '--stdin'], { cwd: gitDir, input: 'x'.repeat(100_000) });
  const limits = { ...defaultBorrowLimits, maxObjectBytes: 50_000 };
  await assert.rejects(
    withSource(gitDir, (source) => borrowObjects(source, [oid], { objectFormat: 'sha1', limits })),
    { code: 'LIMIT_EXCEEDED', blame: 'refgate' },
  );
});

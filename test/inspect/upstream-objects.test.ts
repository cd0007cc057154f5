import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Oid } from '../../src/domain/git.ts';
import { TreeCache } from '../../src/inspect/tree-cache.ts';
import { UpstreamObjects } from '../../src/inspect/upstream-objects.ts';
import { git, tempDir } from '../support/git.ts';
import { LocalSource } from '../support/local-source.ts';
import { makeRepo } from '../support/repos.ts';

const absent = 'a'.repeat(40);

async function scene(t: TestContext, config?: readonly string[]) {
  const gitDir = join(tempDir(t, 'upstream-objects'), 'u.git');
  await makeRepo(gitDir, 'linear', { count: 4 });
  const cache = new TreeCache(1024 * 1024);
  let opened = 0;
  const objects = new UpstreamObjects({
    cache,
    repoKey: 'up:acme/web',
    objectFormat: 'sha1',
    open: () => {
      opened++;
      return new LocalSource(gitDir, config);
    },
  });
  t.after(() => objects.close());
  const parse = (name: string): Promise<Oid> => git(['rev-parse', name], { cwd: gitDir });
  return { gitDir, cache, objects, parse, opened: () => opened };
}

const oidsOf = (found: readonly { readonly oid: Oid }[]): readonly Oid[] =>
  found.map(({ oid }) => oid).sort();

for (const [upstream, config] of [
  ['that can filter', undefined],
  ['that cannot filter', [] as string[]],
] as const) {
  test(`a commit comes with its root tree, and a second time without asking, from an upstream ${upstream}`, async (t) => {
    const { objects, parse, opened } = await scene(t, config);
    const commit = await parse('main');
    const tree = await parse('main^{tree}');
    const found = oidsOf(await objects.borrow([commit], 'commit'));
    for (const oid of [commit, tree]) assert.ok(found.includes(oid));
    const asked = opened();
    assert.deepEqual(oidsOf(await objects.borrow([commit], 'commit')), [commit, tree].sort());
    assert.deepEqual(oidsOf(await objects.borrow([tree], 'tree')), [tree]);
    assert.equal(opened(), asked);
  });
}

test('several questions go over one connection, also at once', async (t) => {
  const { objects, parse, opened } = await scene(t);
  const trees = await Promise.all(['main:src', 'main~1:src', 'main:src/dir-1'].map(parse));
  const found = await Promise.all(trees.map((oid) => objects.borrow([oid], 'tree')));
  found.forEach((answer, i) => {
    assert.ok(oidsOf(answer).includes(trees[i] ?? ''));
  });
  assert.equal(opened(), 1);
});

test('what the upstream lacks is left out, and the rest comes', async (t) => {
  const { objects, parse } = await scene(t);
  const trees = await Promise.all(['main:src', 'main~1:src'].map(parse));
  const found = oidsOf(await objects.borrow([...trees, absent], 'tree'));
  assert.deepEqual(found, [...trees].sort());
  assert.deepEqual(await objects.borrow([absent], 'commit'), []);
});

test('thousands of objects that the upstream lacks cost it some hundred requests', async (t) => {
  const { objects, opened } = await scene(t);
  const oids = Array.from({ length: 2_000 }, (_, n) => (n + 1).toString(16).padStart(40, '0'));
  for (const type of ['tree', 'blob'] as const)
    for (let from = 0; from < oids.length; from += 500)
      assert.deepEqual(await objects.borrow(oids.slice(from, from + 500), type), []);
  assert.ok(opened() <= 300, `${opened()} requests`);
});

test('blobs come by oid and are not kept', async (t) => {
  const { objects, parse, cache } = await scene(t);
  const readme = await parse('main:README.md');
  const [blob] = await objects.borrow([readme], 'blob');
  assert.equal(blob?.content.toString(), 'line 4\n'.repeat(4));
  assert.equal(cache.get('up:acme/web', readme), undefined);
});

test('the cache stays within its bytes, keeps what was asked for last, and keeps repositories apart', () => {
  const cache = new TreeCache(16 * 1024);
  const oid = (n: number): Oid => n.toString(16).padStart(40, '0');
  for (let n = 0; n < 100; n++) {
    cache.set('a', { oid: oid(n), type: 'tree', content: Buffer.alloc(500, n) });
    assert.ok(cache.bytes <= 16 * 1024);
    assert.ok(cache.get('a', oid(0)));
  }
  assert.equal(cache.get('a', oid(1)), undefined);
  assert.equal(cache.get('a', oid(99))?.content[0], 99);
  assert.equal(cache.get('b', oid(99)), undefined);
  cache.set('a', { oid: oid(200), type: 'tree', content: Buffer.alloc(8 * 1024) });
  assert.equal(cache.get('a', oid(200)), undefined);
});

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { RefgateError } from '../../../src/domain/error.ts';
import { defaultPackLimits } from '../../../src/git/pack-limits.ts';
import { WorkBudget } from '../../../src/git/pack-stream.ts';
import { OpenPack } from '../../../src/inspect/contents/open-pack.ts';
import { IndexPack } from '../../../src/inspect/index-pack.ts';
import { git, tempDir } from '../../support/git.ts';
import { makeRepo } from '../../support/repos.ts';
import { allObjects } from './generated-history.ts';
import { packOf, scanner } from './walk-fixture.ts';

for (const kind of ['linear', 'merges', 'tags', 'sha256'] as const)
  test(`every object of a ${kind} pack reads as git shows it, in any order, and is marked once`, async (t) => {
    const dir = tempDir(t, 'open');
    const source = join(dir, 'r.git');
    await makeRepo(source, kind, { count: 40 });
    const objectFormat = kind === 'sha256' ? 'sha256' : 'sha1';
    const index = new IndexPack({
      dir: join(dir, 'held'),
      objectFormat,
      limits: defaultPackLimits,
      scanner: scanner(),
      borrow: async () => [],
      onProgress() {},
    });
    const tips = await git(['for-each-ref', '--format=%(objectname)'], { cwd: source });
    index.write(await packOf(source, tips.split('\n'), []));
    await index.finish();
    t.after(() => index.close());
    const { table, order, source: entries } = index.contents();
    const open = (bytes: number) =>
      new OpenPack({ table, order, source: entries, budget: new WorkBudget(bytes) });
    const pack = open(defaultPackLimits.maxInflatedBytes);
    const objects = [...(await allObjects(source)).values()];
    for (const { oid, type, content } of [...objects, ...objects.toReversed()]) {
      assert.equal(pack.typeOf(oid), type);
      assert.deepEqual(pack.read(oid), content);
    }
    assert.equal(pack.count, objects.length);
    assert.equal([...pack.unreached()].length, objects.length);
    for (const { oid } of objects) assert.equal(pack.markReached(oid), true);
    for (const { oid } of objects) assert.equal(pack.markReached(oid), false);
    assert.deepEqual([pack.reached, [...pack.unreached()]], [objects.length, []]);
    assert.equal(pack.read('0'.repeat(tips.split('\n')[0]?.length ?? 40)), undefined);
    assert.equal(pack.typeOf('no oid'), undefined);
    const poor = open(100);
    assert.throws(
      () => objects.map(({ oid }) => poor.read(oid)),
      (error) => error instanceof RefgateError && error.code === 'LIMIT_EXCEEDED' && error.blame === 'client',
    );
  });

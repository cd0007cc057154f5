import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { treeOfCommit } from '../../../src/inspect/contents/commit-facts.ts';
import { withKinds } from '../../../src/inspect/contents/renames.ts';
import { type EntryChange, TreeDiff, type TreeReader } from '../../../src/inspect/contents/tree-diff.ts';
import { git, tempDir } from '../../support/git.ts';
import { oidOf, tree, treeEntry } from '../../support/pack-builder.ts';
import { allObjects, histories, type ListedObject, makeHistory } from './generated-history.ts';

/** A reader that has to be asked twice for what is not in `there`. */
function readerOf(objects: ReadonlyMap<string, ListedObject>, there: Set<string>): TreeReader {
  return {
    read: (oid) => (there.has(oid) ? (objects.get(oid)?.content ?? 'absent') : undefined),
    onTree() {},
    spend() {},
  };
}

/** Compares in rounds; gives how many there were. */
function run(diff: TreeDiff, objects: ReadonlyMap<string, ListedObject>, there: Set<string>): number {
  let rounds = 0;
  for (;;) {
    diff.advance(readerOf(objects, there));
    if (diff.done) return rounds;
    assert.ok(diff.missing.size > 0, 'a diff that is not done waits for something');
    for (const oid of diff.missing) there.add(oid);
    rounds++;
  }
}

const modeNumbers = { file: '100644', executable: '100755', symlink: '120000', submodule: '160000' } as const;

/** As `git diff-tree -z --raw` writes it. */
function rawLine({ path, entry, olds: [old] }: EntryChange, zero: string): string {
  const left = `${old ? modeNumbers[old.mode] : '000000'} ${entry ? modeNumbers[entry.mode] : '000000'}`;
  const isFile = (mode: string) => mode === 'file' || mode === 'executable';
  const changed = old && entry && isFile(old.mode) !== isFile(entry.mode) ? 'T' : 'M';
  const status = old === undefined ? 'A' : entry === undefined ? 'D' : changed;
  const kept = status === 'M' && old?.mode !== entry?.mode && !isFile(old?.mode ?? '') ? 'T' : status;
  return `:${left} ${old?.oid ?? zero} ${entry?.oid ?? zero} ${kept} ${path}`;
}

async function diffTree(cwd: string, args: readonly string[]): Promise<string[]> {
  const out = await git(['diff-tree', '-r', '-z', '--no-renames', '--no-commit-id', ...args], { cwd });
  return out.split('\0').filter((part) => part !== '');
}

for (const format of ['sha1', 'sha256'] as const)
  test(`changed paths agree with git diff-tree on generated ${format} histories`, async (t) => {
    const dir = tempDir(t, 'diff');
    let made = 0;
    await fc.assert(
      fc.asyncProperty(histories, async (steps) => {
        const gitDir = join(dir, `${made++}.git`);
        const oids = await makeHistory(gitDir, steps, format);
        const objects = await allObjects(gitDir);
        const width = format === 'sha1' ? 20 : 32;
        const treeOf = (n: number) =>
          treeOfCommit(objects.get(oids[n] ?? '')?.content ?? Buffer.alloc(0), format);
        for (const [n, { parents }] of steps.entries()) {
          for (const parent of parents.length === 0 ? [undefined] : parents) {
            const olds = parent === undefined ? [] : [treeOf(parent)];
            const diff = new TreeDiff(treeOf(n), olds, width);
            run(diff, objects, new Set());
            const args =
              parent === undefined ? ['--root', oids[n] ?? ''] : [oids[parent] ?? '', oids[n] ?? ''];
            const raw = await diffTree(gitDir, ['--raw', '--full-index', ...args]);
            const wanted = raw.flatMap((part, i) => (i % 2 === 0 ? [`${part} ${raw[i + 1]}`] : []));
            const zero = '0'.repeat(width * 2);
            assert.deepEqual(diff.changes.map((change) => rawLine(change, zero)).sort(), wanted.sort());
          }
          if (parents.length < 2) continue;
          const diff = new TreeDiff(treeOf(n), parents.map(treeOf), width);
          run(diff, objects, new Set());
          const names = await diffTree(gitDir, ['-c', '--name-only', oids[n] ?? '']);
          assert.deepEqual(diff.changes.map(({ path }) => path).sort(), names.sort());
        }
      }),
      { numRuns: format === 'sha1' ? 20 : 4 },
    );
  });

/** A repository of trees alone, as deep as `sizes` is long. */
function wide(
  sizes: readonly number[],
  marked: string,
): { root: string; objects: Map<string, ListedObject> } {
  const objects = new Map<string, ListedObject>();
  const make = (depth: number, changed: boolean): string => {
    const parts = Array.from({ length: sizes[depth] ?? 0 }, (_, i) => {
      const name = `n${String(i).padStart(4, '0')}`;
      const here = changed && i === 7;
      if (depth === sizes.length - 1)
        return treeEntry('100644', name, oidOf('blob', Buffer.from(here ? marked : 'same')));
      return treeEntry('40000', name, make(depth + 1, here));
    });
    const content = tree(...parts);
    const oid = oidOf('tree', content);
    objects.set(oid, { oid, type: 'tree', content });
    return oid;
  };
  return { root: make(0, true), objects };
}

test('one changed file among 100,000 costs the trees on its way, in one round for each depth', () => {
  const old = wide([20, 50, 100], 'old');
  const next = wide([20, 50, 100], 'new');
  const objects = new Map([...old.objects, ...next.objects]);
  const there = new Set<string>();
  const diff = new TreeDiff(next.root, [old.root], 20);
  assert.equal(run(diff, objects, there), 3);
  assert.equal(there.size, 6);
  assert.deepEqual(
    diff.changes.map(({ path }) => path),
    ['n0007/n0007/n0007'],
  );
});

test('any bytes for a tree give changes or a gap, and end', () => {
  const good = tree(treeEntry('100644', 'a'), treeEntry('40000', 'b'));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(80), (bytes, cut) => {
      const broken = Buffer.concat([good.subarray(0, cut % (good.length + 1)), bytes]);
      const objects = new Map([['x'.repeat(40), { oid: '', type: 'tree', content: broken }]]);
      const diff = new TreeDiff('x'.repeat(40), [], 20);
      run(diff, objects, new Set());
      assert.ok(diff.done);
    }),
  );
});

test('a tree that nobody has is a gap, and the other paths are still compared', () => {
  const lost = treeEntry('40000', 'lost', '2'.repeat(40));
  const root = tree(treeEntry('100644', 'file'), lost);
  const oid = oidOf('tree', root);
  const diff = new TreeDiff(oid, [], 20);
  run(diff, new Map([[oid, { oid, type: 'tree', content: root }]]), new Set());
  assert.deepEqual(diff.gaps, [{ path: 'lost/', why: `tree ${'2'.repeat(40)} is not there` }]);
  assert.equal(diff.changes.length, 1);
});

test('a delete and an add of one oid are a rename, in the order of paths; empty files are not', () => {
  const file = (digit: string) => ({ mode: 'file', oid: digit.repeat(40) }) as const;
  const empty = { mode: 'file', oid: 'e69de29bb2d1d6434b8b29ae775ad8c2e48c5391' } as const;
  const kinds = withKinds([
    { path: 'a', entry: undefined, olds: [file('1')] },
    { path: 'b', entry: undefined, olds: [file('1')] },
    { path: 'c', entry: undefined, olds: [empty] },
    { path: 'd', entry: empty, olds: [undefined] },
    { path: 'x', entry: { ...file('1'), mode: 'executable' }, olds: [undefined] },
    { path: 'y', entry: { ...file('2'), mode: 'executable' }, olds: [file('2')] },
    { path: 'z', entry: { ...file('3'), mode: 'symlink' }, olds: [file('3')] },
  ]).map(({ kind, path, from }) => `${kind} ${from ?? ''} ${path}`);
  assert.deepEqual(kinds, ['delete  b', 'delete  c', 'add  d', 'rename a x', 'mode  y', 'modify  z']);
});

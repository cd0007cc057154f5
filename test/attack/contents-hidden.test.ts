/**
 * The attack: content that nobody who looks at the refs of a push would see.
 *
 * 1. A client packs a commit with a secret that none of its refs reaches, so that
 *    the objects lie at the upstream, to be fetched by oid later.
 * 2. Or it pushes several refs, of which only the last one brings the secret.
 * 3. Or it puts the secret into a merge commit, where neither parent has it.
 * 4. Or it adds the secret in one commit and removes it in the next.
 * 5. Or it puts it where no file is: into messages, tags, the target of a symlink.
 * 6. Or it orders the objects of the pack so that what is needed comes last.
 *
 * Each must be found, with the commit and the path where there is one.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { allObjects } from '../inspect/contents/generated-history.ts';
import {
  historyOf,
  listsOf,
  packOf,
  secretOf,
  upstreamOf,
  walkPack,
  walkStory,
} from '../inspect/contents/walk-fixture.ts';
import { git, tempDir } from '../support/git.ts';
import { entry, oidOf, pack, tree, treeEntry } from '../support/pack-builder.ts';
import { data } from '../support/repos.ts';

const base = { name: 'base', files: { 'readme.txt': 'hello\n' } };
const update = (name: string, oids: Record<string, string>) => ({
  ref: `refs/heads/${name}`,
  newOid: oids[name] ?? '',
  difference: false,
  content: false,
});

test('objects of the pack that no ref reaches are told as hidden, and the secrets in them are findings', async (t) => {
  const source = join(tempDir(t, 'hidden'), 'r.git');
  const oids = await historyOf(source, [
    base,
    { name: 'shown', parents: ['base'], files: { a: 'a\n' } },
    { name: 'hidden', parents: ['base'], message: `m ${secretOf(1)}`, files: { b: `b ${secretOf(2)}\n` } },
  ]);
  const upstream = await upstreamOf(t, source, ['base']);
  const sent = await packOf(source, [oids['shown'] ?? '', oids['hidden'] ?? ''], [oids['base'] ?? '']);
  const walked = await walkPack(t, sent, upstream, { updates: [update('shown', oids)] });
  assert.equal(walked.hidden?.count, 3);
  assert.deepEqual(walked.hidden.examples.map(({ type }) => type).sort(), ['blob', 'commit', 'tree']);
  assert.deepEqual(walked.findings.map(({ place, path }) => `${place} ${path}`).sort(), [
    'commit-message undefined',
    'file undefined',
  ]);
  assert.deepEqual(walked.updates[0]?.findings, []);
});

test('a secret in a name within a hidden tree is a finding, without the secret', async (t) => {
  const source = join(tempDir(t, 'hidden'), 'r.git');
  const oids = await historyOf(source, [
    base,
    { name: 'shown', parents: ['base'], files: { a: 'a\n' } },
    { name: 'hidden', parents: ['base'], files: { [`x/${secretOf(4)}/b`]: 'b\n' } },
  ]);
  const upstream = await upstreamOf(t, source, ['base']);
  const sent = await packOf(source, [oids['shown'] ?? '', oids['hidden'] ?? ''], [oids['base'] ?? '']);
  const walked = await walkPack(t, sent, upstream, { updates: [update('shown', oids)] });
  const [finding] = walked.findings;
  assert.deepEqual([walked.findings.length, finding?.place, finding?.commit], [1, 'path', undefined]);
  assert.ok(!finding?.path?.includes(secretOf(4)));
});

test('of several refs each is judged, whichever brings the secret', async (t) => {
  const stories = ['one', 'two', 'three'].map((name) => ({
    name,
    parents: ['base'],
    files: { [name]: name === 'three' ? secretOf(3) : 'nothing\n' },
  }));
  for (const tips of [
    ['one', 'two', 'three'],
    ['three', 'two', 'one'],
  ])
    assert.deepEqual((await walkStory(t, [base, ...stories], ['base'], tips)).told, ['file three three 1']);
});

test('a commit that several refs bring is a finding of each of them', async (t) => {
  const commits = [
    base,
    { name: 'a', parents: ['base'], files: { a: secretOf(1) } },
    { name: 'b', parents: ['a'], files: { b: 'b\n' } },
  ];
  const walked = await walkStory(t, commits, ['base'], ['a', 'b']);
  assert.deepEqual(walked.told, ['file a a 1', 'file a a 1']);
  assert.deepEqual(
    walked.updates.map(({ counts }) => counts.commits),
    [1, 2],
  );
});

test('content that only a merge brings is found, and what it takes from a parent is not counted twice', async (t) => {
  const commits = [
    base,
    { name: 'left', parents: ['base'], files: { l: 'l\n' } },
    { name: 'right', parents: ['base'], files: { r: `r ${secretOf(5)}\n` } },
    {
      name: 'merge',
      parents: ['left', 'right'],
      files: { r: `r ${secretOf(5)}\n`, 'readme.txt': `hello\n${secretOf(4)}\n` },
    },
  ];
  const walked = await walkStory(t, commits, ['base'], ['merge']);
  assert.deepEqual(walked.told.sort(), ['file merge readme.txt 2', 'file right r 1']);
});

test('a secret that is added and removed within one push is found where it was added', async (t) => {
  const commits = [
    base,
    { name: 'added', parents: ['base'], files: { s: secretOf(6) } },
    { name: 'removed', parents: ['added'], files: { s: undefined } },
  ];
  assert.deepEqual((await walkStory(t, commits, ['base'], ['removed'])).told, ['file added s 1']);
});

test('the target of a symlink is searched, and a submodule shows its oid', async (t) => {
  const lines = `M 120000 inline link\n${data(`../${secretOf(7)}`)}M 160000 ${'1'.repeat(40)} sub\n`;
  const walked = await walkStory(t, [base, { name: 'next', parents: ['base'], lines }], ['base'], ['next']);
  assert.deepEqual(walked.told, ['file next link 1']);
  const sub = listsOf(walked).changes.find(({ path }) => path === 'sub');
  assert.deepEqual([sub?.mode, sub?.oid], ['submodule', '1'.repeat(40)]);
});

test('whatever the order of the objects in the pack, the facts are the same', async (t) => {
  const source = join(tempDir(t, 'hidden'), 'r.git');
  const oids = await historyOf(source, [
    base,
    { name: 'one', parents: ['base'], files: { 'd/a': secretOf(1), b: 'b\n' } },
    { name: 'two', parents: ['one'], files: { 'd/a': undefined, c: 'c\n' } },
  ]);
  const upstream = await upstreamOf(t, source, ['base']);
  const out = await git(
    ['rev-list', '--objects', '--no-object-names', oids['two'] ?? '', `^${oids['base']}`],
    {
      cwd: source,
    },
  );
  const objects = await allObjects(source);
  const entries = out.split('\n').map((oid) => {
    const object = objects.get(oid);
    assert.ok(object !== undefined);
    return entry(object.type as 'blob', object.content);
  });
  const results = [];
  for (const ordered of [entries, entries.toReversed(), [...entries.slice(3), ...entries.slice(0, 3)]]) {
    const walked = await walkPack(t, pack(ordered), upstream, { updates: [update('two', oids)] });
    results.push({ ...listsOf(walked), findings: walked.updates[0]?.findings, hidden: walked.hidden });
  }
  assert.equal(results[0]?.findings?.length, 1);
  assert.deepEqual(results[1], results[0]);
  assert.deepEqual(results[2], results[0]);
});

test('folders that hold each other’s content a billion times end in an unknown fact, not in hours', async (t) => {
  const source = join(tempDir(t, 'hidden'), 'r.git');
  const oids = await historyOf(source, [base]);
  const upstream = await upstreamOf(t, source, ['base']);
  const objects: Buffer[] = [entry('blob', Buffer.from('x'))];
  let oid = oidOf('blob', Buffer.from('x'));
  for (let depth = 0; depth < 10; depth++) {
    const mode = depth === 0 ? '100644' : '40000';
    const content = tree(...Array.from({ length: 10 }, (_, n) => treeEntry(mode, `n${n}`, oid)));
    objects.push(entry('tree', content));
    oid = oidOf('tree', content);
  }
  const person = 'A <a@example.com> 1700000000 +0000';
  const commit = Buffer.from(
    `tree ${oid}\nparent ${oids['base']}\nauthor ${person}\ncommitter ${person}\n\nm\n`,
  );
  objects.push(entry('commit', commit));
  const newOid = oidOf('commit', commit);
  const walked = await walkPack(t, pack(objects), upstream, {
    updates: [{ ref: 'refs/heads/x', newOid, difference: false, content: false }],
  });
  assert.deepEqual(
    walked.updates[0]?.unknowns.map(({ what }) => what),
    ['history'],
  );
});

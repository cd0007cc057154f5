/**
 * The attack: content of the upstream that a push names and does not bring.
 *
 * 1. A secret was removed from a branch, and its blob still lies at the upstream, in the history.
 * 2. A client makes a new commit whose tree names that blob again: at its old path (a
 *    revert), at another path (a copy), or thousands of times in as many commits.
 * 3. The pack holds the commit and its trees alone, as any client would send it, so that
 *    whoever searches packs finds nothing.
 * 4. Or it names the blob by a tag, or by a ref, or a tag of the upstream by another name.
 *
 * What is named is borrowed and judged like what is sent; what cannot be borrowed is unknown.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  historyOf,
  listsOf,
  secretOf,
  upstreamOf,
  walkPack,
  walkStory,
} from '../inspect/contents/walk-fixture.ts';
import { git, tempDir } from '../support/git.ts';
import { commit, commitLines, entry, oidOf, pack, tree, treeEntry } from '../support/pack-builder.ts';

const secret = `key=${secretOf(1)}\n`;
const leaked = { name: 'leaked', files: { 'conf/a.ini': secret, 'b.txt': 'b\n' } };
const removed = { name: 'removed', parents: ['leaked'], files: { 'conf/a.ini': undefined } };

test('an old secret that a new commit brings back, or copies, is a finding with its size and type', async (t) => {
  const back = { name: 'back', parents: ['removed'], files: { 'conf/a.ini': secret } };
  const copy = { name: 'copy', parents: ['removed'], files: { 'other.ini': secret } };
  const walked = await walkStory(t, [leaked, removed, back, copy], ['removed'], ['back', 'copy'], {
    content: true,
  });
  assert.deepEqual(walked.told, ['file back conf/a.ini 1', 'file copy other.ini 1']);
  const { changes } = listsOf(walked);
  assert.deepEqual(
    changes.map(({ kind, size, type }) => [kind, size, type]),
    [['add', secret.length, 'text']],
  );
});

test('a file that only moves is not borrowed', async (t) => {
  const moved = { name: 'moved', parents: ['leaked'], files: { 'conf/a.ini': undefined, 'x.ini': secret } };
  const walked = await walkStory(t, [leaked, moved], ['leaked'], ['moved'], { content: true });
  assert.deepEqual([walked.told, walked.updates[0]?.unknowns], [[], []]);
  assert.ok(walked.asked.every(({ type }) => type !== 'blob'));
});

test('what hundreds of commits bring back costs a few questions', async (t) => {
  const start = {
    name: 'start',
    files: Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`f${n}`, `${n}\n`])),
  };
  const gone = {
    name: 'gone',
    parents: ['start'],
    files: Object.fromEntries(Object.keys(start.files).map((path) => [path, undefined])),
  };
  const backs = Array.from({ length: 300 }, (_, n) => ({
    name: `c${n}`,
    parents: [n === 0 ? 'gone' : `c${n - 1}`],
    files: { [`f${n}`]: `${n}\n` },
  }));
  const walked = await walkStory(t, [start, gone, ...backs], ['gone'], ['c299'], { content: true });
  const { changes } = listsOf(walked);
  assert.deepEqual([changes.length, changes.every(({ size }) => size !== undefined)], [300, true]);
  assert.ok(walked.asked.filter(({ type }) => type === 'blob').length <= 4);
});

test('what nobody has is an unknown fact at its commit and path', async (t) => {
  const nowhere = 'ab'.repeat(20);
  const folder = tree(treeEntry('100644', 'n.txt', nowhere));
  const made = commit(commitLines([], oidOf('tree', folder)));
  const oid = oidOf('commit', made);
  const upstream = await upstreamOf(t, tempDir(t), []);
  const walked = await walkPack(t, pack([entry('tree', folder), entry('commit', made)]), upstream, {
    updates: [{ ref: 'refs/heads/x', newOid: oid, difference: false, content: false }],
    content: true,
  });
  assert.deepEqual(
    walked.updates[0]?.unknowns.map(({ what, path, commit }) => [what, path, commit]),
    [['content', 'n.txt', oid]],
  );
});

test('a secret in a blob, or in a tree, that a tag or a ref names is a finding', async (t) => {
  const source = join(tempDir(t, 'tags'), 'r.git');
  await historyOf(source, [{ name: 'base', files: { 'b.txt': 'b\n' } }]);
  const upstream = await upstreamOf(t, source, ['base']);
  const folder = tree(treeEntry('100644', 's.txt', oidOf('blob', Buffer.from(secret))));
  const objects = [entry('blob', Buffer.from(secret)), entry('tree', folder)];
  const tagOf = (oid: string, type: string) =>
    Buffer.from(`object ${oid}\ntype ${type}\ntag v\ntagger A <a@example.com> 1700000000 +0000\n\nm\n`);
  const blobTag = tagOf(oidOf('blob', Buffer.from(secret)), 'blob');
  const treeTag = tagOf(oidOf('tree', folder), 'tree');
  const nested = tagOf(oidOf('tag', treeTag), 'tag');
  const newOids = [
    oidOf('blob', Buffer.from(secret)),
    oidOf('tag', blobTag),
    oidOf('tree', folder),
    oidOf('tag', treeTag),
    oidOf('tag', nested),
  ];
  const sent = pack([...objects, entry('tag', blobTag), entry('tag', treeTag), entry('tag', nested)]);
  for (const newOid of newOids) {
    const updates = [{ ref: 'refs/tags/v', newOid, difference: false, content: false }];
    const walked = await walkPack(t, sent, upstream, { updates, content: true });
    const [update] = walked.updates;
    assert.ok((update?.findings.length ?? 0) > 0, newOid);
    assert.equal(update?.findings[0]?.commit, undefined);
  }
  // A tree of which the upstream has the file already: it is borrowed.
  await git(['hash-object', '-w', '--stdin'], { cwd: upstream, input: secret });
  const updates = [{ ref: 'refs/tags/v', newOid: oidOf('tag', treeTag), difference: false, content: false }];
  const some = pack([entry('tree', folder), entry('tag', treeTag)]);
  const walked = await walkPack(t, some, upstream, { updates, content: true });
  assert.deepEqual(
    walked.updates[0]?.findings.map(({ path }) => path),
    ['s.txt'],
  );
});

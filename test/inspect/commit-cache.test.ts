import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommitCache, parentsOfCommit } from '../../src/inspect/commit-cache.ts';

const oid = (digit: string) => digit.repeat(40);

test('the cache holds no more commits than it was allowed, and forgets the one asked for longest ago', () => {
  const cache = new CommitCache(3);
  cache.set('a', []);
  cache.set('b', ['a']);
  cache.get('a');
  cache.set('c', ['b']);
  assert.equal(cache.size, 2);
  assert.equal(cache.get('b'), undefined);
  assert.deepEqual(cache.get('a'), []);
});

test('commits with very many parents take the room of many, and one that is larger than the cache is not kept', () => {
  const cache = new CommitCache(100);
  const parents = Array.from({ length: 60 }, (_, n) => `p${n}`);
  cache.set('a', parents);
  cache.set('a', parents);
  assert.deepEqual(cache.get('a'), parents);
  cache.set('b', parents);
  assert.equal(cache.get('a'), undefined);
  assert.deepEqual(cache.get('b'), parents);
  cache.set('c', [...parents, ...parents]);
  assert.equal(cache.get('c'), undefined);
  assert.deepEqual(cache.get('b'), parents);
});

test('a parent line counts only where git counts it', () => {
  const commit = (lines: string[]) => Buffer.from(`${lines.join('\n')}\n\nmessage\nparent ${oid('9')}\n`);
  const tree = `tree ${oid('0')}`;
  const author = 'author A <a@example.com> 1 +0000';
  assert.deepEqual(
    parentsOfCommit(commit([tree, `parent ${oid('1')}`, `parent ${oid('2')}`, author]), 'sha1'),
    [oid('1'), oid('2')],
  );
  assert.deepEqual(parentsOfCommit(commit([tree, author, `parent ${oid('1')}`]), 'sha1'), []);
  assert.deepEqual(parentsOfCommit(commit([tree]), 'sha1'), []);
  assert.deepEqual(parentsOfCommit(Buffer.alloc(0), 'sha1'), []);
});

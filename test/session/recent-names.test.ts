import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AdvertisedRef } from '../../src/domain/git.ts';
import { RecentNames } from '../../src/session/recent-names.ts';

const target = { upstream: 'up', path: 'acme/web' };
const elsewhere = { upstream: 'up', path: 'acme/api' };

async function* batches(...names: string[][]): AsyncGenerator<readonly AdvertisedRef[]> {
  for (const batch of names) yield batch.map((ref) => ({ ref, oid: 'a'.repeat(40) }));
}

async function pass(names: RecentNames, refs: AsyncIterable<readonly AdvertisedRef[]>): Promise<number> {
  let count = 0;
  for await (const batch of names.watch(target, refs)) count += batch.length;
  return count;
}

function clock(): { now: number; names: RecentNames } {
  const time = { now: 0 };
  return Object.assign(time, { names: new RecentNames(() => time.now) });
}

test('the names of an advertisement are known for two seconds from its beginning, for its repository', async () => {
  const time = clock();
  assert.equal(await pass(time.names, batches(['refs/heads/a'], ['refs/heads/b'])), 2);
  time.now = 2_000;
  assert.deepEqual([...(time.names.shown(target) ?? [])], ['refs/heads/a', 'refs/heads/b']);
  assert.equal(time.names.shown(elsewhere), undefined);
  time.now = 2_001;
  assert.equal(time.names.shown(target), undefined);
});

test('an advertisement that was not read to its end, or is too long, tells nothing', async () => {
  const { names } = clock();
  for await (const _ of names.watch(target, batches(['refs/heads/a'], ['refs/heads/b']))) break;
  assert.equal(names.shown(target), undefined);
  await pass(names, batches(['refs/heads/a']));
  const many = Array.from({ length: 10_001 }, (_, n) => `refs/heads/b${n}`);
  assert.equal(await pass(names, batches(many)), 10_001);
  assert.equal(names.shown(target), undefined);
});

test('a push makes the names unknown', async () => {
  const { names } = clock();
  await pass(names, batches(['refs/heads/a']));
  names.forget(target);
  assert.equal(names.shown(target), undefined);
});

test('a ref is taken to be no symbolic ref for a minute after that was seen', () => {
  const time = clock();
  time.names.sawPlain(target, 'refs/heads/main');
  time.now = 60_000;
  assert.equal(time.names.isPlain(target, 'refs/heads/main'), true);
  assert.equal(time.names.isPlain(target, 'refs/heads/other'), false);
  assert.equal(time.names.isPlain(elsewhere, 'refs/heads/main'), false);
  time.now = 60_001;
  assert.equal(time.names.isPlain(target, 'refs/heads/main'), false);
});

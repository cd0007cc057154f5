import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asked, newHold, openDesk, principalOf, user } from '../support/approval-desk.ts';

test('lists are newest first, paged by the last row, and narrowed by state, user, repository and ref', async () => {
  const at = await openDesk();
  const ids: string[] = [];
  for (let n = 0; n < 12; n++) {
    at.time += 1;
    const who = n % 3 === 0 ? 'bert' : 'anna';
    const repo = n % 2 === 0 ? 'acme/web' : 'acme/app';
    const { push } = await at.desk.enter(
      newHold({ ref: `refs/heads/r${n}`, principal: principalOf(who), repo }),
    );
    ids.unshift(push.id);
    if (n < 9) await at.deny(push.id, 'carl');
  }
  const list = async (query: Omit<Parameters<typeof at.desk.list>[0], 'limit'>, limit = 100) =>
    (await at.desk.list({ ...query, limit })).map(({ id }) => id);
  const nth = (...numbers: number[]) => numbers.map((n) => ids[11 - n] ?? '');
  assert.deepEqual(await list({ state: 'all' }), ids);
  assert.deepEqual(await list({}), nth(11, 10, 9));
  assert.deepEqual(await list({ state: 'pending' }), nth(11, 10, 9));
  assert.deepEqual(await list({ state: 'approved' }), []);
  assert.deepEqual(await list({ state: 'rejected' }), ids.slice(3));
  assert.deepEqual(await list({ state: 'rejected', user: 'bert' }), nth(6, 3, 0));
  assert.deepEqual(await list({ state: 'all', user: 'bert', repo: 'acme/web' }), nth(6, 0));
  assert.deepEqual(await list({ state: 'all', repo: 'acme/app' }), nth(11, 9, 7, 5, 3, 1));
  assert.deepEqual(await list({ state: 'all', ref: 'refs/heads/r1' }), nth(1));
  assert.deepEqual(await list({ ref: 'refs/heads/r1' }), []);
  for (let size = 1; size <= 13; size++) {
    const pages: string[] = [];
    for (let before: string | undefined; pages.length < 12; before = pages.at(-1))
      pages.push(...(await list({ state: 'all', ...(before === undefined ? {} : { before }) }, size)));
    assert.deepEqual(pages, ids, `pages of ${size}`);
  }
  assert.deepEqual(await list({ before: nth(10)[0] ?? '' }), nth(9));
  await assert.rejects(list({ before: 'p-none' }), { code: 'NOT_FOUND' });
  await assert.rejects(list({}, 0), { code: 'USAGE' });
});

test('a push of very many refs is found by each of them, in its place among the others', async () => {
  const at = await openDesk();
  const { refs } = newHold();
  const [update] = refs;
  assert.ok(update);
  const many = Array.from({ length: 300 }, (_, n) => ({ ...update, ref: `refs/heads/n${n}` }));
  const ids: string[] = [];
  for (const hold of [
    newHold({ ref: 'refs/heads/n7' }),
    newHold({ refs: many, binding: 'b' }),
    newHold({ ref: 'refs/heads/n7', tip: '5' }),
  ]) {
    at.time += 1;
    const { push } = await at.desk.enter(hold);
    ids.unshift(push.id);
    if (hold.refs.length > 1) await at.deny(push.id, 'bert');
  }
  const find = async (ref: string, user?: string) =>
    (await at.desk.list({ state: 'all', ref, limit: 9, ...(user === undefined ? {} : { user }) })).map(
      ({ id }) => id,
    );
  assert.deepEqual(await find('refs/heads/n7'), ids);
  assert.deepEqual(await find('refs/heads/n7', 'anna'), ids);
  assert.deepEqual(await find('refs/heads/n8'), [ids[1]]);
  assert.deepEqual(await find('refs/heads/nowhere'), []);
});

test('what waits for somebody is what they may vote on and have not', async () => {
  const at = await openDesk();
  at.users.set('bert', user('bert'));
  const mine = await at.desk.enter(newHold({ principal: principalOf('bert') }));
  const two = asked({ approvals: 2 });
  const voted = await at.desk.enter(newHold({ asks: [two] }));
  const open = await at.desk.enter(newHold({ ref: 'refs/heads/b', asks: [two] }));
  await at.approve(voted.push.id, 'bert');
  const waits = async (name: string) =>
    (await at.desk.list({ waitsFor: name, limit: 9 })).map(({ id }) => id).sort();
  assert.deepEqual(await waits('bert'), [open.push.id]);
  assert.deepEqual(await waits('carl'), [mine, voted, open].map(({ push }) => push.id).sort());
  assert.deepEqual(await waits('egon'), []);
  assert.deepEqual(await waits('nobody'), []);
  assert.deepEqual(at.desk.counts('bert'), { pending: 3, waiting: 1 });
  assert.deepEqual(at.desk.counts('carl'), { pending: 3, waiting: 3 });
  assert.deepEqual(at.desk.counts(), { pending: 3, waiting: 0 });
});

test('finished pushes are not kept in memory, and a page of them reads no more rows than it shows', async () => {
  const at = await openDesk();
  for (let n = 0; n < 200; n++) {
    at.time += 1;
    const { push } = await at.desk.enter(newHold({ ref: `refs/heads/r${n}` }));
    await at.deny(push.id, 'bert');
  }
  assert.equal(at.desk.live().length, 0);
  let reads = 0;
  const get = at.store.get.bind(at.store);
  at.store.get = (key) => {
    reads += 1;
    return get(key);
  };
  assert.equal((await at.desk.list({ state: 'rejected', user: 'anna', limit: 20 })).length, 20);
  assert.equal(reads, 20);
  reads = 0;
  assert.equal((await at.desk.list({ state: 'all', ref: 'refs/heads/r3', limit: 20 })).length, 1);
  assert.equal(reads, 1, 'a ref is found without reading the pushes that do not have it');
});

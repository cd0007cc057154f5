import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RefgateError } from '../../src/domain/error.ts';
import type { Directory, UserRecord } from '../../src/domain/identity.ts';
import type { LedgerEvent } from '../../src/domain/record.ts';
import { openDirectory } from '../../src/identity/directory.ts';
import { under } from '../../src/record/keys.ts';
import { readRow } from '../../src/record/leaf.ts';
import { type Ledger, openLedger } from '../../src/record/ledger.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { QuietLog } from '../support/quiet-log.ts';

const isCoded = (code: string) => (error: unknown) => error instanceof RefgateError && error.code === code;

async function open(
  store = new MemoryStore(),
): Promise<{ directory: Directory; ledger: Ledger; store: MemoryStore }> {
  const ledger = await openLedger({ store, log: new QuietLog() });
  return { directory: await openDirectory({ store, recorder: ledger }), ledger, store };
}

const person = (name: string, role: UserRecord['role'] = 'user') =>
  ({ name, kind: 'person', groups: ['dev'], role }) as const;

async function events(store: MemoryStore): Promise<LedgerEvent[]> {
  const found: LedgerEvent[] = [];
  for await (const [, row] of store.range(under('ledger/leaf')))
    found.push(JSON.parse(readRow(found.length, row).leaf.toString()) as LedgerEvent);
  return found;
}

test('what a change names becomes so, and what it leaves out stays', async () => {
  const { directory, store } = await open();
  await directory.addUser(person('ada'), 'operator');
  await directory.addUser(person('alice'), 'operator');
  await directory.changeUser('alice', { addGroups: ['Ops', 'dev'] }, 'ada');
  await directory.changeUser('alice', { role: 'reviewer', removeGroups: ['DEV'], owner: 'ada' }, 'ada');
  const { createdAt: _, ...alice } = (await directory.user('alice')) ?? assert.fail();
  assert.deepEqual(alice, {
    name: 'alice',
    kind: 'person',
    groups: ['ops'],
    role: 'reviewer',
    disabled: false,
    owner: 'ada',
  });
  const last = (await events(store)).at(-1);
  assert.equal(last?.code, 'admin.user-changed');
  assert.deepEqual(last?.data, { user: 'alice', role: 'reviewer', groups: ['ops'], owner: 'ada' });
  const free = await directory.changeUser('alice', { owner: null }, 'ada');
  assert.equal('owner' in free, false);
  assert.deepEqual(await (await open(store)).directory.users(), await directory.users());
});

test('a change that changes nothing is no event', async () => {
  const { directory, ledger } = await open();
  await directory.addUser(person('alice'), 'operator');
  await directory.changeUser('alice', { role: 'user', addGroups: ['dev'], owner: null }, 'operator');
  await directory.changeUser('alice', { removeGroups: ['ops'] }, 'operator');
  assert.equal((await ledger.head()).size, 1);
});

test('an owner is another user who is there, and owners never go in a circle', async () => {
  const { directory } = await open();
  const add = (name: string, owner: string) => directory.addUser({ ...person(name), owner }, 'operator');
  await directory.addUser(person('ada'), 'operator');
  assert.equal((await add('bot', 'ada')).owner, 'ada');
  assert.equal((await add('bots-bot', 'bot')).owner, 'bot');
  await assert.rejects(add('x', 'nobody'), isCoded('NOT_FOUND'));
  await assert.rejects(add('x', 'x'), isCoded('CONFLICT'));
  for (const owner of ['ada', 'bot', 'bots-bot'])
    await assert.rejects(directory.changeUser('ada', { owner }, 'operator'), isCoded('CONFLICT'), owner);
  await assert.rejects(directory.changeUser('ada', { owner: 'nobody' }, 'operator'), isCoded('NOT_FOUND'));
  await assert.rejects(directory.changeUser('nobody', {}, 'operator'), isCoded('NOT_FOUND'));
  await assert.rejects(directory.changeUser('ada', { addGroups: ['a b'] }, 'operator'), isCoded('USAGE'));
});

test('two changes at once do not close a circle that neither closes alone', async () => {
  const { directory } = await open();
  for (const name of ['a', 'b']) await directory.addUser(person(name), 'operator');
  const both = await Promise.allSettled([
    directory.changeUser('a', { owner: 'b' }, 'operator'),
    directory.changeUser('b', { owner: 'a' }, 'operator'),
  ]);
  assert.deepEqual(
    both.map(({ status }) => status),
    ['fulfilled', 'rejected'],
  );
});

test('whatever is changed, once there was an administrator there is one', async () => {
  const names = ['a', 'b', 'c'];
  const step = fc.record({
    name: fc.constantFrom(...names),
    what: fc.constantFrom('admin', 'user', 'disable'),
  });
  const admins = async (directory: Directory) =>
    (await directory.users()).filter((user) => user.role === 'admin' && !user.disabled).length;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const { directory } = await open();
      for (const name of names) await directory.addUser(person(name), 'operator');
      for (const { name, what } of steps) {
        const before = await admins(directory);
        const change =
          what === 'disable'
            ? directory.disableUser(name, 'operator')
            : directory.changeUser(name, { role: what === 'admin' ? 'admin' : 'user' }, 'operator');
        await change.catch((error) => assert.ok(isCoded('CONFLICT')(error), error));
        assert.equal(before > 0 && (await admins(directory)) === 0, false);
      }
    }),
    { numRuns: 50 },
  );
});

test('a bearer token is its owner, without a name beside it', async () => {
  const { directory } = await open();
  await directory.addUser(person('alice'), 'operator');
  const { token, record } = await directory.createToken('alice', 3_600_000, 'operator');
  assert.deepEqual(await directory.byBearer(token), await directory.byToken('alice', token));
  for (const wrong of ['', `${token} `, token.slice(0, -1), record.id])
    assert.equal(await directory.byBearer(wrong), undefined);
  await directory.revokeToken(record.id, 'operator');
  assert.equal(await directory.byBearer(token), undefined);
});

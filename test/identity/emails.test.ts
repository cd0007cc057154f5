import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openDirectory } from '../../src/identity/directory.ts';
import { openLedger } from '../../src/record/ledger.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { QuietLog } from '../support/quiet-log.ts';

async function setUp() {
  const store = new MemoryStore();
  const ledger = await openLedger({ store, log: new QuietLog() });
  const open = () => openDirectory({ store, recorder: ledger });
  const directory = await open();
  const add = (name: string, emails?: readonly string[]) =>
    directory.addUser(
      { name, kind: 'person', groups: [], role: 'user', ...(emails === undefined ? {} : { emails }) },
      'operator',
    );
  return { directory, open, ledger, add };
}

test('addresses are kept in lower case, each once, and are the principal’s from then on', async () => {
  const { directory, open, add } = await setUp();
  const added = await add('ada', ['Ada@Example.com', ' ada@example.com']);
  assert.deepEqual(added.emails, ['ada@example.com']);
  const { token } = await directory.createToken('ada', 3_600_000, 'operator');
  assert.deepEqual((await directory.byToken('ada', token))?.emails, ['ada@example.com']);
  await directory.changeEmails('ada', { add: ['ada@home.example'], remove: ['ADA@example.com'] }, 'operator');
  assert.deepEqual((await directory.byToken('ada', token))?.emails, ['ada@home.example']);
  assert.deepEqual((await (await open()).user('ada'))?.emails, ['ada@home.example']);
});

test('a principal without addresses has none, and not an empty list', async () => {
  const { directory, add } = await setUp();
  await add('ada');
  await add('bob', ['bob@example.com']);
  await directory.changeEmails('bob', { remove: ['bob@example.com'] }, 'operator');
  for (const name of ['ada', 'bob']) {
    const { token } = await directory.createToken(name, 3_600_000, 'operator');
    const principal = await directory.byToken(name, token);
    assert.ok(principal);
    assert.equal('emails' in principal, false);
  }
});

test('an address belongs to one user', async () => {
  const { directory, add } = await setUp();
  await add('ada', ['ada@example.com']);
  await assert.rejects(add('bob', ['ADA@example.com']), { code: 'CONFLICT' });
  await add('bob');
  await assert.rejects(directory.changeEmails('bob', { add: ['ada@example.com'] }, 'operator'), {
    code: 'CONFLICT',
  });
});

test('what is no address is refused, and so are too many', async () => {
  const { directory, add } = await setUp();
  for (const wrong of ['', 'ada', 'ada@', '@example.com', 'a b@example.com', '<a@b>', 'a@b@c', 'a@\u001b[1m'])
    await assert.rejects(add('ada', [wrong]), { code: 'USAGE' }, JSON.stringify(wrong));
  await add('ada');
  const many = Array.from({ length: 33 }, (_, n) => `ada${n}@example.com`);
  await assert.rejects(directory.changeEmails('ada', { add: many }, 'operator'), { code: 'USAGE' });
  await assert.rejects(directory.changeEmails('eve', { add: ['e@example.com'] }, 'operator'), {
    code: 'NOT_FOUND',
  });
});

test('a change of addresses is in the ledger, and one that changes nothing is not', async () => {
  const { directory, add, ledger } = await setUp();
  await add('ada', ['ada@example.com']);
  const { size } = await ledger.head();
  await directory.changeEmails('ada', { add: ['ada@example.com'] }, 'operator');
  assert.equal((await ledger.head()).size, size);
  await directory.changeEmails('ada', { add: ['b@example.com'] }, 'operator');
  assert.equal((await ledger.head()).size, size + 1);
  await ledger.close();
  await assert.rejects(directory.changeEmails('ada', { add: ['c@example.com'] }, 'operator'));
  assert.deepEqual((await directory.user('ada'))?.emails, ['ada@example.com', 'b@example.com']);
});

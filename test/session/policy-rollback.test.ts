import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openLedger } from '../../src/record/ledger.ts';
import { openPolicyInForce } from '../../src/session/policy-in-force.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { QuietLog } from '../support/quiet-log.ts';

const text = (repo: string) => `access: [{ who: { user: ada }, repo: "${repo}", may: read }]\n`;

async function setUp() {
  const store = new MemoryStore();
  const log = new QuietLog();
  const ledger = await openLedger({ store, log });
  const open = () => openPolicyInForce({ store, recorder: ledger, log });
  const policy = await open();
  const first = await policy.apply(text('acme/one'), 'one.yaml', 'ada');
  const second = await policy.apply(text('acme/two'), 'two.yaml', 'ada');
  return { open, policy, ledger, first: first.version, second: second.version };
}

test('a kept version is in force again, now and after a start, as the newest of the history', async () => {
  const { policy, open, first, second } = await setUp();
  assert.deepEqual(await policy.rollback(first, 'bob'), { version: first, previous: second });
  assert.equal(policy.current().text, text('acme/one'));
  assert.equal(policy.current().fileName, 'one.yaml');
  assert.equal((await open()).current().version, first);
  const history = await policy.history();
  assert.deepEqual(
    history.map((one) => [one.version, one.actor]),
    [
      [first, 'bob'],
      [second, 'ada'],
      [first, 'ada'],
    ],
  );
});

test('a version that never was is refused, and the nearest are named', async () => {
  const { policy, first, second } = await setUp();
  const mistyped = `${first.slice(0, 10)}zz`;
  await assert.rejects(policy.rollback(mistyped, 'bob'), (error: Error) => {
    assert.match(error.message, new RegExp(`the nearest are ${first}, ${second}`));
    return 'code' in error && error.code === 'NOT_FOUND';
  });
  assert.equal(policy.current().version, second);
});

test('rolling back to what is in force changes nothing', async () => {
  const { policy, second, ledger } = await setUp();
  const { size } = await ledger.head();
  assert.deepEqual(await policy.rollback(second, 'bob'), { version: second, previous: second });
  assert.equal((await ledger.head()).size, size);
});

test('when the rollback cannot be recorded, the policy stays', async () => {
  const { policy, ledger, first, second } = await setUp();
  await ledger.close();
  await assert.rejects(policy.rollback(first, 'bob'));
  assert.equal(policy.current().version, second);
});

test('any kept version can be loaded to judge by, whatever is in force', async () => {
  const { policy, first, second } = await setUp();
  assert.equal((await policy.load(first)).text, text('acme/one'));
  assert.equal((await policy.load(second)).fileName, 'two.yaml');
  await assert.rejects(policy.load('0'.repeat(12)), { code: 'NOT_FOUND' });
});

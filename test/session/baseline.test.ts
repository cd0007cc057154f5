import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RepoSecret } from '../../src/domain/admin.ts';
import { openLedger } from '../../src/record/ledger.ts';
import { openBaselines } from '../../src/session/baseline.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { QuietLog } from '../support/quiet-log.ts';

const secret = (fingerprint: string): RepoSecret => ({
  fingerprint,
  rule: 'some-token',
  confidence: 'high',
  sample: 'tok****',
  path: 'a.txt',
  count: 2,
  accepted: false,
});

async function setUp(store = new MemoryStore()) {
  const ledger = await openLedger({ store, log: new QuietLog() });
  const open = () => openBaselines({ store, recorder: ledger, clock: () => 0 });
  return { store, ledger, open, baselines: await open() };
}

test('what is accepted is known at once, for its repository alone, and after a restart', async () => {
  const { baselines, open } = await setUp();
  assert.equal(await baselines.accept('acme/web', [secret('b1'), secret('a1')], 'old test keys', 'ann'), 2);
  assert.deepEqual(baselines.of('acme/web').toSorted(), ['a1', 'b1']);
  assert.deepEqual(baselines.of('acme/web2'), []);
  const again = await open();
  assert.deepEqual(again.of('acme/web').toSorted(), ['a1', 'b1']);
  assert.deepEqual(again.list('acme/web')[0], {
    fingerprint: 'a1',
    rule: 'some-token',
    path: 'a.txt',
    sample: 'tok****',
    reason: 'old test keys',
    time: '1970-01-01T00:00:00.000Z',
    actor: 'ann',
  });
});

test('what is accepted already keeps its reason', async () => {
  const { baselines } = await setUp();
  await baselines.accept('acme/web', [secret('a1')], 'the first', 'ann');
  assert.equal(await baselines.accept('acme/web', [secret('a1'), secret('b1')], 'the second', 'bob'), 1);
  assert.deepEqual(
    baselines.list('acme/web').map((one) => one.reason),
    ['the first', 'the second'],
  );
});

test('what is removed is a finding again, and what is not accepted cannot be removed', async () => {
  const { baselines, open } = await setUp();
  await baselines.accept('acme/web', [secret('a1')], 'why not', 'ann');
  await baselines.remove('acme/web', 'a1', 'ann');
  assert.deepEqual(baselines.of('acme/web'), []);
  assert.deepEqual((await open()).of('acme/web'), []);
  await assert.rejects(baselines.remove('acme/web', 'a1', 'ann'), { code: 'NOT_FOUND' });
});

test('when the change cannot be recorded, nothing is accepted', async () => {
  const { baselines, ledger, open } = await setUp();
  await ledger.close();
  await assert.rejects(baselines.accept('acme/web', [secret('a1')], 'why not', 'ann'), {
    code: 'LEDGER_UNAVAILABLE',
  });
  assert.deepEqual(baselines.of('acme/web'), []);
  assert.deepEqual((await open()).of('acme/web'), []);
});

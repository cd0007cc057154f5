import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RefgateError } from '../../src/domain/error.ts';
import { canonicalJson } from '../../src/record/canonical-json.ts';
import { leafKey } from '../../src/record/keys.ts';
import { type Ledger, openLedger } from '../../src/record/ledger.ts';
import { leafHash, MerkleTree } from '../../src/record/merkle-tree.ts';
import { type Fault, FaultyStore } from '../support/faulty-store.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { QuietLog } from '../support/quiet-log.ts';
import { closed, decided, opened, requested } from '../support/sample-events.ts';

const operator = { actor: 'operator' };

const isCoded = (code: string) => (error: unknown) => error instanceof RefgateError && error.code === code;

function open(store: MemoryStore | FaultyStore, log = new QuietLog()): Promise<Ledger> {
  return openLedger({ store, clock: () => Date.UTC(2026, 0, 31), log });
}

async function addUsers(ledger: Ledger, count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    await ledger.append('admin.user-disabled', { user: `user-${n}` }, operator);
  }
}

test('an event that was appended has the next number, a time and its data', async () => {
  const ledger = await open(new MemoryStore());
  await ledger.append('server.started', { version: '1' }, { actor: 'refgate' });
  const event = await ledger.append('session.opened', opened('acme/web'), { session: 's-1', actor: 'alice' });
  assert.equal(event.seq, 1);
  assert.equal(event.v, 1);
  assert.equal(event.time, '2026-01-31T00:00:00.000Z');
  assert.ok(event.mono > 0);
  assert.deepEqual(await ledger.sessionEvents('s-1'), [event]);
});

test('a leaf is the canonical JSON of its event, and the root is the RFC 6962 root of the leaves', async () => {
  const store = new MemoryStore();
  const ledger = await open(store);
  await addUsers(ledger, 5);
  const tree = new MerkleTree();
  for (let seq = 0; seq < 5; seq++) {
    const leaf = store.rows.get(leafKey(seq))?.subarray(32) ?? new Uint8Array();
    assert.equal(canonicalJson(JSON.parse(Buffer.from(leaf).toString())), Buffer.from(leaf).toString());
    tree.append(leafHash(leaf));
  }
  assert.deepEqual(await ledger.head(), { size: 5, rootHash: tree.root().toString('hex') });
  assert.deepEqual(await ledger.verify(), await ledger.head());
});

test('events keep the order of the calls, however they are gathered into batches', async () => {
  const store = new MemoryStore();
  const ledger = await open(store);
  const appends: Promise<unknown>[] = [];
  for (let n = 0; n < 2000; n++) {
    const append = ledger.append('admin.user-disabled', { user: `user-${n}` }, operator);
    appends.push(append);
    if (n % 7 === 0) await append;
  }
  await Promise.all(appends);
  for (let seq = 0; seq < 2000; seq++) {
    const event = JSON.parse(Buffer.from(store.rows.get(leafKey(seq))?.subarray(32) ?? []).toString());
    assert.equal(event.data.user, `user-${seq}`);
  }
  assert.equal((await ledger.verify()).size, 2000);
});

test('callers at the same time share a synced write; a lone caller waits for nobody', async () => {
  const store = new FaultyStore(new MemoryStore(), -1, 'failed');
  const ledger = await open(store);
  await ledger.append('server.started', { version: '1' }, operator);
  assert.equal(store.writes, 1);
  await Promise.all(
    Array.from({ length: 256 }, (_, n) =>
      ledger.append('admin.user-disabled', { user: `user-${n}` }, operator),
    ),
  );
  assert.equal(store.writes, 2);
});

test('closed and opened again, the sequence goes on', async () => {
  const store = new MemoryStore();
  const first = await open(store);
  await addUsers(first, 300);
  const head = await first.head();
  await first.close();
  await assert.rejects(addUsers(first, 1), isCoded('LEDGER_UNAVAILABLE'));
  const second = await open(store);
  assert.deepEqual(await second.head(), head);
  assert.equal((await second.append('server.started', { version: '1' }, operator)).seq, 300);
  assert.equal((await second.verify()).size, 301);
});

test('close waits for what is queued', async () => {
  const ledger = await open(new MemoryStore());
  const appends = [1, 2, 3].map((n) => ledger.append('server.started', { version: `${n}` }, operator));
  await ledger.close();
  assert.equal((await ledger.head()).size, 3);
  await Promise.all(appends);
});

test('an event longer than a leaf lies beside it, and comes back whole', async () => {
  const store = new MemoryStore();
  const ledger = await open(store);
  const refs = Array.from({ length: 5000 }, (_, n) => `refs/heads/branch-${n}`);
  const context = { session: 's-1', actor: 'alice' };
  await ledger.append('session.opened', opened('acme/web'), context);
  const event = await ledger.append('push.requested', requested(refs), context);
  const leaf = store.rows.get(leafKey(event.seq));
  assert.ok(leaf && leaf.length < 1000);
  assert.deepEqual((await ledger.sessionEvents('s-1'))[1], event);
  assert.equal((await ledger.verify()).size, 2);
});

test('an event beyond 64 MiB is refused, and costs no sequence number', async () => {
  const ledger = await open(new MemoryStore());
  const reason = 'x'.repeat((64 << 20) + 1);
  const append = ledger.append('admin.policy-rejected', { file: 'policy.yaml', reason }, operator);
  await assert.rejects(append, isCoded('LIMIT_EXCEEDED'));
  assert.equal((await ledger.append('server.started', { version: '1' }, operator)).seq, 0);
});

test('writes that belong to an event are in its batch', async () => {
  const store = new MemoryStore();
  const ledger = await open(store);
  const writes = [{ type: 'put', key: 'other/a', value: Uint8Array.of(1) }] as const;
  await ledger.append('admin.user-disabled', { user: 'alice' }, { actor: 'operator', writes });
  assert.deepEqual([...((await store.get('other/a')) ?? [])], [1]);
});

test('misuse is refused, and costs no sequence number', async () => {
  const ledger = await open(new MemoryStore());
  const data = { user: 'alice' };
  const into = [{ type: 'del', key: leafKey(0) }] as const;
  for (const context of [
    { actor: '' },
    { actor: 'a', session: 'a/b' },
    { actor: 'a', session: '' },
    { actor: 'a', writes: into },
  ]) {
    await assert.rejects(ledger.append('admin.user-disabled', data, context), isCoded('INTERNAL'));
  }
  await assert.rejects(
    ledger.append('admin.user-disabled', { user: 'a\ud800' }, operator),
    isCoded('INTERNAL'),
  );
  assert.equal((await ledger.append('admin.user-disabled', data, operator)).seq, 0);
});

test('a push that was decided is unsettled until it is reported or settled', async () => {
  const ledger = await open(new MemoryStore());
  const ids = ['s-1', 's-2', 's-3', 's-4'];
  for (const session of ids) {
    const context = { session, actor: 'alice' };
    await ledger.append('session.opened', opened('acme/web'), context);
    await ledger.append('push.decided', decided(session === 's-4' ? [] : ['refs/heads/main']), context);
  }
  assert.deepEqual(
    (await ledger.unsettled()).map(({ session }) => session),
    ['s-1', 's-2', 's-3'],
  );
  assert.deepEqual((await ledger.unsettled())[0]?.decided.data, decided(['refs/heads/main']));
  const refgate = (session: string) => ({ session, actor: 'refgate' });
  await ledger.append('push.reported', { unpack: 'ok', reports: [] }, refgate('s-1'));
  await ledger.append('push.settled', { refs: [] }, refgate('s-3'));
  assert.deepEqual(
    (await ledger.unsettled()).map(({ session }) => session),
    ['s-2'],
  );
  assert.deepEqual(await ledger.unclosed(), ids);
  await ledger.append('session.closed', closed('ok'), refgate('s-1'));
  assert.deepEqual(await ledger.unclosed(), ['s-2', 's-3', 's-4']);
});

for (const fault of ['failed', 'failed but persisted'] satisfies Fault[]) {
  for (const at of [0, 1, 2, 3]) {
    test(`when write ${at} has ${fault}, its events are refused, all later ones too, and reopening goes on rightly`, async () => {
      const disk = new MemoryStore();
      const log = new QuietLog();
      const ledger = await open(new FaultyStore(disk, at, fault), log);
      await addUsers(ledger, at);
      // Two in the batch that fails, and one that still waits in the queue.
      const pair = [1, 2].map((n) => ledger.append('server.started', { version: `${n}` }, operator));
      const refused = pair.map((append) => assert.rejects(append, isCoded('LEDGER_UNAVAILABLE')));
      await Promise.resolve();
      await Promise.resolve();
      refused.push(assert.rejects(addUsers(ledger, 1), isCoded('LEDGER_UNAVAILABLE')));
      await Promise.all(refused);
      await assert.rejects(addUsers(ledger, 1), isCoded('LEDGER_UNAVAILABLE'));
      assert.deepEqual(log.lines, ['error ledger write failed']);
      assert.equal(ledger.isWritable, false);
      assert.equal((await ledger.head()).size, at);

      const again = await open(disk);
      const size = fault === 'failed' ? at : at + 2;
      assert.equal((await again.head()).size, size);
      assert.equal(again.isWritable, true);
      assert.equal((await again.append('server.started', { version: '3' }, operator)).seq, size);
      assert.equal((await again.verify()).size, size + 1);
    });
  }
}

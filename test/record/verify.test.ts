import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RefgateError } from '../../src/domain/error.ts';
import { canonicalJson } from '../../src/record/canonical-json.ts';
import { formatHead } from '../../src/record/head.ts';
import { headKey, leafKey, sessionEventKey } from '../../src/record/keys.ts';
import { type Ledger, openLedger } from '../../src/record/ledger.ts';
import { leafHash, MerkleTree } from '../../src/record/merkle-tree.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { QuietLog } from '../support/quiet-log.ts';
import { opened, requested } from '../support/sample-events.ts';

const operator = { actor: 'operator' };

const corrupt = (text: RegExp) => (error: unknown) => {
  assert.ok(error instanceof RefgateError, String(error));
  assert.equal(error.code, 'LEDGER_CORRUPT');
  assert.match(error.message, text);
  return true;
};

const open = (store: MemoryStore): Promise<Ledger> => openLedger({ store, log: new QuietLog() });

/** A ledger of so many events, open, and the store below it. */
async function openWith(events: number): Promise<{ store: MemoryStore; ledger: Ledger }> {
  const store = new MemoryStore();
  const ledger = await open(store);
  await append(ledger, events);
  return { store, ledger };
}

async function append(ledger: Ledger, events: number): Promise<void> {
  const appends = Array.from({ length: events }, (_, n) =>
    ledger.append('admin.user-disabled', { user: `user-${n}` }, operator),
  );
  await Promise.all(appends);
}

/** A row whose hash agrees with its leaf: what someone writes who knows the format. */
function forge(store: MemoryStore, seq: number, change: (event: Record<string, unknown>) => void): void {
  const event = JSON.parse(Buffer.from(store.rows.get(leafKey(seq))?.subarray(32) ?? []).toString());
  change(event);
  const leaf = Buffer.from(canonicalJson(event));
  store.rows.set(leafKey(seq), Buffer.concat([leafHash(leaf), leaf]));
}

test('progress is told, to the end', async () => {
  const { ledger } = await openWith(2500);
  const told: string[] = [];
  await ledger.verify((done, total) => told.push(`${done}/${total}`));
  assert.deepEqual(told, ['1000/2500', '2000/2500', '2500/2500']);
});

test('an empty ledger is sound', async () => {
  const { ledger } = await openWith(0);
  assert.equal((await ledger.verify()).size, 0);
});

test('a changed leaf is named', async () => {
  const { store, ledger } = await openWith(1000);
  store.rows.get(leafKey(417))?.set([0x20], 40);
  await assert.rejects(ledger.verify(), corrupt(/event 417 was changed/));
});

test('a missing leaf is named', async () => {
  const { store, ledger } = await openWith(1000);
  store.rows.delete(leafKey(417));
  await assert.rejects(ledger.verify(), corrupt(/event 417 is missing/));
});

test('a truncated tail is named', async () => {
  const { store, ledger } = await openWith(1000);
  for (let seq = 990; seq < 1000; seq++) store.rows.delete(leafKey(seq));
  await assert.rejects(ledger.verify(), corrupt(/event 990 is missing/));
  await assert.rejects(open(store), corrupt(/event 990 is missing/));
});

test('a leaf that was written again with its hash is found by the tree', async () => {
  const { store, ledger } = await openWith(1000);
  forge(store, 417, (event) => {
    event['actor'] = 'alice';
  });
  await assert.rejects(ledger.verify(), corrupt(/event 0 or a later one up to 511 .* the tree disagrees/));
});

test('two leaves that changed places are named', async () => {
  const { store, ledger } = await openWith(10);
  const [a, b] = [store.rows.get(leafKey(3)), store.rows.get(leafKey(4))];
  assert.ok(a && b);
  store.rows.set(leafKey(3), b);
  store.rows.set(leafKey(4), a);
  await assert.rejects(ledger.verify(), corrupt(/event 3 carries the number 4/));
});

test('a head that was rolled back is found by the leaf beyond it, at start too', async () => {
  const { store, ledger } = await openWith(600);
  const old = store.rows.get(headKey);
  assert.ok(old);
  await append(ledger, 5);
  store.rows.set(headKey, old);
  await assert.rejects(ledger.verify(), corrupt(/event 600 is beyond the tree head, which was rolled back/));
  await assert.rejects(open(store), corrupt(/event 600 is beyond the tree head, which was rolled back/));
  store.rows.delete(headKey);
  await assert.rejects(open(store), corrupt(/event 0 is beyond the tree head/));
});

test('the running process finds that head and leaves were rolled back together', async () => {
  const { store, ledger } = await openWith(600);
  const yesterday = new Map(store.rows);
  await append(ledger, 5);
  store.rows.clear();
  for (const [key, value] of yesterday) store.rows.set(key, value);
  await assert.rejects(ledger.verify(), corrupt(/event 600 is beyond the tree head, which was rolled back/));
});

test('a head that does not agree with the last leaves is refused at start', async () => {
  const { store } = await openWith(600);
  const tree = new MerkleTree();
  for (let seq = 0; seq < 600; seq++) tree.append(leafHash(Buffer.from(`${seq}`)));
  store.rows.set(headKey, formatHead(tree));
  await assert.rejects(open(store), corrupt(/event 512 or a later one up to 575/));
});

test('data beside a leaf that are missing or changed are named', async () => {
  for (const damage of ['missing', 'changed']) {
    const { store, ledger } = await openWith(3);
    const refs = Array.from({ length: 5000 }, (_, n) => `refs/heads/branch-${n}`);
    await ledger.append('session.opened', opened('acme/web'), { session: 's-1', actor: 'alice' });
    await ledger.append('push.requested', requested(refs), { session: 's-1', actor: 'alice' });
    const blob = [...store.rows.keys()].find((key) => key.startsWith('ledger/blob/')) ?? '';
    if (damage === 'missing') store.rows.delete(blob);
    else store.rows.get(blob)?.set([0x20], 1000);
    await assert.rejects(ledger.verify(), corrupt(/event 4 has (lost its|changed) data/));
    await assert.rejects(ledger.sessionEvents('s-1'), corrupt(/event 4/));
  }
});

test('an event that was hidden from its session, or put into another, is named', async () => {
  const { store, ledger } = await openWith(3);
  await ledger.append('session.opened', opened('acme/web'), { session: 's-1', actor: 'alice' });
  await ledger.append('push.requested', requested(['refs/heads/main']), { session: 's-1', actor: 'alice' });
  await ledger.verify();
  store.rows.set(sessionEventKey('s-2', 4), new Uint8Array());
  await assert.rejects(ledger.sessionEvents('s-2'), corrupt(/event 4 is not of session s-2/));
  store.rows.delete(sessionEventKey('s-1', 4));
  await assert.rejects(ledger.verify(), corrupt(/event 4 is missing from the index of session s-1/));
});

test('verify is right while events are being appended', async () => {
  const { ledger } = await openWith(3000);
  let verified = false;
  const verify = ledger.verify().then((head) => {
    verified = true;
    return head;
  });
  while (!verified) await append(ledger, 10);
  assert.ok((await verify).size >= 3000);
});

test('any single flipped bit in any leaf or in the head is found', async () => {
  const { store, ledger } = await openWith(20);
  const keys = [headKey, ...Array.from({ length: 20 }, (_, seq) => leafKey(seq))];
  const place = fc.tuple(fc.constantFrom(...keys), fc.nat(), fc.nat(7));
  await fc.assert(
    fc.asyncProperty(place, async ([key, at, bit]) => {
      const row = store.rows.get(key);
      assert.ok(row);
      const index = at % row.length;
      const flip = () => row.set([(row[index] ?? 0) ^ (1 << bit)], index);
      flip();
      const named = key === headKey ? /./ : new RegExp(`event ${keys.indexOf(key) - 1} `);
      await assert.rejects(ledger.verify(), corrupt(named));
      flip();
    }),
    { numRuns: 500 },
  );
  await ledger.verify();
});

test('every single flipped bit of the head is found at start', async () => {
  const { store } = await openWith(7);
  const head = store.rows.get(headKey);
  assert.ok(head);
  for (let bit = 0; bit < head.length * 8; bit++) {
    const byte = bit >> 3;
    const flip = () => head.set([(head[byte] ?? 0) ^ (1 << (bit & 7))], byte);
    flip();
    await assert.rejects(open(store), corrupt(/the tree head was changed|event/));
    flip();
  }
  await open(store);
});

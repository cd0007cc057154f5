import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { cpSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import type { BytesStore } from '../../../src/domain/store.ts';
import { openKeepFolder } from '../../../src/mask/rows/keep-folder.ts';
import { openViewRows } from '../../../src/mask/rows/open-rows.ts';
import type { Pin, ViewRows } from '../../../src/mask/rows/view-rows.ts';
import { openLevelBytes } from '../../../src/store/level-bytes.ts';
import { tempDir } from '../../support/git.ts';

const oid = (name: string, format = 'sha1'): string => createHash(format).update(name).digest('hex');
const pin = (name: string): Pin => ({ view: oid(name), type: 'commit', content: Buffer.from(`of ${name}`) });

async function open(dir: string, wrap = (store: BytesStore): BytesStore => store): Promise<ViewRows> {
  return openViewRows(wrap(await openLevelBytes(join(dir, 'rows'))), openKeepFolder(join(dir, 'keep')));
}

/** Runs with rows that are open, then again with the same rows opened anew. */
async function twice(dir: string, check: (rows: ViewRows) => void): Promise<void> {
  for (let turn = 0; turn < 2; turn++) {
    const rows = await open(dir);
    check(rows);
    await rows.close();
  }
}

for (const format of ['sha1', 'sha256'])
  test(`pairs are found from both sides, ${format}`, async (t) => {
    const dir = tempDir(t, 'rows');
    const rows = await open(dir);
    const batch = rows.batch(3);
    const types = ['commit', 'tree', 'blob', 'tag'] as const;
    for (const type of types) batch.pair(type, oid(type, format), oid(`view of ${type}`, format));
    await batch.write();
    await assert.rejects(batch.write(), { code: 'INTERNAL' });
    await rows.close();
    await twice(dir, (again) => {
      for (const type of types) {
        const original = oid(type, format);
        const view = oid(`view of ${type}`, format);
        assert.deepEqual(again.viewOf(original, 3), { type, oid: view });
        assert.deepEqual(again.originalOf(view), { type, oid: original, epoch: 3 });
        assert.equal(again.viewOf(original, 2), undefined);
        assert.equal(again.viewOf(view, 3), undefined);
        assert.equal(again.originalOf(original), undefined);
      }
      assert.ok(again.isAnyAffected(3));
      assert.ok(!again.isAnyAffected(2));
    });
  });

test('oids are found by every beginning of their hex, also of an odd number of digits', async (t) => {
  const rows = await open(tempDir(t, 'rows'));
  const digit = fc.constantFrom('0', '1', 'f');
  const near = fc.array(digit, { minLength: 8, maxLength: 8 }).map((all) => all.join('').padEnd(40, 'a'));
  let epoch = 0;
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(near, { maxLength: 30 }), fc.nat(9), async (originals, length) => {
      epoch++;
      const half = originals.length >> 1;
      for (const part of [originals.slice(0, half), originals.slice(half), originals]) {
        const batch = rows.batch(epoch);
        for (const original of part) batch.pair('blob', original, oid(`${epoch} ${original}`));
        await batch.write();
      }
      for (const prefix of new Set(originals.map((one) => one.slice(0, length)))) {
        const expected = originals.filter((one) => one.startsWith(prefix)).sort();
        assert.deepEqual(rows.originalsFrom(prefix, epoch, 100), expected);
        assert.deepEqual(rows.originalsFrom(prefix, epoch, 2), expected.slice(0, 2));
      }
      for (const original of originals) {
        const view = oid(`${epoch} ${original}`);
        assert.deepEqual(rows.viewsFrom(view.slice(0, 13), 5), [view]);
      }
    }),
    { numRuns: 30 },
  );
  await rows.close();
});

test('batches that are written at once all end up in the lists', async (t) => {
  const dir = tempDir(t, 'rows');
  const rows = await open(dir);
  const originals = Array.from({ length: 40 }, (_, i) => `abcdef${i.toString(16).padStart(34, '0')}`);
  await Promise.all(
    originals.map((original) => {
      const batch = rows.batch(1);
      batch.pair('commit', original, oid(original));
      return batch.write();
    }),
  );
  await rows.close();
  await twice(dir, (again) => assert.deepEqual(again.originalsFrom('abcdef0', 1, 100), originals));
});

test('dropping an epoch removes its originals and keeps views, secrets and other epochs', async (t) => {
  const dir = tempDir(t, 'rows');
  const rows = await open(dir);
  for (const epoch of [1, 2, 256]) {
    const batch = rows.batch(epoch);
    batch.pair('blob', oid('blob'), oid(`view ${epoch}`));
    batch.meta('epoch', Buffer.from([epoch & 0xff]));
    await batch.write();
  }
  await rows.dropEpoch(1);
  await rows.dropEpoch(77);
  const check = (again: ViewRows): void => {
    assert.equal(again.viewOf(oid('blob'), 1), undefined);
    assert.ok(!again.isAnyAffected(1));
    assert.deepEqual(again.originalsFrom(oid('blob').slice(0, 7), 1, 9), []);
    assert.deepEqual(again.originalsFrom(oid('blob').slice(0, 7), 2, 9), [oid('blob')]);
    assert.equal(again.viewOf(oid('blob'), 2)?.oid, oid('view 2'));
    assert.equal(again.viewOf(oid('blob'), 256)?.oid, oid('view 256'));
    assert.equal(again.originalOf(oid('view 1'))?.oid, oid('blob'));
    assert.deepEqual(again.meta('epoch'), Buffer.from([0]));
  };
  check(rows);
  await rows.close();
  await twice(dir, check);
});

test('spans and named values come back, and a name can be taken away', async (t) => {
  const rows = await open(tempDir(t, 'rows'));
  const spans = [
    { start: 5, end: 45, rule: 'github-token' },
    { start: 2 ** 33, end: 2 ** 33 + 9, rule: 'lit' },
  ];
  const batch = rows.batch(1);
  batch.spans(oid('blob'), spans);
  batch.meta('tips', Buffer.from('x'));
  assert.throws(() => batch.meta('key', Buffer.from('x')), { code: 'INTERNAL' });
  await batch.write();
  assert.deepEqual(rows.spansOf(oid('blob')), spans);
  assert.deepEqual(rows.spansOf(oid('other')), []);
  assert.deepEqual(rows.meta('tips'), Buffer.from('x'));
  const second = rows.batch(1);
  second.meta('tips', undefined);
  await second.write();
  assert.equal(rows.meta('tips'), undefined);
  await rows.close();
});

test('a pin comes before its pair, in every epoch', async (t) => {
  const dir = tempDir(t, 'rows');
  const rows = await open(dir);
  const batch = rows.batch(4);
  batch.pair('commit', oid('a'), oid('computed'));
  batch.pin(oid('a'), pin('pushed'));
  await batch.write();
  await rows.close();
  await twice(dir, (again) => {
    assert.deepEqual(again.viewOf(oid('a'), 4), { type: 'commit', oid: oid('pushed') });
    assert.deepEqual(again.viewOf(oid('a'), 5), { type: 'commit', oid: oid('pushed') });
    assert.deepEqual(again.pinOf(oid('a')), pin('pushed'));
    assert.equal(again.originalOf(oid('pushed'))?.oid, oid('a'));
    assert.equal(again.originalOf(oid('computed'))?.oid, oid('a'));
    assert.deepEqual(again.viewsFrom(oid('pushed').slice(0, 7), 9), [oid('pushed')]);
    assert.deepEqual(again.originalsFrom(oid('a').slice(0, 7), 5, 9), [oid('a')]);
    assert.ok(again.isAnyAffected(5));
  });
});

test('a crash between the pin and its batch keeps the pin, and the batch can be written again', async (t) => {
  const dir = tempDir(t, 'rows');
  let fails = false;
  const rows = await open(dir, (store) => ({
    getSync: (key) => store.getSync(key),
    write: (batch) => (fails ? Promise.reject(new Error('the disk is gone')) : store.write(batch)),
    range: (prefix, limit) => store.range(prefix, limit),
    keys: (prefix) => store.keys(prefix),
    clear: (prefix) => store.clear(prefix),
    close: () => store.close(),
  }));
  fails = true;
  const batch = rows.batch(1);
  batch.pin(oid('a'), pin('pushed'));
  batch.pair('tree', oid('tree'), oid('view of tree'));
  await assert.rejects(batch.write(), /the disk is gone/);
  await rows.close();
  await twice(dir, (again) => {
    assert.deepEqual(again.pinOf(oid('a')), pin('pushed'));
    assert.deepEqual(again.viewOf(oid('a'), 1), { type: 'commit', oid: oid('pushed') });
    assert.equal(again.originalOf(oid('pushed'))?.oid, oid('a'));
    assert.equal(again.viewOf(oid('tree'), 1), undefined);
    assert.equal(again.originalOf(oid('view of tree')), undefined);
  });
  const again = await open(dir);
  const second = again.batch(1);
  second.pin(oid('a'), pin('pushed'));
  second.pair('tree', oid('tree'), oid('view of tree'));
  await second.write();
  assert.equal(again.originalOf(oid('pushed'))?.epoch, 1);
  assert.equal(again.viewOf(oid('tree'), 1)?.oid, oid('view of tree'));
  await again.close();
});

test('the folder that is kept alone brings the pins back', async (t) => {
  const dir = tempDir(t, 'rows');
  const rows = await open(dir);
  const batch = rows.batch(1);
  batch.pin(oid('a'), pin('pushed'));
  await batch.write();
  await rows.close();
  const other = tempDir(t, 'rows');
  cpSync(join(dir, 'keep'), join(other, 'keep'), { recursive: true });
  await twice(other, (again) => {
    assert.deepEqual(again.viewOf(oid('a'), 1), { type: 'commit', oid: oid('pushed') });
    assert.equal(again.originalOf(oid('pushed'))?.oid, oid('a'));
  });
});

test('secrets come back with their rule and their first object', async (t) => {
  const dir = tempDir(t, 'rows');
  const rows = await open(dir);
  const secret = randomBytes(300);
  const batch = rows.batch(1);
  batch.secret('REDACTED-a-0', { rule: 'a', secret, first: oid('first') });
  batch.secret('REDACTED-a-0', { rule: 'a', secret, first: oid('second') });
  batch.secret('REDACTED-b-0', { rule: 'b', secret: Buffer.alloc(0), first: oid('second') });
  await batch.write();
  const later = rows.batch(2);
  later.secret('REDACTED-a-0', { rule: 'a', secret, first: oid('third') });
  await later.write();
  await rows.close();
  await twice(dir, (again) => {
    assert.deepEqual(again.secretOf('REDACTED-a-0'), { rule: 'a', secret, first: oid('first') });
    assert.equal(again.secretOf('REDACTED-b-0')?.secret.length, 0);
    assert.equal(again.secretOf('REDACTED-c-0'), undefined);
  });
});

test('no file of the rows or of the kept folder holds a secret in plain', async (t) => {
  const dir = tempDir(t, 'rows');
  const secrets = Array.from({ length: 200 }, (_, i) => randomBytes(12 + i).toString('hex'));
  const rows = await open(dir);
  for (const [index, secret] of secrets.entries()) {
    const batch = rows.batch(1);
    batch.secret(`REDACTED-rule-${index}`, { rule: 'rule', secret: Buffer.from(secret), first: oid(secret) });
    batch.pair('blob', oid(secret), oid(`view ${index}`));
    batch.spans(oid(secret), [{ start: 3, end: 3 + secret.length, rule: 'rule' }]);
    await batch.write();
  }
  await rows.close();
  // Opening moves rows from the log into tables.
  await (await open(dir)).close();
  const names = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
  const all = Buffer.concat(names.map((one) => readFileSync(join(one.parentPath, one.name))));
  assert.ok(all.includes('REDACTED-rule-'));
  for (const secret of secrets) {
    assert.ok(!all.includes(secret) && !all.includes(secret.slice(0, 16)));
    assert.ok(!all.includes(Buffer.from(secret, 'hex')));
  }
});

test('a sealed secret opens under its own placeholder only, and under its own key only', async (t) => {
  const dir = tempDir(t, 'rows');
  const rows = await open(dir);
  const batch = rows.batch(1);
  batch.secret('REDACTED-a-1', { rule: 'a', secret: Buffer.from('one'), first: oid('x') });
  await batch.write();
  await rows.close();
  const store = await openLevelBytes(join(dir, 'rows'));
  const sealed = store.getSync(Buffer.from('sREDACTED-a-1')) as Buffer;
  const changed = Buffer.from(sealed);
  changed[20] = (changed[20] as number) ^ 1;
  await store.write([
    { type: 'put', key: Buffer.from('sREDACTED-a-2'), value: sealed },
    { type: 'put', key: Buffer.from('sREDACTED-a-3'), value: changed },
    { type: 'put', key: Buffer.from('sREDACTED-a-4'), value: sealed.subarray(0, 5) },
  ]);
  await store.close();
  const again = await open(dir);
  assert.equal(again.secretOf('REDACTED-a-1')?.secret.toString(), 'one');
  for (const place of [2, 3, 4])
    assert.throws(() => again.secretOf(`REDACTED-a-${place}`), { code: 'CONFIG_INVALID' });
  await again.close();
  rmSync(join(dir, 'keep'), { recursive: true });
  const lost = await openLevelBytes(join(dir, 'rows'));
  const keep = openKeepFolder(join(dir, 'keep'));
  await assert.rejects(openViewRows(lost, keep), { code: 'CONFIG_INVALID', blame: 'operator' });
  keep.close();
  await lost.close();
});

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { compareOids, findOid, formatPackIndex, isOidAt, sortOids } from '../../src/git/pack-index.ts';

const rowsOf = (count: number) => Uint32Array.from({ length: count }, (_, row) => row);

test('oids are sorted as a plain comparison sorts them, also when they begin alike', () => {
  const oid = fc
    .tuple(fc.constantFrom(0, 1), fc.uint8Array({ minLength: 4, maxLength: 4 }))
    .map(([alike, end]) => {
      const bytes = Buffer.alloc(20, 7);
      bytes.set(end, alike === 1 ? 16 : 0);
      return bytes;
    });
  fc.assert(
    fc.property(fc.array(oid, { maxLength: 60 }), (oids) => {
      const bytes = Buffer.concat(oids);
      const order = sortOids(bytes, 20, rowsOf(oids.length));
      const sorted = Array.from(order, (row) => (oids[row] as Buffer).toString('hex'));
      assert.deepEqual(sorted, oids.map((one) => one.toString('hex')).sort());
      for (const one of oids) {
        const found = findOid(bytes, 20, order, one);
        assert.ok(isOidAt(bytes, 20, order[found] as number, one));
        if (found > 0)
          assert.ok(compareOids(bytes, order[found - 1] as number, order[found] as number, 20) < 0);
      }
    }),
  );
});

test('offsets from 2 GiB on stand in the table of 64-bit numbers, and both hashes are at the end', () => {
  const offsets = Float64Array.of(12, 2 ** 31 - 1, 2 ** 31, 5 * 2 ** 32 + 1);
  const oids = Buffer.concat([1, 2, 3, 4].map((byte) => Buffer.alloc(20, byte)));
  const crcs = Uint32Array.of(1, 2, 3, 0xffffffff);
  const packHash = Buffer.alloc(20, 9);
  const columns = { count: 4, oids, crcs, offsets };
  const idx = Buffer.concat([...formatPackIndex(columns, rowsOf(4), packHash, 'sha1')]);
  const at = 8 + 1024 + 4 * 20 + 4 * 4;
  assert.deepEqual(
    [0, 1, 2, 3].map((row) => idx.readUInt32BE(at + row * 4)),
    [12, 2 ** 31 - 1, 2 ** 31, 2 ** 31 + 1],
  );
  assert.equal(idx.readBigUInt64BE(at + 16), 2n ** 31n);
  assert.equal(idx.readBigUInt64BE(at + 24), BigInt(5 * 2 ** 32 + 1));
  assert.deepEqual(idx.subarray(-40, -20), packHash);
  assert.deepEqual(idx.subarray(-20), createHash('sha1').update(idx.subarray(0, -20)).digest());
});

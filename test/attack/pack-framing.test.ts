/**
 * Attack: a pack that says one thing and holds another.
 * 1. A client may push to a repository whose rules look at what a push brings.
 * 2. It sends a pack whose header, entries or trailer lie, hoping that our
 *    reader and the upstream's see different objects in the same bytes.
 * 3. If both were content with it, the upstream would store what nobody judged.
 * Every lie ends in its own code, and nothing stays on disk.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateRawSync, deflateSync, inflateSync } from 'node:zlib';
import { cut, testQuarantine } from '../support/held.ts';
import { blob, commit, entry, oidOf, pack, treeEntry } from '../support/pack-builder.ts';

const place = testQuarantine({
  maxObjects: 1000,
  maxObjectBytes: 32 * 1024 * 1024,
  maxInflatedBytes: 2 ** 26,
});
const text = 'content of one object that is long enough to be cut somewhere\n';
const data = deflateSync(Buffer.from(text));
const right = pack([blob(text), blob('another'), entry('commit', commit())]);

const damaged = Buffer.from(data);
damaged.writeUInt8(damaged.readUInt8(12) ^ 0x55, 12);
const badAdler = Buffer.from(data);
badAdler.writeUInt8(badAdler.readUInt8(badAdler.length - 1) ^ 1, badAdler.length - 1);

const refusals: readonly [string, Buffer, string][] = [
  ['another magic word', pack([blob(text)], { magic: 'KCAP' }), 'PACK_HEADER'],
  ['version 3', pack([blob(text)], { version: 3 }), 'PACK_HEADER'],
  ['more objects announced than are there', pack([blob(text)], { count: 2 }), 'PACK_OBJECT_COUNT'],
  ['many more objects announced than are there', pack([blob(text)], { count: 999 }), 'PACK_OBJECT_COUNT'],
  ['fewer objects announced than are there', pack([blob(text), blob('x')], { count: 1 }), 'PACK_CHECKSUM'],
  ['more objects announced than the limit', pack([], { count: 0xffffffff }), 'PACK_TOO_MANY_OBJECTS'],
  ['an end within the header', right.subarray(0, 7), 'PACK_TRUNCATED'],
  ['an end within an object', right.subarray(0, 30), 'PACK_TRUNCATED'],
  ['an end within the trailer', right.subarray(0, -1), 'PACK_TRUNCATED'],
  ['no bytes at all', Buffer.alloc(0), 'PACK_TRUNCATED'],
  ['a byte behind the trailer', Buffer.concat([right, Buffer.from('x')]), 'PACK_TRAILING'],
  ['a second pack behind the first', Buffer.concat([right, right]), 'PACK_TRAILING'],
  ['a wrong trailer', pack([blob(text)], { trailer: Buffer.alloc(20, 7) }), 'PACK_CHECKSUM'],
  ['type 0', pack([entry(0, Buffer.from(text))]), 'PACK_OBJECT_TYPE'],
  ['type 5', pack([entry(5, Buffer.from(text))]), 'PACK_OBJECT_TYPE'],
  ['a damaged deflate stream', pack([entry('blob', Buffer.from(text), { data: damaged })]), 'PACK_ZLIB'],
  ['a wrong zlib checksum', pack([entry('blob', Buffer.from(text), { data: badAdler })]), 'PACK_ZLIB'],
  [
    'deflate without zlib around it',
    pack([entry('blob', Buffer.from(text), { data: deflateRawSync(text) })]),
    'PACK_ZLIB',
  ],
  [
    'a preset dictionary',
    pack([entry('blob', Buffer.from(text), { data: deflateSync(text, { dictionary: Buffer.from(text) }) })]),
    'PACK_ZLIB',
  ],
  ['a size that is too small', pack([entry('blob', Buffer.from(text), { size: 5 })]), 'PACK_OBJECT_SIZE'],
  ['a size that is too large', pack([entry('blob', Buffer.from(text), { size: 500 })]), 'PACK_OBJECT_SIZE'],
  ['a size over 2^53', pack([entry('blob', Buffer.from(text), { size: 2n ** 60n })]), 'PACK_OBJECT_SIZE'],
  ['a size over 2^64', pack([entry('blob', Buffer.from(text), { size: 2n ** 70n })]), 'PACK_OBJECT_SIZE'],
  [
    'a size over the limit of one object',
    pack([entry('blob', Buffer.from(text), { size: 2 ** 40 })]),
    'PACK_OBJECT_TOO_LARGE',
  ],
  [
    'a tree of more than 64 MiB',
    pack([entry('tree', Buffer.from(text), { size: 65 * 1024 * 1024 })]),
    'PACK_OBJECT_TOO_LARGE',
  ],
  [
    'bytes between one object and the next',
    pack([entry('blob', Buffer.from(text), { data: Buffer.concat([data, Buffer.alloc(3)]) }), blob('x')]),
    'PACK_OBJECT_TYPE',
  ],
  ['one object twice', pack([blob(text), blob('x'), blob(text)]), 'PACK_DUPLICATE'],
];

for (const [what, bytes, code] of refusals) {
  test(`a pack with ${what} is refused as ${code}`, async () => {
    assert.equal(await place.outcome(bytes), `${code}/client`);
    assert.deepEqual(place.left(), []);
  });
}

test('the refusal does not depend on how the stream was cut', async () => {
  for (const [what, bytes, code] of refusals) {
    if (bytes.length > 400) continue;
    for (const size of [1, 21]) assert.equal(await place.outcome(cut(bytes, size)), `${code}/client`, what);
  }
});

test('a zlib bomb is refused when its size passes the limit, before it is inflated', async () => {
  const bomb = deflateSync(Buffer.alloc(30 * 1024 * 1024));
  const one = entry('blob', Buffer.alloc(0), { size: 30 * 1024 * 1024, data: bomb });
  assert.equal(await place.outcome(pack([one, one, one])), 'PACK_INFLATED_TOO_LARGE/client');
});

test('a zlib bomb that lies about its size is inflated one byte further than it announced', async () => {
  const bomb = deflateSync(Buffer.alloc(30 * 1024 * 1024));
  assert.equal(inflateSync(bomb).length, 30 * 1024 * 1024);
  assert.equal(
    await place.outcome(pack([entry('blob', Buffer.alloc(0), { size: 10, data: bomb })])),
    'PACK_OBJECT_SIZE/client',
  );
});

test('a pack over the size limit is refused while it comes', async () => {
  const small = testQuarantine({ maxBytes: right.length - 1 });
  assert.equal(await small.outcome(right), 'PACK_TOO_LARGE/client');
});

test('the SHAttered files are refused in a SHA-1 repository', async () => {
  const head =
    '%PDF-1.3\n%\xe2\xe3\xcf\xd3\n\n\n1 0 obj\n<</Width 2 0 R/Height 3 0 R/Type 4 0 R/Subtype 5 0 R/Filter 6 0 R' +
    '/ColorSpace 7 0 R/Length 8 0 R/BitsPerComponent 8>>\nstream\n\xff\xd8\xff\xfe\x00$SHA-1 is dead!!!!!';
  const file = entry('blob', Buffer.concat([Buffer.from(head, 'latin1'), Buffer.alloc(1000, 1)]));
  assert.equal(await place.outcome(pack([file])), 'PACK_COLLISION/client');
  const sha256 = pack([file], { format: 'sha256' });
  assert.equal(await place.outcome(sha256, { objectFormat: 'sha256' }), 'held');
});

const large = testQuarantine();

test('a tree of a million entries is read whole, and refused when the last one repeats a name', async () => {
  const row = treeEntry('100644', 'f0000000');
  const rows = Buffer.alloc(row.length * 1_000_000, row);
  for (let i = 0; i < 1_000_000; i++) rows.write(String(i).padStart(7, '0'), i * row.length + 8, 'latin1');
  assert.equal(await large.outcome(pack([entry('tree', rows)])), 'held');
  rows.write('0999998', 999_999 * row.length + 8, 'latin1');
  assert.equal(await large.outcome(pack([entry('tree', rows)])), 'OBJECT_MALFORMED/client');
});

test('a tree that is ten thousand trees deep costs no stack', async () => {
  const blobOid = oidOf('blob', Buffer.from('at the bottom'));
  const entries = [blob('at the bottom')];
  let oid = blobOid;
  for (let depth = 0; depth < 10_000; depth++) {
    const content = treeEntry(depth === 0 ? '100644' : '40000', 'd', oid);
    oid = oidOf('tree', content);
    entries.push(entry('tree', content));
  }
  assert.equal(await large.outcome(pack(entries)), 'held');
});

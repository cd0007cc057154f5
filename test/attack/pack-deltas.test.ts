/**
 * Attack: deltas that lead nowhere, in circles, or to enormous results.
 * 1. A client that may push writes its own pack, with deltas by hand.
 * 2. Their bases are missing, lie behind or within themselves, or are each
 *    other's; their instructions read outside the base; or a few bytes make a
 *    gigabyte, many times over.
 * 3. A reader that follows them reads foreign memory, hangs, or dies, and takes
 *    every other session with it.
 * Each is refused with its code before anything is allocated for it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testQuarantine } from '../support/held.ts';
import {
  appending,
  blob,
  copy,
  delta,
  deltaSize,
  entry,
  entryHead,
  insert,
  ofsDelta,
  oidOf,
  pack,
  refDelta,
} from '../support/pack-builder.ts';

const mib = 1024 * 1024;
const place = testQuarantine({ maxObjectBytes: 64 * mib, maxInflatedBytes: 256 * mib, maxDeltaDepth: 50 });
const base = Buffer.from('the base of everything that follows\n');
const whole = entry('blob', base);
const size = base.length;

const upon = (bytes: Buffer) => pack([whole, ofsDelta(whole.length, bytes)]);

const refusals: readonly [string, Buffer, string][] = [
  ['an ofs-delta upon itself', pack([whole, ofsDelta(0, appending(base, 'x'))]), 'PACK_DELTA_BASE'],
  ['an ofs-delta before the pack', pack([whole, ofsDelta(9999, appending(base, 'x'))]), 'PACK_DELTA_BASE'],
  [
    'an ofs-delta upon the pack header',
    pack([whole, ofsDelta(whole.length + 12, appending(base, 'x'))]),
    'PACK_DELTA_BASE',
  ],
  [
    'an ofs-delta into the middle of an object',
    pack([whole, ofsDelta(whole.length - 1, appending(base, 'x'))]),
    'PACK_DELTA_BASE',
  ],
  ['an ofs-delta of a distance over 2^64', pack([whole, ofsDelta(2n ** 70n, base)]), 'PACK_DELTA_BASE'],
  ['a ref-delta upon nothing', pack([refDelta('4'.repeat(40), appending(base, 'x'))]), 'PACK_DELTA_BASE'],
  ['an empty delta', upon(Buffer.alloc(0)), 'PACK_DELTA'],
  ['a delta that ends within its sizes', upon(Buffer.from([0x80])), 'PACK_DELTA'],
  ['a base size over 2^53', upon(delta(2n ** 60n, 1, insert('x'))), 'PACK_DELTA'],
  ['another base size', upon(delta(size + 1, 1, insert('x'))), 'PACK_DELTA'],
  ['a copy from beyond the base', upon(delta(size, 5, copy(size - 4, 5))), 'PACK_DELTA'],
  ['a copy from far beyond the base', upon(delta(size, 5, copy(0xffffffff, 5))), 'PACK_DELTA'],
  ['the reserved instruction', upon(delta(size, 1, Buffer.from([0]))), 'PACK_DELTA'],
  ['an instruction that is cut off', upon(delta(size, 5, Buffer.from([0xff, 1]))), 'PACK_DELTA'],
  ['an insert that is cut off', upon(delta(size, 5, Buffer.from([5, 65]))), 'PACK_DELTA'],
  ['a result that is larger than announced', upon(delta(size, 4, insert('12345'))), 'PACK_DELTA'],
  ['a result that is smaller than announced', upon(delta(size, 6, insert('12345'))), 'PACK_DELTA'],
  ['a result of a terabyte', upon(delta(size, 2 ** 40, copy(0, size))), 'PACK_OBJECT_TOO_LARGE'],
  ['a result over 2^53', upon(delta(size, 2n ** 60n, copy(0, size))), 'PACK_DELTA'],
  [
    'a delta that says it is a terabyte',
    pack([whole, Buffer.concat([entryHead(6, 2 ** 40), Buffer.from([whole.length]), Buffer.alloc(30)])]),
    'PACK_OBJECT_TOO_LARGE',
  ],
  ['two deltas that make the same object', pack([whole, ...twins()]), 'PACK_DUPLICATE'],
  [
    'a delta that makes its own base again',
    pack([whole, ofsDelta(whole.length, delta(size, size, copy(0, size)))]),
    'PACK_DUPLICATE',
  ],
];

function twins(): Buffer[] {
  const first = ofsDelta(whole.length, appending(base, 'x'));
  return [first, ofsDelta(whole.length + first.length, appending(base, 'x'))];
}

for (const [what, bytes, code] of refusals) {
  test(`a pack with ${what} is refused as ${code}`, async () => {
    assert.equal(await place.outcome(bytes), `${code}/client`);
    assert.deepEqual(place.left(), []);
  });
}

const a = Buffer.from('object a, which says that it comes from b\n');
const b = Buffer.from('object b, which says that it comes from a\n');
const circle = pack([
  refDelta(oidOf('blob', b), delta(b.length, a.length, insert(a.toString()))),
  refDelta(oidOf('blob', a), delta(a.length, b.length, insert(b.toString()))),
]);

test('ref-deltas in a circle are refused when nobody has either object', async () => {
  assert.equal(await place.outcome(circle), 'PACK_DELTA_BASE/client');
});

test('ref-deltas in a circle are refused when the upstream has both objects', async () => {
  const borrow = async (oids: readonly string[]) =>
    [a, b]
      .map((content) => ({ oid: oidOf('blob', content), type: 'blob' as const, content }))
      .filter(({ oid }) => oids.includes(oid));
  assert.equal(await place.outcome(circle, { borrow }), 'PACK_DELTA_CYCLE/client');
});

test('a base that the upstream gives under a wrong oid is not believed', async () => {
  const borrow = async (oids: readonly string[]) =>
    oids.map((oid) => ({ oid, type: 'blob' as const, content: Buffer.from('something else') }));
  assert.equal(await place.outcome(circle, { borrow }), 'UPSTREAM_PROTOCOL/upstream');
});

test('a base of another type than the result is thought to have gives the type of the base', async () => {
  const held = await place.hold(pack([whole, ofsDelta(whole.length, appending(base, 'x'))]));
  const made = Buffer.concat([base, Buffer.from('x')]);
  assert.equal(held.typeOf(oidOf('blob', made)), 'blob');
  assert.equal(held.typeOf(oidOf('commit', made)), undefined);
  await held.release();
});

function chain(length: number): Buffer {
  const entries = [whole];
  let last = base;
  let back = whole.length;
  for (let i = 0; i < length; i++) {
    const next = ofsDelta(back, appending(last, `${i % 10}`));
    entries.push(next);
    back = next.length;
    last = Buffer.concat([last, Buffer.from(`${i % 10}`)]);
  }
  return pack(entries);
}

test('a delta chain is followed to the limit and no further', async () => {
  assert.equal(await place.outcome(chain(50)), 'held');
  assert.equal(await place.outcome(chain(51)), 'PACK_DELTA_DEPTH/client');
});

/** Each delta copies its base eight times. */
function doubling(steps: number): Buffer {
  const entries = [entry('blob', Buffer.alloc(1024, 1))];
  let length = 1024;
  for (let i = 0; i < steps; i++) {
    const bytes = delta(length, length * 8, ...Array.from({ length: 8 }, () => copies(length)).flat());
    entries.push(ofsDelta((entries.at(-1) as Buffer).length, bytes));
    length *= 8;
  }
  return pack(entries);
}

function copies(length: number): Buffer[] {
  const most = 0xffffff;
  const parts: Buffer[] = [];
  for (let at = 0; at < length; at += most) parts.push(copy(at, Math.min(most, length - at)));
  return parts;
}

test('a delta bomb is refused when a result passes the limit of one object', async () => {
  assert.equal(await place.outcome(doubling(6)), 'PACK_OBJECT_TOO_LARGE/client');
});

test('many results below that limit are refused when together they pass the limit of the pack', async () => {
  const large = entry('blob', Buffer.alloc(30 * mib));
  const entries = [large];
  let back = large.length;
  for (let i = 0; i < 12; i++) {
    const next = ofsDelta(
      back,
      delta(30 * mib, 30 * mib, ...copies(30 * mib - 1), insert(String.fromCharCode(65 + i))),
    );
    entries.push(next);
    back += next.length;
  }
  assert.equal(await place.outcome(pack(entries)), 'PACK_INFLATED_TOO_LARGE/client');
});

test('copies of single bytes cost their own work, not only that of their result', async () => {
  const singles = Buffer.alloc(2 * 20 * mib, Buffer.from([0x90, 1]));
  const bytes = upon(Buffer.concat([deltaSize(size), deltaSize(20 * mib), singles]));
  assert.equal(await place.outcome(bytes), 'PACK_INFLATED_TOO_LARGE/client');
});

test('another blob is held after all these refusals', async () => {
  assert.equal(await place.outcome(pack([blob('still at work')])), 'held');
});

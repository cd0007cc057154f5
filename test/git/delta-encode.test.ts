import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { applyDelta, readDeltaHeader } from '../../src/git/delta.ts';
import { encodeDelta } from '../../src/git/delta-encode.ts';

function applied(base: Buffer, delta: Buffer): Buffer {
  const header = readDeltaHeader(delta);
  assert.equal(header.baseSize, base.length);
  const out = Buffer.alloc(header.resultSize);
  applyDelta(base, delta, header, out, 0);
  return out;
}

/** Bytes that look like nothing else, the same for the same seed. */
function noise(size: number, seed: string): Buffer {
  const pieces: Buffer[] = [];
  for (let i = 0; i * 32 < size; i++) pieces.push(createHash('sha256').update(`${seed} ${i}`).digest());
  return Buffer.concat(pieces).subarray(0, size);
}

const edit = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  remove: fc.nat(60),
  insert: fc.uint8Array({ maxLength: 60 }),
});

/** Few different bytes, so that blocks repeat; or many. */
const content = fc.oneof(
  fc.uint8Array({ maxLength: 3000 }),
  fc.array(fc.constantFrom(0, 10, 65, 66), { maxLength: 3000 }).map((bytes) => Uint8Array.from(bytes)),
  fc.tuple(fc.nat(9), fc.integer({ min: 0, max: 5000 })).map(([seed, size]) => noise(size, `${seed}`)),
);

function edited(base: Buffer, edits: readonly { at: number; remove: number; insert: Uint8Array }[]): Buffer {
  let bytes = base;
  for (const { at, remove, insert } of edits) {
    const from = Math.floor(at * bytes.length);
    bytes = Buffer.concat([bytes.subarray(0, from), insert, bytes.subarray(from + remove)]);
  }
  return bytes;
}

test('a delta applied to its base gives its target, and has less than half of its bytes', () => {
  fc.assert(
    fc.property(content, fc.array(edit, { maxLength: 6 }), (bytes, edits) => {
      const base = Buffer.from(bytes);
      const target = edited(base, edits);
      const delta = encodeDelta(base, target);
      if (delta === undefined) return;
      assert.ok(delta.length < target.length / 2);
      assert.deepEqual(applied(base, delta), target);
    }),
    { numRuns: 400 },
  );
});

test('contents that share nothing give no delta, or one that gives the target', () => {
  fc.assert(
    fc.property(content, content, (base, target) => {
      const delta = encodeDelta(base, target);
      if (delta !== undefined) assert.deepEqual(applied(Buffer.from(base), delta), Buffer.from(target));
    }),
  );
  assert.equal(encodeDelta(noise(5000, 'a'), noise(5000, 'b')), undefined);
});

test('several small edits of a large content cost some bytes each', () => {
  const base = noise(3_000_000, 'large');
  const edits = [0.1, 0.35, 0.6, 0.85].map((at) => ({
    at,
    remove: 40,
    insert: Buffer.from('a placeholder'),
  }));
  const target = edited(base, edits);
  const delta = encodeDelta(base, target) as Buffer;
  assert.ok(delta.length < 700, `${delta.length} bytes`);
  assert.deepEqual(applied(base, delta), target);
});

test('a block that moved is found', () => {
  const [a, b] = [noise(4000, 'a'), noise(4000, 'b')];
  const base = Buffer.concat([a, b]);
  const target = Buffer.concat([b, a]);
  const delta = encodeDelta(base, target) as Buffer;
  assert.ok(delta.length < 200, `${delta.length} bytes`);
  assert.deepEqual(applied(base, delta), target);
});

test('small contents and empty ones give no delta', () => {
  assert.equal(encodeDelta(Buffer.alloc(0), Buffer.from('text')), undefined);
  assert.equal(encodeDelta(noise(100, 'a'), Buffer.alloc(0)), undefined);
  assert.equal(encodeDelta(noise(20, 'a'), noise(20, 'a')), undefined);
});

test('bytes that repeat do not make it slow or wrong', () => {
  const base = Buffer.alloc(400_000, 'ab');
  const target = Buffer.concat([base.subarray(7), Buffer.from('end'), base.subarray(0, 100_001)]);
  const delta = encodeDelta(base, target) as Buffer;
  assert.deepEqual(applied(base, delta), target);
});

test('a copy that begins beyond 16 MiB and at a multiple of 256 is written in full', () => {
  const far = 17 * 1024 * 1024;
  const base = Buffer.concat([Buffer.alloc(far), noise(2000, 'tail'), Buffer.alloc(500, 'z')]);
  const target = Buffer.concat([Buffer.from('new'), base.subarray(far, far + 2000), Buffer.from('other')]);
  const delta = encodeDelta(base, target);
  if (delta !== undefined) assert.deepEqual(applied(base, delta), target);
  const whole = Buffer.concat([base.subarray(0, far + 1000), Buffer.from('!'), base.subarray(far + 1000)]);
  const small = encodeDelta(base, whole) as Buffer;
  assert.ok(applied(base, small).equals(whole));
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RefgateError } from '../../src/domain/error.ts';
import { applyDelta, DeltaReader, readDeltaHeader } from '../../src/git/delta.ts';
import { copy, delta, insert } from '../support/pack-builder.ts';

type Outcome = Buffer | string;

function outcome(work: () => Buffer): Outcome {
  try {
    return work();
  } catch (error) {
    assert.ok(error instanceof RefgateError);
    return error.message;
  }
}

function atOnce(base: Buffer, bytes: Buffer): Outcome {
  return outcome(() => {
    const header = readDeltaHeader(bytes);
    if (header.resultSize > 1e6 || header.baseSize !== base.length) return Buffer.from('not applied');
    const out = Buffer.alloc(header.resultSize + 8, 0xee);
    applyDelta(base, bytes, header, out, 4);
    assert.equal(out.readUInt32LE(0), 0xeeeeeeee, 'nothing is written before the result');
    assert.equal(out.readUInt32LE(header.resultSize + 4), 0xeeeeeeee, 'nothing is written behind the result');
    return out.subarray(4, header.resultSize + 4);
  });
}

function inPieces(base: Buffer, bytes: Buffer, step: number): Outcome {
  return outcome(() => {
    const header = readDeltaHeader(bytes);
    if (header.resultSize > 1e6 || header.baseSize !== base.length) return Buffer.from('not applied');
    const parts: Buffer[] = [];
    const reader = new DeltaReader(header, {
      copy: (offset, size) => parts.push(Buffer.from(base.subarray(offset, offset + size))),
      insert: (from, at, size) => parts.push(Buffer.from(from.subarray(at, at + size))),
    });
    for (let at = header.at; at < bytes.length; at += step) reader.write(bytes.subarray(at, at + step));
    reader.end();
    return Buffer.concat(parts);
  });
}

const base = Buffer.from('0123456789'.repeat(30));
const instruction = fc.oneof(
  fc.tuple(fc.nat(299), fc.integer({ min: 1, max: 300 })).map(([offset, size]) => {
    const count = Math.min(size, base.length - offset);
    return { bytes: copy(offset, count), result: base.subarray(offset, offset + count) };
  }),
  fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 127 }).map((text) => ({
    bytes: insert(text),
    result: Buffer.from(text),
  })),
);

test('a delta gives what its instructions say, at once and in pieces', () => {
  fc.assert(
    fc.property(fc.array(instruction), fc.integer({ min: 1, max: 20 }), (all, step) => {
      const result = Buffer.concat(all.map((one) => one.result));
      const bytes = delta(base.length, result.length, ...all.map((one) => one.bytes));
      assert.deepEqual(atOnce(base, bytes), result);
      assert.deepEqual(inPieces(base, bytes, step), result);
    }),
  );
});

test('any bytes give a result or PACK_DELTA, the same at once and in pieces', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 60 }),
      fc.nat(400),
      fc.integer({ min: 1, max: 9 }),
      (noise, size, step) => {
        const bytes = delta(base.length, size, Buffer.from(noise));
        const whole = atOnce(base, bytes);
        const pieces = inPieces(base, bytes, step);
        assert.equal(typeof whole, typeof pieces);
        if (typeof whole !== 'string') assert.deepEqual(pieces, whole);
      },
    ),
    { numRuns: 500 },
  );
});

test('a copy without arguments copies 64 KiB from the start', () => {
  const large = Buffer.alloc(70_000, 'xyz');
  assert.deepEqual(atOnce(large, delta(70_000, 65_536, Buffer.from([0x80]))), large.subarray(0, 65_536));
});

test('offsets beyond 2 GiB are not taken for negative ones', () => {
  const header = { baseSize: 2 ** 32, resultSize: 3, at: 0 };
  const seen: number[] = [];
  const reader = new DeltaReader(header, { copy: (offset) => seen.push(offset), insert: () => {} });
  reader.write(copy(0xfffffff0, 3));
  reader.end();
  assert.deepEqual(seen, [0xfffffff0]);
});

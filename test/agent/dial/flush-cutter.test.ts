import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { FlushCutter } from '../../../src/agent/dial/flush-cutter.ts';
import { RefgateError } from '../../../src/domain/error.ts';
import { delimPkt, encodePkt, flushPkt } from '../../../src/git/pkt-line.ts';

const line = fc.oneof(
  fc.uint8Array({ maxLength: 40 }).map((bytes) => encodePkt(Buffer.from(bytes))),
  fc.constant(delimPkt),
);
const request = fc.array(line, { maxLength: 5 }).map((lines) => Buffer.concat([...lines, flushPkt]));

test('requests come out whole, however the stream is cut', () => {
  fc.assert(
    fc.property(fc.array(request, { maxLength: 5 }), fc.array(fc.nat(9)), (requests, cuts) => {
      const all = Buffer.concat(requests);
      const cutter = new FlushCutter('client');
      const found: Buffer[] = [];
      let open: Buffer[] = [];
      for (let at = 0, n = 0; at < all.length; n++) {
        const next = at + 1 + (cuts[n % Math.max(1, cuts.length)] ?? 3);
        for (const { bytes, flush } of cutter.cut(all.subarray(at, next))) {
          open.push(bytes);
          if (!flush) continue;
          found.push(Buffer.concat(open));
          open = [];
        }
        at = next;
      }
      assert.deepEqual(found, requests);
      assert.equal(open.length, 0);
    }),
  );
});

test('any bytes give pieces that add up to them, or PKT_LENGTH', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const chunk = Buffer.from(bytes);
      try {
        const pieces = new FlushCutter('upstream').cut(chunk);
        assert.deepEqual(Buffer.concat(pieces.map((piece) => piece.bytes)), chunk);
      } catch (error) {
        assert.ok(error instanceof RefgateError && error.code === 'PKT_LENGTH');
      }
    }),
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constants, deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { RefgateError } from '../../src/domain/error.ts';
import { bestEngine, Inflater } from '../../src/git/inflate.ts';

/** Inflates one stream after another out of one buffer that is given in pieces. */
function inflateAll(
  inflater: Inflater,
  data: Buffer,
  sizes: readonly number[],
  step: number,
  whole: boolean,
) {
  const found: Buffer[] = [];
  let at = 0;
  for (const size of sizes) {
    const pieces: Buffer[] = [];
    const out = Buffer.alloc(size + 1);
    if (whole) inflater.startWhole(size, out, 0);
    else inflater.startPieces(size, (piece) => pieces.push(Buffer.from(piece)));
    for (let end = -1; end < 0; ) {
      if (at >= data.length) throw new Error('no end was found');
      const to = Math.min(at + step, data.length);
      end = inflater.write(data, at, to);
      at = end < 0 ? to : end;
    }
    found.push(whole ? out.subarray(0, size) : Buffer.concat(pieces));
  }
  return { found, rest: data.subarray(at) };
}

test('the inner handle of this Node passes its self-test', () => {
  assert.equal(bestEngine(), 'handle');
});

for (const engine of ['handle', 'sync'] as const) {
  test(`streams one behind another come back through ${engine} however they are cut`, () => {
    const contents = fc.array(fc.uint8Array({ maxLength: 3000 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(contents, fc.integer({ min: 1, max: 400 }), fc.boolean(), (all, step, whole) => {
        const inflater = new Inflater(engine);
        const data = Buffer.concat([...all.map((content) => deflateSync(content)), Buffer.from('trailer')]);
        const sizes = all.map((content) => content.length);
        const { found, rest } = inflateAll(inflater, data, sizes, step, whole);
        assert.deepEqual(
          found,
          all.map((content) => Buffer.from(content)),
        );
        assert.equal(rest.toString(), 'trailer');
        inflater.close();
      }),
      { numRuns: 60 },
    );
  });

  test(`what is larger than a window comes back in pieces through ${engine}`, () => {
    const inflater = new Inflater(engine);
    for (const size of [65_535, 65_536, 65_537, 131_072, 1_000_000]) {
      const content = Buffer.alloc(size, 'abcdefg');
      const stored = deflateSync(content, { level: constants.Z_NO_COMPRESSION });
      for (const data of [deflateSync(content), stored]) {
        const { found, rest } = inflateAll(
          inflater,
          Buffer.concat([data, Buffer.from('x')]),
          [size],
          10_000,
          false,
        );
        assert.ok((found[0] as Buffer).equals(content));
        assert.equal(rest.toString(), 'x');
      }
    }
    inflater.close();
  });

  test(`another size than announced is refused by ${engine}, whole or in pieces`, () => {
    const inflater = new Inflater(engine);
    const data = Buffer.concat([deflateSync(Buffer.alloc(100_000)), Buffer.from('x')]);
    for (const size of [0, 1, 65_536, 99_999, 100_001, 200_000]) {
      for (const whole of [true, false]) {
        assert.throws(
          () => inflateAll(inflater, data, [size], 50, whole),
          (error: RefgateError) => error.code === 'PACK_OBJECT_SIZE',
        );
      }
    }
    inflater.close();
  });

  test(`any bytes are inflated or refused with a code by ${engine}`, () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), (bytes) => {
        const inflater = new Inflater(engine);
        const damaged = Buffer.concat([deflateSync(Buffer.from('some content')).subarray(0, 5), bytes]);
        try {
          inflateAll(inflater, damaged, [12], 7, true);
        } catch (error) {
          if (error instanceof RefgateError) assert.match(error.code, /^PACK_(?:ZLIB|OBJECT_SIZE)$/);
          else assert.equal((error as Error).message, 'no end was found');
        }
        inflater.close();
      }),
      { numRuns: 60 },
    );
  });
}

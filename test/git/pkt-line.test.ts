import assert from 'node:assert/strict';
import { Duplex, Readable } from 'node:stream';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  delimPkt,
  encodePkt,
  flushPkt,
  maxPktLength,
  type Pkt,
  PktDecoder,
  PktReader,
  pktText,
  responseEndPkt,
} from '../../src/git/pkt-line.ts';
import { anyBytes, collect, cut, cuts, outcome, stream } from './pieces.ts';

const payload = fc.oneof(
  anyBytes,
  fc.integer({ min: 60000, max: maxPktLength - 4 }).map((size) => Buffer.alloc(size, 'x')),
);
const pkt: fc.Arbitrary<Pkt> = fc.oneof(
  payload.map((bytes): Pkt => ({ type: 'data', payload: bytes })),
  fc.constantFrom<Pkt>({ type: 'flush' }, { type: 'delim' }, { type: 'response-end' }),
);
const signals = { flush: flushPkt, delim: delimPkt, 'response-end': responseEndPkt };
const encode = (line: Pkt) => (line.type === 'data' ? encodePkt(line.payload) : signals[line.type]);

test('every pkt-line comes back however the stream is cut', () => {
  fc.assert(
    fc.property(fc.array(pkt, { maxLength: 12 }), cuts, (lines, lengths) => {
      const decoder = new PktDecoder('client');
      const got = cut(Buffer.concat(lines.map(encode)), lengths).flatMap((piece) => decoder.push(piece));
      decoder.end();
      assert.deepEqual(got, lines);
    }),
    { numRuns: 200 },
  );
});

test('a reader gives the lines one by one, and everything after them untouched', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(pkt, { maxLength: 8 }), anyBytes, cuts, async (lines, pack, lengths) => {
      const head = Buffer.concat(lines.map(encode));
      const reader = new PktReader(stream(cut(Buffer.concat([head, pack]), lengths)), 'client');
      for (const line of lines) {
        if (line.type === 'delim') assert.deepEqual(await reader.peek(), line);
        assert.deepEqual(await reader.read(), line);
      }
      assert.equal(reader.bytesRead, head.length);
      assert.deepEqual(Buffer.concat(await collect(reader.rest())), pack);
      assert.equal(reader.bytesRead, head.length + pack.length);
    }),
    { numRuns: 150 },
  );
});

test('a list is read in batches up to its flush-pkt and no further', async () => {
  const payloads = Array.from({ length: 3000 }, (_, i) => Buffer.from(`line ${i}\n`));
  const bytes = Buffer.concat([...payloads.map(encodePkt), flushPkt, encodePkt('next')]);
  const reader = new PktReader(stream(cut(bytes, [5, 7, 10000])), 'upstream');
  const batches = await collect(reader.batches(1000));
  assert.deepEqual(batches.flat(), payloads);
  assert.ok(batches.every((batch) => batch.length <= 1000));
  assert.deepEqual(await reader.read(), { type: 'data', payload: Buffer.from('next') });
});

test('any bytes give lines or a coded error', async () => {
  await fc.assert(
    fc.asyncProperty(anyBytes, cuts, async (bytes, lengths) => {
      const reader = new PktReader(stream(cut(bytes, lengths)), 'client');
      await outcome(async () => {
        while ((await reader.read()) !== null);
      });
    }),
  );
});

test('a length is four lower-case hex digits, not 3, and at most 65520', () => {
  for (const prefix of [
    '00a ',
    '0x1f',
    '00FF',
    ' 00a',
    '-001',
    '+00a',
    '0003',
    'fff1',
    'ffff',
    '00\u00001',
  ]) {
    const decoder = new PktDecoder('client');
    assert.throws(() => decoder.push(Buffer.from(`${prefix}abc`, 'latin1')), {
      code: 'PKT_LENGTH',
      blame: 'client',
    });
  }
  assert.deepEqual(new PktDecoder('client').push(Buffer.from('0004')), [
    { type: 'data', payload: Buffer.alloc(0) },
  ]);
});

test('a stream that ends inside a line is PKT_TRUNCATED, and blames the peer', async () => {
  for (const bytes of ['0', '000', '0005', '0009abcd']) {
    const reader = new PktReader(stream([Buffer.from(bytes)]), 'upstream');
    await assert.rejects(reader.read(), { code: 'PKT_TRUNCATED', blame: 'upstream' });
  }
});

test('a source that fails is HUNG_UP for a client and UPSTREAM_LOST for an upstream', async () => {
  const failing = () =>
    new Readable({
      read() {
        this.destroy(new Error('reset'));
      },
    });
  await assert.rejects(new PktReader(failing(), 'client').read(), { code: 'HUNG_UP' });
  await assert.rejects(new PktReader(failing(), 'upstream').read(), { code: 'UPSTREAM_LOST' });
});

test('reading a duplex to its end leaves its writing half alive', async () => {
  const written: string[] = [];
  const duplex = new Duplex({
    read() {},
    write(chunk, _encoding, done) {
      written.push(String(chunk));
      done();
    },
  });
  duplex.push(Buffer.from('0000'));
  duplex.push(null);
  const reader = new PktReader(duplex, 'client');
  assert.deepEqual(await reader.read(), { type: 'flush' });
  assert.equal(await reader.read(), null);
  assert.equal(duplex.destroyed, false);
  await new Promise<void>((resolve) => duplex.end('bye', () => resolve()));
  assert.deepEqual(written, ['bye']);
});

test('text loses one LF and must be UTF-8', () => {
  assert.equal(pktText(Buffer.from('want\n\n'), 'client'), 'want\n');
  assert.equal(pktText(Buffer.alloc(0), 'client'), '');
  assert.throws(() => pktText(Buffer.from([0xff]), 'client'), { code: 'PROTOCOL_ERROR' });
  assert.throws(() => pktText(Buffer.from([0xff]), 'upstream'), { code: 'UPSTREAM_PROTOCOL' });
  assert.throws(() => encodePkt(Buffer.alloc(maxPktLength - 3)), RangeError);
});

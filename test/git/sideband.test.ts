import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { encodePkt, flushPkt, PktReader } from '../../src/git/pkt-line.ts';
import {
  type Band,
  bandOne,
  bandText,
  demux,
  encodeBand,
  passThrough,
  SidebandScanner,
} from '../../src/git/sideband.ts';
import { TerminalFilter } from '../../src/git/terminal-filter.ts';
import { anyBytes, collect, cut, cuts, outcome, stream } from './pieces.ts';

const frame = fc.record({ band: fc.constantFrom<Band>(1, 2, 3), data: anyBytes });
const encode = (band: Band, data: Buffer) => encodePkt(Buffer.concat([Buffer.from([band]), data]));

test('band 1 and the framing pass untouched however the stream is cut, and the reader goes on after the flush-pkt', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(frame, { maxLength: 10 }), cuts, async (frames, lengths) => {
      const sent = Buffer.concat(frames.map(({ band, data }) => encode(band, data)));
      const bytes = Buffer.concat([sent, flushPkt, encodePkt('next')]);
      const reader = new PktReader(stream(cut(bytes, lengths)), 'upstream');
      const passed = Buffer.concat(await collect(passThrough(reader)));
      assert.deepEqual(await reader.read(), { type: 'data', payload: Buffer.from('next') });
      assert.equal(await reader.read(), null);
      const got = await collect(demux(new PktReader(stream([passed]), 'upstream'), 'eof'));
      assert.deepEqual(
        got.map(({ band, data }) => ({ band, length: data.length })),
        frames.map(({ band, data }) => ({ band, length: data.length })),
      );
      got.forEach(({ band, data }, i) => {
        if (band === 1) assert.deepEqual(data, frames[i]?.data);
        else assert.ok(!/[^\P{Cc}\n\r\t]/u.test(data.toString()), JSON.stringify(data.toString()));
      });
    }),
    { numRuns: 300 },
  );
});

test('what acts on a terminal becomes ?, and nothing else changes, wherever it is cut', () => {
  const cases: readonly [string | Buffer, string][] = [
    ['a\u001b[31mred\u0007\u0008\u007f\n', 'a?[31mred???\n'],
    ['10%\r20%\tdone\n', '10%\r20%\tdone\n'],
    ['csi \u009b2J, \u0085 ok \u00a0\u00a9', 'csi ??2J, ?? ok \u00a0\u00a9'],
    ['Grüße 你好 👍', 'Grüße 你好 👍'],
    [Buffer.from([0x9b, 0x32, 0x4a]), '?2J'],
    [Buffer.from([0xe0, 0x82, 0x9b]), '???'],
    [Buffer.from([0xc0, 0x9b, 0xff]), '???'],
  ];
  for (const [text, expected] of cases) {
    const bytes = Buffer.from(text as string);
    const clean = Buffer.from(bytes);
    new TerminalFilter().clean(clean, 0, clean.length);
    assert.equal(clean.toString(), expected);
    for (let at = 0; at <= bytes.length; at++) {
      const filter = new TerminalFilter();
      const [head, tail] = [Buffer.from(bytes.subarray(0, at)), Buffer.from(bytes.subarray(at))];
      filter.clean(head, 0, head.length);
      filter.clean(tail, 0, tail.length);
      const controls = /[^\P{Cc}\n\r\t]/u;
      assert.ok(!controls.test(Buffer.concat([head, tail]).toString()), `cut at ${at}`);
    }
  }
});

test('a C1 control that is cut over two pkt-lines is neutralised', () => {
  const bytes = Buffer.concat([encode(2, Buffer.from([0xc2])), encode(2, Buffer.from([0x9b])), flushPkt]);
  const out: Buffer[] = [];
  new SidebandScanner('upstream').scan(bytes, (piece) => out.push(Buffer.from(piece)));
  assert.ok(!Buffer.concat(out).includes(0x9b));
});

test('bad framing, a bad band, and an end before the flush-pkt are coded errors that blame the upstream', async () => {
  const pass = (text: string | Buffer) =>
    collect(passThrough(new PktReader(stream([Buffer.from(text as string)]), 'upstream')));
  await assert.rejects(pass('000x\u0001'), { code: 'PKT_LENGTH', blame: 'upstream' });
  await assert.rejects(pass('0001'), { code: 'UPSTREAM_PROTOCOL' });
  await assert.rejects(pass('0004'), { code: 'UPSTREAM_PROTOCOL' });
  await assert.rejects(pass('0009\u0004abcd'), { code: 'UPSTREAM_PROTOCOL' });
  await assert.rejects(pass('0009Eabcd'), { code: 'UPSTREAM_PROTOCOL' });
  for (const cutShort of ['', '00', '0009', '0009\u0001ab', '0005\u0001']) {
    await assert.rejects(pass(cutShort), { code: 'PKT_TRUNCATED', blame: 'upstream' });
  }
});

test('any bytes pass or give a coded error', async () => {
  await fc.assert(
    fc.asyncProperty(anyBytes, cuts, async (bytes, lengths) => {
      await outcome(() => collect(passThrough(new PktReader(stream(cut(bytes, lengths)), 'upstream'))));
      await outcome(() => collect(demux(new PktReader(stream(cut(bytes, lengths)), 'upstream'))));
    }),
  );
});

test('a whole chunk of band 1 goes on as one piece of the same memory', () => {
  const chunk = Buffer.concat(Array.from({ length: 10 }, () => encode(1, Buffer.alloc(8000, 0x1b))));
  const out: Buffer[] = [];
  new SidebandScanner('upstream').scan(chunk, (piece) => out.push(piece));
  assert.equal(out.length, 1);
  assert.equal(out[0]?.buffer, chunk.buffer);
  assert.equal(out[0]?.length, chunk.length);
});

test('data is cut into pkt-lines of 65520 or 1000 bytes, and comes together again', async () => {
  const data = Buffer.alloc(200_000, 'pack');
  for (const [kind, longest] of [
    ['side-band-64k', 65520],
    ['side-band', 1000],
  ] as const) {
    const bytes = Buffer.concat([...encodeBand(1, data, kind), bandText(2, 'hello\n', kind), flushPkt]);
    assert.equal(Number.parseInt(bytes.toString('latin1', 0, 4), 16), longest);
    const messages: string[] = [];
    const reader = new PktReader(stream([bytes]), 'upstream');
    const got = await collect(
      bandOne(demux(reader), ({ band, data: text }) => void messages.push(`${band} ${text}`)),
    );
    assert.deepEqual(Buffer.concat(got), data);
    assert.deepEqual(messages, ['2 hello\n']);
  }
});

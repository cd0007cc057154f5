import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { ObjectScanner } from '../../../src/inspect/secrets/scan-object.ts';
import { Scanner } from '../../../src/inspect/secrets/scanner.ts';
import { madeRules, madeToken } from './made-rules.ts';
import { type MadeEntry, zipOf } from './made-zip.ts';

const scanner = new Scanner(madeRules);
const mib = 1024 * 1024;

/** Content that cannot be packed: two hex digits for each random byte would give base64 to look into. */
/** The same bytes each time, so that what fails once fails again. */
const noise = (size: number): Buffer =>
  createCipheriv('aes-128-ctr', Buffer.alloc(16, 7), Buffer.alloc(16)).update(Buffer.alloc(size));
const words = (size: number): Buffer => Buffer.alloc(size, 'const value = 1; // as it was before\n');
const file = (name: string, content: Buffer): MadeEntry => ({ name, content });
const plain = (n = 0): Buffer => Buffer.from(`deploy with ${madeToken(n)} as before\n`);

function scanInPieces(data: Buffer, piece = 65_536) {
  const stream = scanner.stream();
  for (let at = 0; at < data.length; at += piece) stream.write(data.subarray(at, at + piece));
  return stream.end();
}

const found = (data: Buffer, piece?: number) =>
  scanInPieces(data, piece).matches.map(({ value, decoded }) => `${value} ${decoded.join(' ')}`);

test('a zip of 10 MiB with nothing in it is scanned whole', () => {
  const many = Array.from({ length: 300 }, (_, n) => file(`f${n}`, words(40_000)));
  const zip = zipOf([
    ...many,
    file('noise', noise(9 * mib)),
    { ...file('stored', words(mib)), stored: true },
  ]);
  assert.deepEqual(scanInPieces(zip), { matches: [], unscanned: [] });
  assert.deepEqual(scanner.scan(zip), { matches: [], unscanned: [] });
});

test('a gzip of 10 MiB that holds 60 MiB with nothing in it is scanned whole', () => {
  const gzip = gzipSync(Buffer.concat([noise(9 * mib), words(50 * mib)]));
  assert.deepEqual(scanInPieces(gzip), { matches: [], unscanned: [] });
});

test('a token in any entry of a large zip is found, and its span is that entry', () => {
  const entries = [
    file('a', plain(1)),
    file('noise', noise(5 * mib)),
    file('b', plain(2)),
    file('large', Buffer.concat([words(6 * mib), plain(3), words(6 * mib)])),
    { ...file('stored', plain(4)), stored: true },
    file('c', plain(5)),
  ];
  const zip = zipOf(entries);
  const { matches, unscanned } = scanInPieces(zip);
  assert.deepEqual(unscanned, []);
  assert.deepEqual(matches.map(({ value }) => value).sort(), [1, 2, 3, 4, 5].map(madeToken).sort());
  for (const { value, start, end, decoded } of matches) {
    assert.deepEqual(decoded, value === madeToken(4) ? [] : ['zip']);
    if (decoded.length === 0) continue;
    assert.equal(zip.toString('latin1', start, start + 4), 'PK\x03\x04');
    assert.equal(zip.toString('latin1', end, end + 2), 'PK');
  }
});

test('however a large archive is cut, the same is found', () => {
  const zip = zipOf([file('a', plain(1)), file('noise', noise(5 * mib)), file('b', plain(2))]);
  const whole = scanInPieces(zip, zip.length);
  for (const piece of [4099, 100_003, 4 * mib]) assert.deepEqual(scanInPieces(zip, piece), whole);
});

test('archives within large archives are opened, two deep', () => {
  const inner = zipOf([file('x', noise(5 * mib)), file('a', plain(1))]);
  const outer = gzipSync(Buffer.concat([words(5 * mib), inner]));
  assert.deepEqual(found(outer), [`${madeToken(1)} gzip zip`]);
  const three = gzipSync(Buffer.concat([noise(5 * mib), gzipSync(inner)]));
  assert.deepEqual(scanInPieces(gzipSync(three)).unscanned, [
    'what is encoded in it is wrapped more than 2 times',
  ]);
});

test('a token that goes on from one member of a large gzip into the next is found', () => {
  const [head, tail] = [plain().subarray(0, 20), plain().subarray(20)];
  const gzip = Buffer.concat([gzipSync(Buffer.concat([noise(5 * mib), head])), gzipSync(tail)]);
  assert.deepEqual(found(gzip), [`${madeToken()} gzip`]);
});

test('an archive behind other bytes of a large file is opened, across the borders of windows', () => {
  for (const before of [4 * mib - 5, 4 * mib - 70_000, 4 * mib, 8 * mib - 1]) {
    const data = Buffer.concat([
      words(before),
      gzipSync(plain(1)),
      zipOf([file('a', plain(2))]),
      words(5 * mib),
    ]);
    assert.deepEqual(found(data).sort(), [`${madeToken(1)} gzip`, `${madeToken(2)} zip`].sort());
  }
});

test('three bytes that look like gzip are none, and what comes after them is', () => {
  const looks = Buffer.concat([Buffer.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3), noise(100).fill(0xff)]);
  const data = Buffer.concat([words(5 * mib), looks, gzipSync(plain()), words(5 * mib)]);
  const { matches, unscanned } = scanInPieces(data);
  assert.deepEqual([matches.length, unscanned], [1, []]);
});

test('what a large archive holds beyond the limit, and what is broken or encrypted in it, is said', () => {
  const bomb = zipOf([file('noise', noise(mib)), file('zeros', Buffer.alloc(60 * mib))]);
  assert.deepEqual(scanInPieces(bomb).unscanned, ['what is compressed in it is too large to scan']);
  const broken = gzipSync(noise(6 * mib));
  broken.fill(0xff, 5 * mib);
  assert.deepEqual(scanInPieces(broken).unscanned, ['it is a broken gzip archive']);
  const locked = zipOf([file('noise', noise(5 * mib)), { ...file('a', plain()), flags: 1 }]);
  assert.deepEqual(scanInPieces(locked).unscanned, ['an entry of a zip archive in it is encrypted']);
});

test('lines and allow comments of a stream are those of the whole', () => {
  const objects = new ObjectScanner(new Scanner(madeRules), Buffer.alloc(32, 1));
  const text = Buffer.concat([
    words(4 * mib),
    plain(1),
    words(3 * mib),
    Buffer.from(`\n\n\nx = ${madeToken(2)} # gitleaks:allow\n`),
    words(300_000),
    plain(3),
  ]);
  const stream = objects.stream();
  for (let at = 0; at < text.length; at += 65_536) stream.write(text.subarray(at, at + 65_536));
  const { secrets, unscanned } = stream.end();
  assert.deepEqual(unscanned, []);
  const whole = objects.blob(text).secrets;
  assert.deepEqual(secrets, whole);
  assert.deepEqual(
    secrets.map(({ comment, line }) => [comment, (line ?? 0) > 100_000]),
    [
      [false, true],
      [true, true],
      [false, true],
    ],
  );
  assert.equal(
    text.toString('latin1').split('\n')[(secrets[1]?.line ?? 0) - 1]?.includes(madeToken(2)),
    true,
  );
});

test('a stream that is long in coming has as much time as one that comes at once', async () => {
  const quick = new Scanner(madeRules, { deadlineMs: 400 });
  const stream = quick.stream();
  for (let n = 0; n < 5; n++) {
    stream.write(words(100_000));
    await new Promise((resolve) => setTimeout(resolve, 120));
  }
  assert.deepEqual(stream.end().unscanned, []);
});

/**
 * Attack: a secret that a scanner of plain lines of text does not see.
 *  1. The client puts a token into a file that looks binary, behind a NUL byte,
 *     or far out on a line of a mebibyte.
 *  2. Or encodes it: UTF-16, base64, hex, percent, gzip, zip; one within the other.
 *  3. Or wraps it so often, or makes the archive so large, that nobody unwraps it.
 * Each is either found, with the span of its outermost form, or said to be unscanned.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Scanner } from '../../src/inspect/secrets/scanner.ts';
import { madeRules, madeToken } from '../inspect/secrets/made-rules.ts';
import { zipOf } from '../inspect/secrets/made-zip.ts';

const scanner = new Scanner(madeRules);
const token = madeToken();
const text = `deploy with ${token} as before\n`;
const plain = Buffer.from(text);
const zip = (content: Buffer): Buffer => zipOf([{ name: 'notes.txt', content }]);
const base64 = (content: Buffer): Buffer => Buffer.from(content.toString('base64'));
const hex = (content: Buffer): Buffer => Buffer.from(content.toString('hex'));
const percent = (content: Buffer): Buffer =>
  Buffer.from([...content].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''));
const noise = Buffer.from(Array.from({ length: 4096 }, (_, n) => (n * 7919 + (n >> 3)) & 0xff));

const hidden: Readonly<Record<string, Buffer>> = {
  'behind a NUL byte': Buffer.from(`\0${text}`),
  'between two NUL bytes': Buffer.from(`a\0${token}\0b`),
  'in the middle of a line of a mebibyte': Buffer.concat([
    Buffer.alloc(500_000, 'x'),
    Buffer.from(` ${token} `),
    Buffer.alloc(500_000, 'y'),
  ]),
  'in binary data': Buffer.concat([noise, Buffer.from(`\0${token}\0`), noise]),
  'in UTF-16': Buffer.from(`\ufeff${text}`, 'utf16le'),
  'in UTF-16 without a mark, within binary data': Buffer.concat([noise, Buffer.from(text, 'utf16le'), noise]),
  'in base64': base64(plain),
  'in base64 of binary data': base64(Buffer.concat([noise, Buffer.from(` ${text}`), noise])),
  'in hex': hex(plain),
  'in percent': percent(plain),
  'in gzip': gzipSync(plain),
  'in gzip behind other bytes': Buffer.concat([Buffer.alloc(512), gzipSync(plain), Buffer.alloc(512)]),
  'in gzip of two members, cut within the token': Buffer.concat([
    gzipSync(plain.subarray(0, 20)),
    gzipSync(plain.subarray(20)),
  ]),
  'in zip': zip(plain),
  'in zip behind a program that unpacks it': Buffer.concat([noise, zip(plain)]),
  'in base64 in gzip': gzipSync(base64(plain)),
  'in gzip in base64': base64(gzipSync(plain)),
  'in base64 in base64': base64(base64(plain)),
  'in gzip in zip': zip(gzipSync(plain)),
  'in zip in zip': zip(zip(plain)),
  'in UTF-16 in base64': base64(Buffer.from(text, 'utf16le')),
  'in percent in base64 in gzip': gzipSync(base64(percent(plain))),
};

for (const [where, data] of Object.entries(hidden)) {
  test(`a token ${where} is found`, () => {
    const { matches } = scanner.scan(data);
    assert.ok(matches.some((match) => match.value === token));
    for (const { start, end } of matches) assert.ok(start >= 0 && start < end && end <= data.length);
  });

  test(`a token ${where} is found in a stream of small pieces`, () => {
    const stream = scanner.stream();
    for (let at = 0; at < data.length; at += 1021) stream.write(data.subarray(at, at + 1021));
    assert.ok(stream.end().matches.some((match) => match.value === token));
  });
}

const unseen: Readonly<Record<string, Buffer>> = {
  'wrapped three times in base64': base64(base64(base64(plain))),
  'wrapped three times in gzip': gzipSync(gzipSync(gzipSync(plain))),
  'wrapped three times, with zip innermost': base64(gzipSync(zip(plain))),
  'in an archive that inflates to very much': gzipSync(Buffer.concat([Buffer.alloc(40_000_000), plain])),
  'in an encrypted entry of a zip': zipOf([{ name: 'a', content: plain, flags: 1 }]),
};

for (const [where, data] of Object.entries(unseen)) {
  test(`a token ${where} may not be seen, but then it is said`, () => {
    assert.equal(scanner.scan(data).matches.length, 0);
    assert.notDeepEqual(scanner.scan(data).unscanned, []);
  });
}

test('an archive that is hidden by another that is none is opened, or it is said', () => {
  // Deflate that holds the rest as it is: what comes out is what went in.
  const around = (content: Buffer): Buffer => gzipSync(content, { level: 0 });
  const bogus = (content: Buffer): Buffer => around(content).fill(0xff, content.length + 20);
  const noise = Buffer.alloc(300_000, 'words and words\n');
  for (const [inner, times] of [
    [gzipSync(plain), 1],
    [gzipSync(plain), 3],
    [zip(plain), 1],
    [zip(plain), 3],
  ] as const) {
    let data: Buffer = Buffer.concat([noise, inner, noise]);
    for (let n = 0; n < times; n++) data = Buffer.concat([noise, bogus(data), noise]);
    const stream = scanner.stream();
    stream.write(data);
    const { matches, unscanned } = stream.end();
    assert.ok(matches.length > 0 || unscanned.length > 0, `${times}`);
  }
});

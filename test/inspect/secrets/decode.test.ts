import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateRawSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { Scanner } from '../../../src/inspect/secrets/scanner.ts';
import { madeRules, madeToken } from './made-rules.ts';
import { zipOf } from './made-zip.ts';

const scanner = new Scanner(madeRules);
const token = madeToken();
const plain = `some words before\nlet value = '${token}';\nand some after\n`;
const bytes = Buffer.from(plain);

const mapBytes = (text: string, map: (byte: number) => string) => [...Buffer.from(text)].map(map).join('');
const hex2 = (byte: number) => byte.toString(16).padStart(2, '0');
const wrap = (text: string, width: number, end = '\n') =>
  text.replace(new RegExp(`.{${width}}`, 'g'), `$&${end}`);

/** Each wrapping, what it makes of text, and the name that findings give it. */
const encodings: readonly [string, (text: string) => Buffer | string, string][] = [
  ['base64', (text) => Buffer.from(text).toString('base64'), 'base64'],
  ['base64url', (text) => Buffer.from(text).toString('base64url'), 'base64'],
  ['base64 in lines of 64', (text) => wrap(Buffer.from(text).toString('base64'), 64), 'base64'],
  [
    'base64 in lines of 76 with CRLF',
    (text) => wrap(Buffer.from(text).toString('base64'), 76, '\r\n'),
    'base64',
  ],
  ['base64 in indented lines', (text) => wrap(Buffer.from(text).toString('base64'), 64, '\n    '), 'base64'],
  ['base64 in escaped lines', (text) => wrap(Buffer.from(text).toString('base64'), 64, '\\n'), 'base64'],
  ['hex', (text) => Buffer.from(text).toString('hex'), 'hex'],
  ['upper-case hex in lines', (text) => wrap(Buffer.from(text).toString('hex').toUpperCase(), 64), 'hex'],
  ['a list of 0xNN', (text) => mapBytes(text, (byte) => `0x${hex2(byte)}, `), 'hex'],
  ['\\xNN', (text) => mapBytes(text, (byte) => `\\x${hex2(byte)}`), 'escaped'],
  ['\\uXXXX', (text) => mapBytes(text, (byte) => `\\u00${hex2(byte)}`), 'escaped'],
  ['percent', (text) => mapBytes(text, (byte) => `%${hex2(byte)}`), 'percent'],
  ['HTML entities', (text) => mapBytes(text, (byte) => `&#${byte};`), 'html'],
  ['UTF-16LE', (text) => Buffer.from(text, 'utf16le'), 'utf-16'],
  ['UTF-16BE', (text) => Buffer.from(text, 'utf16le').swap16(), 'utf-16'],
  ['UTF-16LE with a mark', (text) => Buffer.from(`\ufeff${text}`, 'utf16le'), 'utf-16'],
  ['UTF-16BE with a mark', (text) => Buffer.from(`\ufeff${text}`, 'utf16le').swap16(), 'utf-16'],
];

for (const [name, encode, decoded] of encodings) {
  test(`a token in ${name} is found, and its span holds its encoded form`, () => {
    const encoded = Buffer.from(encode(plain));
    const { matches, unscanned } = scanner.scan(encoded);
    assert.deepEqual(unscanned, []);
    assert.equal(matches.length, 1);
    const [match] = matches;
    assert.equal(match?.value, token);
    assert.deepEqual(match?.decoded, [decoded]);
    const cut = Buffer.from(encoded);
    cut.fill('#', match?.start, match?.end);
    assert.deepEqual(scanner.scan(cut).matches, []);
  });
}

test('quoted-printable is decoded, soft line breaks included', () => {
  const text = `a line that is long=\n er\nkey=3D${token.slice(0, 9)}=\n${token.slice(9)}\n`;
  const { matches } = scanner.scan(Buffer.from(text));
  assert.equal(matches.length, 1);
  assert.equal(matches[0]?.value, token);
  assert.deepEqual(matches[0]?.decoded, ['quoted-printable']);
});

test('one escaped character in a token does not hide it', () => {
  for (const escaped of [
    token.replace('_', '%5F'),
    token.replace('_', '\\u005f'),
    token.replace('_', '\\x5F'),
  ]) {
    const { matches } = scanner.scan(Buffer.from(`x = "${escaped}"; more`));
    assert.equal(matches.length, 1);
    assert.equal(matches[0]?.start, 5);
    assert.equal(matches[0]?.end, 5 + escaped.length);
  }
});

test('JSON within JSON is text', () => {
  const text = JSON.stringify({ config: JSON.stringify({ password: 'abcdefgh1234' }) });
  assert.deepEqual(
    scanner.scan(Buffer.from(text)).matches.map(({ value }) => value),
    ['abcdefgh1234'],
  );
});

test('base64 is decoded at the right place whatever characters stand before it', () => {
  for (const before of ['', 'a', 'ab', 'abc', 'path/to/']) {
    const text = `${before}${Buffer.from(plain).toString('base64')}`;
    assert.equal(scanner.scan(Buffer.from(text)).matches[0]?.value, token, before);
  }
});

test('the span of base64 ends with its padding, or with the line of its last character', () => {
  for (const before of ['a', 'ab', 'abc'])
    for (const after of [
      '\n---\nkind: x\n',
      '\n- a: b\n',
      '\nword and more\n',
      '\n  other: x\n',
      '\r\nABCDE\r\n',
    ]) {
      const encoded = Buffer.from(`${before} key = ${token}`).toString('base64');
      const [match, ...others] = scanner.scan(Buffer.from(`data: ${encoded}${after}`)).matches;
      assert.equal(others.length, 0);
      assert.equal(match?.value, token);
      assert.deepEqual([match?.start, match?.end], [6, 6 + encoded.length], JSON.stringify(after));
    }
});

test('UTF-16 in base64 is found', () => {
  const text = `powershell -EncodedCommand ${Buffer.from(plain, 'utf16le').toString('base64')}`;
  assert.deepEqual(scanner.scan(Buffer.from(text)).matches[0]?.decoded, ['base64', 'utf-16']);
});

test('gzip and zip are opened, with their span as a whole', () => {
  const gzip = gzipSync(bytes);
  const [inGzip] = scanner.scan(gzip).matches;
  assert.deepEqual(inGzip?.decoded, ['gzip']);
  assert.deepEqual([inGzip?.start, inGzip?.end], [0, gzip.length]);
  const [inZip, ...others] = scanner.scan(zipOf([{ name: 'a.txt', content: bytes }])).matches;
  assert.deepEqual(inZip?.decoded, ['zip']);
  assert.equal(others.length, 0);
});

test('two members of one gzip, and a gzip within a stored entry of a zip, are opened', () => {
  const two = Buffer.concat([gzipSync('nothing'), gzipSync(bytes)]);
  assert.equal(scanner.scan(two).matches.length, 1);
  const nested = zipOf([{ name: 'a.gz', content: gzipSync(bytes), stored: true }]);
  assert.deepEqual(scanner.scan(nested).matches[0]?.decoded, ['gzip']);
});

test('an archive in base64 is opened', () => {
  const text = `data: ${gzipSync(bytes).toString('base64')}`;
  assert.deepEqual(scanner.scan(Buffer.from(text)).matches[0]?.decoded, ['base64', 'gzip']);
});

test('two wrappings are taken off, and a third is said to be too deep', () => {
  const once = Buffer.from(plain).toString('base64');
  const twice = gzipSync(once);
  assert.deepEqual(scanner.scan(twice).matches[0]?.decoded, ['gzip', 'base64']);
  const thrice = scanner.scan(gzipSync(Buffer.from(once).toString('base64')));
  assert.deepEqual(thrice.matches, []);
  assert.deepEqual(thrice.unscanned, ['what is encoded in it is wrapped more than 2 times']);
});

test('a compression bomb is said to be unscanned, and is not inflated whole', () => {
  const bomb = gzipSync(Buffer.alloc(32 * 1024 * 1024));
  assert.deepEqual(scanner.scan(bomb).unscanned, ['what is compressed in it is too large to scan']);
  const zip = zipOf([{ name: 'a', content: Buffer.alloc(32 * 1024 * 1024) }]);
  assert.deepEqual(scanner.scan(zip).unscanned, ['what is compressed in it is too large to scan']);
});

test('an encrypted entry, an unknown compression and a broken archive are said to be unscanned', () => {
  const encrypted = zipOf([{ name: 'a', content: bytes, flags: 1 }]);
  assert.deepEqual(scanner.scan(encrypted).unscanned, ['an entry of a zip archive in it is encrypted']);
  const unknown = zipOf([{ name: 'a', content: bytes, method: 14 }]);
  assert.match(scanner.scan(unknown).unscanned.join(), /compressed in a way that is not known/);
  const broken = gzipSync(bytes);
  broken.fill(0xff, 10, 20);
  assert.deepEqual(scanner.scan(broken).unscanned, ['it is a broken gzip archive']);
});

test('an archive that ends too early is looked into as far as it goes', () => {
  const text = `${plain}${'and more that goes on and on '.repeat(50)}`;
  const gzip = gzipSync(text, { level: 0 });
  assert.equal(scanner.scan(gzip.subarray(0, 400)).matches.length > 0, true);
  const raw = deflateRawSync(text);
  const zip = zipOf([{ name: 'a', content: Buffer.from(text) }]);
  assert.equal(scanner.scan(zip.subarray(0, 40 + raw.length - 8)).matches.length, 1);
});

test('object ids, digests and random base64 give nothing, and are not too deep', () => {
  const digests = Array.from({ length: 500 }, (_, n) => hex2(n % 256).repeat(20)).join('\n');
  const { matches, unscanned } = scanner.scan(Buffer.from(digests));
  assert.deepEqual([matches, unscanned], [[], []]);
});

test('any bytes are scanned without an error, and what is found lies within them', () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 60 }).map((array) => Buffer.from(array)),
    fc.constantFrom(...encodings.map(([, encode]) => Buffer.from(encode(plain)))),
    fc.constantFrom(gzipSync(bytes), Buffer.from('\\x'), Buffer.from('PK\x03\x04'), Buffer.of(0x1f, 0x8b, 8)),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const data = Buffer.concat(pieces);
      for (const { start, end } of scanner.scan(data).matches) {
        assert.ok(start >= 0 && start < end && end <= data.length);
      }
    }),
  );
});

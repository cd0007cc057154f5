import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fingerprint } from '../../../src/inspect/secrets/fingerprint.ts';
import { hasAllowComment, LineCounter, lineAt } from '../../../src/inspect/secrets/line.ts';
import { maskedSample } from '../../../src/inspect/secrets/sample.ts';
import { maskedSpans, ObjectScanner } from '../../../src/inspect/secrets/scan-object.ts';
import { Scanner } from '../../../src/inspect/secrets/scanner.ts';
import { madeRules, madeToken } from './made-rules.ts';

const key = Buffer.alloc(32, 7);
const scanner = new ObjectScanner(new Scanner(madeRules), key);

test('a masked sample shows at most a quarter of the secret, in at most 60 printable characters', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (array) => {
      const value = Buffer.from(array).toString('latin1');
      const sample = maskedSample(value);
      assert.ok(sample.length <= 60);
      assert.match(sample, /^[\x20-\x7e]*$/);
      const [head = '', tail = ''] = sample.replace(/\\x[0-9a-f]{2}|\\\\/g, '?').split('***');
      assert.ok(head.length + tail.length <= value.length / 4 + 3);
    }),
  );
  assert.equal(maskedSample('abcdefg'), '***');
  assert.equal(maskedSample('abcdefghijkl'), 'abc***');
  assert.equal(maskedSample(madeToken()).startsWith(`${madeToken().slice(0, 6)}***`), true);
});

test('a masked sample never holds the secret, nor half of it', () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 8, maxLength: 200, unit: fc.constantFrom(...'abcXYZ0189_-') }),
      (value) => {
        const sample = maskedSample(value);
        assert.ok(!sample.includes(value.slice(0, Math.ceil(value.length / 2))));
        assert.ok(!sample.includes(value.slice(Math.floor(value.length / 2))));
      },
    ),
  );
});

test('a fingerprint depends on the key and on the value alone, and does not change from version to version', () => {
  assert.equal(fingerprint(key, 'value'), ['4ec186b5e4e3b3d1', '10030b6209f99308'].join(''));
  assert.equal(fingerprint(key, 'value'), fingerprint(Buffer.alloc(32, 7), 'value'));
  assert.notEqual(fingerprint(key, 'value'), fingerprint(Buffer.alloc(32, 8), 'value'));
  assert.notEqual(fingerprint(key, 'value'), fingerprint(key, 'valuf'));
});

test('the same secret has the same fingerprint however it is wrapped', () => {
  const plain = Buffer.from(`a ${madeToken()} b and more`);
  const [first] = scanner.blob(plain).secrets;
  const [second] = scanner.blob(Buffer.from(plain.toString('base64'))).secrets;
  assert.notEqual(first, undefined);
  assert.equal(first?.fingerprint, second?.fingerprint);
});

test('lines are counted from 1, and an allow comment counts on its own line only', () => {
  const lines = [
    'first',
    `a ${madeToken(1)}`,
    `b ${madeToken(2)} # refgate:allow`,
    `c ${madeToken(3)} // gitleaks:allow`,
  ];
  const { secrets } = scanner.blob(Buffer.from(lines.join('\n')));
  assert.deepEqual(
    secrets.map(({ line, comment }) => ({ line, comment })),
    [
      { line: 2, comment: false },
      { line: 3, comment: true },
      { line: 4, comment: true },
    ],
  );
});

test('in binary content there is no line', () => {
  const [secret] = scanner.blob(Buffer.from(`\0\0 ${madeToken()} \0`)).secrets;
  assert.notEqual(secret, undefined);
  assert.equal(secret !== undefined && 'line' in secret, false);
});

test('of a commit the offsets are of the whole object', () => {
  const commit = Buffer.from(`tree ${'0'.repeat(40)}\nauthor A <a@example.com> 1 +0000\n\n${madeToken()}\n`);
  const [secret] = scanner.object(commit);
  assert.equal(secret?.match.start, commit.indexOf('mk_'));
  assert.equal(secret?.line, 4);
});

test('a stream tells the same secrets as the whole', () => {
  const content = Buffer.from(`a ${madeToken(1)}\nb ${madeToken(2)}\n`);
  const stream = scanner.stream();
  stream.write(content.subarray(0, 7));
  stream.write(content.subarray(7));
  assert.deepEqual(
    stream.end().secrets.map((secret) => secret.fingerprint),
    scanner.blob(content).secrets.map((secret) => secret.fingerprint),
  );
});

test('a line is cut at 4 KiB, around the offset', () => {
  const data = Buffer.from(`one\r\n${'x'.repeat(10_000)}HERE${'y'.repeat(10_000)}\nlast`);
  assert.equal(lineAt(data, 1), 'one');
  const long = lineAt(data, data.indexOf('HERE'));
  assert.equal(long.length, 4096);
  assert.ok(long.includes('HERE'));
  assert.equal(lineAt(data, data.length), 'last');
  assert.equal(new LineCounter(data).lineOf(data.indexOf('last')), 3);
  assert.equal(hasAllowComment('x # gitleaks:allow'), true);
  assert.equal(hasAllowComment('x # allow'), false);
});

test('the spans that a reader must not see are merged where they touch', () => {
  const { matches } = new Scanner(madeRules).scan(Buffer.from(`${madeToken(1)} ${madeToken(2)}`));
  assert.deepEqual(maskedSpans([...matches, ...matches]), [
    { start: 0, end: 27 },
    { start: 28, end: 55 },
  ]);
});

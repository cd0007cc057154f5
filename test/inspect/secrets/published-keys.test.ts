import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { isPublished, publishedDigest } from '../../../src/inspect/secrets/rules/published-keys.ts';
import { root } from '../../support/root.ts';

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const pem = privateKey.export({ type: 'sec1', format: 'pem' }).toString();
const lines = pem.trim().split('\n');

// The pair that RFC 7616 and every test of HTTP have since, and which the tests of curl hold.
const known = Buffer.from(['iam', 'myself'].join(':')).toString('base64');

test('however a key is wrapped, indented and quoted, its digest is the same', () => {
  const wanted = publishedDigest(pem);
  assert.ok(wanted);
  const [begin = '', ...rest] = lines;
  for (const other of [
    lines.join('\r\n'),
    lines.join('\\n'),
    lines.join('\\r\\n'),
    lines
      .map((line) => `    ${line}`)
      .join('\n')
      .trim(),
    [begin, ...rest.map((line) => `# ${line}`)].join('\n'),
    lines
      .map((line) => `'${line}\\n'`)
      .join(' +\n  ')
      .slice(1, -1),
    [begin, rest.slice(0, -1).join(''), rest.at(-1)].join('\n'),
    Buffer.from(pem).toString('base64'),
  ])
    assert.equal(publishedDigest(other), wanted, other);
});

test('one character more or less is another key', () => {
  const body = 3 + pem.indexOf('\n');
  const changed = pem.slice(0, body) + (pem[body] === 'A' ? 'B' : 'A') + pem.slice(body + 1);
  assert.notEqual(publishedDigest(changed), publishedDigest(pem));
});

test('what is published is known with its padding and without', () => {
  assert.equal(isPublished(known), true);
  assert.equal(isPublished(known.replace(/=+$/, '')), true);
  assert.equal(isPublished(known.toLowerCase()), false);
});

test('nothing that is made here is published, and nothing short', () => {
  assert.equal(isPublished(pem), false);
  fc.assert(fc.property(fc.string({ maxLength: 200 }), (value) => !isPublished(value)));
  assert.equal(publishedDigest('short'), undefined);
});

test('the list holds digests alone, each once, and says whose they are', () => {
  const text = readFileSync(join(root, 'src/inspect/secrets/rules/published-keys.txt'), 'utf8');
  const rows = text.trimEnd().split('\n');
  const digests = rows.filter((row) => !row.startsWith('# '));
  assert.ok(digests.length > 1000);
  assert.equal(new Set(digests).size, digests.length);
  for (const digest of digests) assert.match(digest, /^[\w-]{22}$/);
  assert.ok(rows.filter((row) => row.startsWith('# ')).length > 20);
});

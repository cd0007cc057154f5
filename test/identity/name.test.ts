import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RefgateError } from '../../src/domain/error.ts';
import { checkUserName, normaliseGroups } from '../../src/identity/name.ts';
import { parseTtl } from '../../src/identity/ttl.ts';

const isUsage = (error: unknown) => error instanceof RefgateError && error.code === 'USAGE';

test('user names are short, lower case and plain', () => {
  for (const name of ['alice', 'copilot-web', '0', 'a.b_c-d', 'a'.repeat(64)])
    assert.equal(checkUserName(name), name);
  const bad = [
    '',
    'Alice',
    '-a',
    '.a',
    'a b',
    'a/b',
    'a\n',
    'ä',
    'а',
    'a'.repeat(65),
    '../a',
    'a:b',
    '\u202ea',
  ];
  for (const name of bad) assert.throws(() => checkUserName(name), isUsage, name);
});

test('a user cannot take the name of an actor that is not a user', () => {
  for (const name of ['operator', 'refgate']) assert.throws(() => checkUserName(name), isUsage);
});

test('groups are lower case, sorted, and each is there once', () => {
  assert.deepEqual(normaliseGroups(['Dev', ' ops ', 'dev', 'admins']), ['admins', 'dev', 'ops']);
  assert.deepEqual(normaliseGroups([]), []);
  for (const group of ['', 'a b', '-x', 'ä']) assert.throws(() => normaliseGroups([group]), isUsage);
});

test('a time to live is a number and a unit, from a minute to 366 days', () => {
  assert.equal(parseTtl('1m'), 60_000);
  assert.equal(parseTtl('30m'), 30 * 60_000);
  assert.equal(parseTtl('8h'), 8 * 3_600_000);
  assert.equal(parseTtl('7d'), 7 * 86_400_000);
  assert.equal(parseTtl('366d'), 366 * 86_400_000);
  const bad = [
    '',
    '8',
    'h',
    '0m',
    '-1h',
    '1.5h',
    '8 h',
    '8H',
    '1w',
    '30s',
    '367d',
    '9999999d',
    '1e3m',
    '0x8h',
    '8h\n',
  ];
  for (const text of bad) assert.throws(() => parseTtl(text), isUsage, text);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PushedWords } from '../../../src/mask/restore/pushed-words.ts';

const known = `REDACTED-github-pat-${'0123456789abcdef'}`;
const unknown = `REDACTED-github-pat-${'fedcba9876543210'}`;
const wordsOf = (...contents: readonly string[]) => {
  const words = new PushedWords((placeholder) => placeholder === known);
  for (const content of contents) words.add(Buffer.from(content, 'latin1'));
  return words.list(async () => true);
};

test('the digits of a placeholder of the view are no word of the client, and those of any other are', async () => {
  assert.deepEqual(await wordsOf(`a ${known} b\n${known}${known} deadbeef\n`), ['deadbeef']);
  assert.deepEqual(await wordsOf(`${unknown}\n`), ['fedcba9876543210']);
});

test('the time of a commit is no word of it', async () => {
  const text =
    'author A <a@example.com> 1700000000 +0000\ncommitter B <b@example.com> 1700000001 +0100\n\n1700000002\n';
  assert.deepEqual(await wordsOf(text), ['1700000002']);
});

test('nothing is told where one word is not shown to the client', async () => {
  const words = new PushedWords(() => false);
  words.add(Buffer.from('deadbeef cafebabe'));
  assert.equal(await words.list(async (word) => word === 'deadbeef'), undefined);
});

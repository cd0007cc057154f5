import assert from 'node:assert/strict';
import { test } from 'node:test';
import { oidWords, replaceOidWords } from '../../src/git/oid-words.ts';

const oid = 'abcdef0123'.repeat(4);

test('words that may be oids are found after a g, in any case, and written together', () => {
  const text = `v1-2-gabcdef0 ${oid.toUpperCase()}, x_1234567_y ${oid}${oid} 123456`;
  assert.deepEqual([...oidWords(text)], ['abcdef0', oid, '1234567', oid + oid]);
});

test('what is replaced is asked for in lower case, and what nobody gives stays as it was written', () => {
  const by = (word: string) => (word === 'abcdef0' ? '0123456' : undefined);
  assert.equal(replaceOidWords('gABCDEF0 and 1234567F', by), 'g0123456 and 1234567F');
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fold } from '../../src/policy/fold.ts';

test('names that look alike to a person fold to one name', () => {
  const zeroWidth = String.fromCodePoint(0x200b);
  const fullWidth = [...'main'].map((char) => String.fromCodePoint(char.charCodeAt(0) + 0xfee0)).join('');
  for (const name of ['Main', 'MAIN', `ma${zeroWidth}in`, fullWidth, 'main'])
    assert.equal(fold(name), 'main');
  assert.equal(fold('cafe\u0301'), fold('CAF\u00c9'));
  assert.equal(fold('stra\u00dfe'), fold('STRASSE'));
});

test('folding twice changes nothing', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (name) => {
      assert.equal(fold(fold(name)), fold(name));
    }),
    { numRuns: 2000 },
  );
});

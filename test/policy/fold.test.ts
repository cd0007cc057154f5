import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { foldRefName } from '../../src/git/ref-name.ts';
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

/** Characters in whose folding the two could differ: cases, compositions, widths, marks that are not seen. */
const tricky = fc.constantFrom(
  ...'aAzZ/iIıİsSßẞſκΚKσςΣΐΰŉǰﬁﬀǅÅÅéÉ',
  ...['e\u0301', '\u0345', '\u0307', '\u200b', '\u00ad', '\ufe0f', '\uff21', '\u{1f600}'],
);

test('names that collide for git collide for the policy too: it never sees two where git sees one', () => {
  const name = fc.oneof(
    fc.array(tricky, { maxLength: 8 }).map((parts) => parts.join('')),
    fc.string({ unit: 'binary' }),
  );
  fc.assert(
    fc.property(name, (text) => {
      assert.equal(fold(foldRefName(text)), fold(text));
      assert.equal(foldRefName(text).replaceAll('ς', 'σ').normalize('NFKC'), fold(text));
    }),
    { numRuns: 5000 },
  );
});

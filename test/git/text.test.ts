import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { cleanBytes, cleanLine } from '../../src/git/text.ts';

test('whatever the text, what comes out is one line without control, bidi or invisible characters', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.integer({ min: 1, max: 100 }),
      (text, max) => {
        const line = cleanLine(text, max);
        assert.ok(line.length <= max);
        assert.doesNotMatch(line, /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u);
      },
    ),
  );
});

test('line ends and tabs become a space, escapes become ?, letters stay', () => {
  assert.equal(cleanLine('one\r\ntwo\tthree\n', 100), 'one two three');
  assert.equal(
    cleanLine('\u001b[31mred \u202eevil \u009b zero\u200bwidth', 100),
    '?[31mred ?evil ? zero?width',
  );
  assert.equal(cleanLine('Grüße 你好 👍', 100), 'Grüße 你好 👍');
  assert.equal(cleanLine('abcdef', 4), 'abc…');
  assert.equal(cleanBytes(Buffer.from([0x61, 0xff]), 10), 'a\ufffd');
});

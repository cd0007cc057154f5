import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { peerText } from '../../src/web/parts/peer-text.ts';

test('what would be invisible or reorder the text is spelled out', () => {
  assert.equal(peerText('main\u202egnp.exe'), 'main<U+202E>gnp.exe');
  assert.equal(peerText('a\u0000b\u001b[2Jc\u007f'), 'a<U+0000>b<U+001B>[2Jc<U+007F>');
  assert.equal(peerText('x\u200by\u00adz\ufeff'), 'x<U+200B>y<U+00AD>z<U+FEFF>');
  assert.equal(peerText('tag\u{e0041}'), 'tag<U+E0041>');
  assert.equal(peerText('\ud800'), '<U+D800>');
});

test('a carriage return that ends no line is spelled out', () => {
  assert.equal(peerText('one\r\ntwo\rthree\tfour\n'), 'one\ntwo<U+000D>three\tfour\n');
});

test('text that hides nothing stays as it is', () => {
  for (const text of ['', 'Grüße, 世界 🎉', '<b>&amp;</b>', 'a\tb\nc']) assert.equal(peerText(text), text);
});

test('whatever the text, the result shows all of it, and doing it again changes nothing', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const shown = peerText(text);
      assert.doesNotMatch(shown, /(?![\t\n])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
      assert.equal(peerText(shown), shown);
    }),
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Automaton, type Keyword } from '../../../src/inspect/secrets/automaton.ts';

function hits(keywords: readonly Keyword[], data: Buffer, from = 0, to = data.length): string[] {
  const found: string[] = [];
  new Automaton(keywords).search(data, from, to, (keyword, at) => {
    found.push(`${keyword}@${at}`);
    return true;
  });
  return found.sort();
}

// What the automaton must agree with: each keyword looked for by itself.
function plainHits(keywords: readonly Keyword[], data: Buffer, from: number, to: number): string[] {
  const found: string[] = [];
  const text = data.toString('latin1');
  const lower = text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  keywords.forEach(({ text: keyword, ignoreCase }, index) => {
    const wanted = ignoreCase ? keyword.replace(/[A-Z]/g, (letter) => letter.toLowerCase()) : keyword;
    for (let at = from; at < to; at++) {
      if ((ignoreCase ? lower : text).startsWith(wanted, at)) found.push(`${index}@${at}`);
    }
  });
  return found.sort();
}

const word = fc.array(fc.constantFrom('a', 'b', 'A', 'B', '_', '\xe9'), { minLength: 1, maxLength: 5 });
const keyword = fc.record({ text: word.map((letters) => letters.join('')), ignoreCase: fc.boolean() });
const letters = fc.array(fc.constantFrom('a', 'b', 'A', 'B', '_', '\xe9', 'x'), { maxLength: 60 });

test('the automaton finds what a search for each keyword finds, within every range', () => {
  fc.assert(
    fc.property(
      fc.array(keyword, { maxLength: 8 }),
      letters.map((list) => Buffer.from(list.join(''), 'latin1')),
      fc.nat(60),
      fc.nat(60),
      (keywords, data, a, b) => {
        const from = Math.min(a, b, data.length);
        const to = Math.min(Math.max(a, b), data.length);
        assert.deepEqual(hits(keywords, data, from, to), plainHits(keywords, data, from, to));
      },
    ),
  );
});

test('a keyword may end behind the range in which it begins, and every byte may be part of one', () => {
  const exact = (text: string): Keyword => ({ text, ignoreCase: false });
  assert.deepEqual(hits([exact('abcdef')], Buffer.from('xabcdef'), 0, 2), ['0@1']);
  const all = Array.from({ length: 256 }, (_, byte) => exact(String.fromCharCode(byte)));
  assert.equal(hits(all, Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))).length, 256);
});

test('a search ends when it is told to, and empty keywords are never found', () => {
  let count = 0;
  new Automaton([
    { text: 'a', ignoreCase: true },
    { text: '', ignoreCase: true },
  ]).search(Buffer.from('aaaaaaa'), 0, 7, () => ++count < 3);
  assert.equal(count, 3);
});

test('lanes and blocks make no difference: keywords across their borders are found, each once', () => {
  const keywords = ['abcab', 'ab', 'cabc', 'b'].map((text) => ({ text, ignoreCase: false }));
  fc.assert(
    fc.property(fc.integer({ min: 1000, max: 40_000 }), fc.nat(999), fc.nat(6), (length, from, short) => {
      const data = Buffer.alloc(length, 'abcabxabcabcab'.slice(0, 14 - short));
      const to = length - (from % 7);
      assert.deepEqual(hits(keywords, data, from, to), plainHits(keywords, data, from, to));
    }),
    { numRuns: 25 },
  );
});

test('hits are told in the order of their ends, however long the data', () => {
  const data = Buffer.alloc(50_000, 'xabcabx ab');
  const ends: number[] = [];
  new Automaton([
    { text: 'abcab', ignoreCase: false },
    { text: 'ab', ignoreCase: false },
  ]).search(data, 0, data.length, (keyword, at) => ends.push(at + (keyword === 0 ? 5 : 2)) > 0);
  assert.deepEqual(
    ends,
    [...ends].sort((a, b) => a - b),
  );
});

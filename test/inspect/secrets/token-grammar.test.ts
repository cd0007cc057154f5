import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { parseToken, TokenError } from '../../../src/inspect/secrets/rules/token-grammar.ts';
import { compileToken, tokenMatcher } from '../../../src/inspect/secrets/rules/token-matcher.ts';
import { generate, seededRandom } from '../../../src/inspect/secrets/rules/token-sample.ts';

function find(grammar: string, text: string, boundary?: string): string | undefined {
  const token = compileToken(grammar, boundary);
  const matcher = tokenMatcher([token]);
  const data = Buffer.from(text, 'latin1');
  for (const keyword of token.keywords) {
    for (let at = text.indexOf(keyword); at !== -1; at = text.indexOf(keyword, at + 1)) {
      const span = matcher.find(data, 0, data.length, at, keyword);
      if (span !== undefined) return text.slice(span.start, span.end);
    }
  }
  return undefined;
}

test('the longest match is found, and a longer run than the token allows is none', () => {
  assert.equal(find('tok_{an:3..5}', 'a tok_abcde.'), 'tok_abcde');
  assert.equal(find('tok_{an:3..5}', 'tok_abcdef'), undefined);
  assert.equal(find('tok_{an:3}(-{digit:2})?', 'tok_abc-12'), 'tok_abc-12');
  assert.equal(find('tok_{an:3}(-{digit:2})?', 'tok_abc-1'), 'tok_abc');
  assert.equal(find('tok_{an:2..9}9{digit:2}', 'tok_aa99999'), 'tok_aa99999');
});

test('a keyword in the middle finds the token around it', () => {
  assert.equal(
    find('{an:14}.atlasv1.{b64u:5..7}', 'k=abcdefghijklmn.atlasv1.12345,'),
    'abcdefghijklmn.atlasv1.12345',
  );
  assert.equal(find('{an:4}MARK{an:4}', 'xabcdMARKefgh'), undefined);
});

test('an alternative is one keyword each', () => {
  assert.deepEqual(compileToken('xo(x|y)(b|p)-{digit:4}').keywords, ['xoxb-', 'xoxp-', 'xoyb-', 'xoyp-']);
  assert.equal(find('xo(x|y)(b|p)-{digit:4}', '"xoyp-1234"'), 'xoyp-1234');
});

for (const before of ['\\n', '\\t', '%3D', '%20', '\x1b[31m', '\\u003d', '\\x3d', '=', '_', '']) {
  test(`a token is found behind ${JSON.stringify(before)}`, () => {
    assert.equal(find('tok_{an:6}', `x ${before}tok_abc123 y`), 'tok_abc123');
  });
}

for (const after of [',', '&', ')', ']', '}', '.', '\\"', '\x1b', '\0', '<', '']) {
  test(`a token is found before ${JSON.stringify(after)}`, () => {
    assert.equal(find('tok_{an:6}', `=tok_abc123${after}`), 'tok_abc123');
  });
}

test('a boundary of the rule turns away what the first class would allow', () => {
  assert.equal(find('AKXX{b32:4}', 'aAKXXABCD'), 'AKXXABCD');
  assert.equal(find('AKXX{b32:4}', 'aAKXXABCD', 'b64'), undefined);
});

for (const grammar of [
  '',
  'a|b',
  'a)',
  '(a',
  '{an}',
  '{an:0}',
  '{an:5..3}',
  '{nope:3}',
  'a?',
  'é',
  '{[z-a]:3}',
  'a\\',
]) {
  test(`${JSON.stringify(grammar)} is not a token`, () =>
    assert.throws(() => parseToken(grammar), TokenError));
}

const sequence: fc.Arbitrary<string> = fc.letrec<{ sequence: string; node: string }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 2 },
    fc.constantFrom('a', 'ab', 'b', 'ba'),
    fc
      .tuple(fc.constantFrom('[a]', '[ab]', '[b]'), fc.nat(3), fc.nat(3))
      .map(([set, low, more]) => `{${set}:${low}..${low + more + (low === 0 ? 1 : 0)}}`),
    fc
      .tuple(fc.array(tie('sequence'), { minLength: 1, maxLength: 3 }), fc.boolean())
      .map(([options, optional]) => `(${options.join('|')})${optional ? '?' : ''}`),
  ),
  sequence: fc.array(tie('node'), { maxLength: 4 }).map((nodes) => nodes.join('')),
})).sequence;

const asExpression = (grammar: string): string =>
  grammar.replace(/\{(\[[ab]+\]):(\d+)\.\.(\d+)\}/g, '$1{$2,$3}').replaceAll('(', '(?:');

const letters = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 14 });

test('on either side of its keyword, a token matches as far as the same regular expression can', () => {
  fc.assert(
    fc.property(sequence, sequence, letters, letters, (left, right, before, after) => {
      const token = compileToken(`${left}KEYWORD${right}`, '[X]');
      if (token.keywords.length > 1 || token.keywords[0] !== 'KEYWORD') return;
      const data = Buffer.from(`${before}KEYWORD${after}`);
      const found = token.findAt(data, 0, data.length, before.length, 'KEYWORD');
      const wantedLeft = new RegExp(`^(?:${asExpression(left)})$`);
      const wantedRight = new RegExp(`^(?:${asExpression(right)})$`);
      const starts = Array.from({ length: before.length + 1 }, (_, i) => i);
      const ends = Array.from({ length: after.length + 1 }, (_, i) => after.length - i);
      const start = starts.find((i) => wantedLeft.test(before.slice(i)));
      const end = ends.find((i) => wantedRight.test(after.slice(0, i)));
      const matches = start !== undefined && end !== undefined;
      assert.deepEqual(found, matches ? { start, end: before.length + 7 + end } : undefined);
    }),
    { numRuns: 1500 },
  );
});

test('what is generated is found, whole', () => {
  const grammars = [
    'abc{an:3..9}(-{hex:2}|_{digit:4})?',
    '{an:5}.key.{b64u:3..40}',
    'q~(x|y)key{[A-Za-z0-9_.~-]:31..34}',
  ];
  for (const grammar of grammars) {
    const random = seededRandom(7);
    for (let i = 0; i < 50; i++) {
      const sample = generate(grammar, random);
      assert.equal(find(grammar, `"${sample}"`), sample);
    }
  }
});

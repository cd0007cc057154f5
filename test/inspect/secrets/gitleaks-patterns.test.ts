import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RE2JS } from 're2js';
import { neededLiterals } from '../../../src/inspect/secrets/gitleaks/literals.ts';
import { UserPattern } from '../../../src/inspect/secrets/gitleaks/pattern.ts';
import { PatternError } from '../../../src/inspect/secrets/gitleaks/re2-class.ts';
import { parseRe2 } from '../../../src/inspect/secrets/gitleaks/re2-syntax.ts';
import { translateRe2 } from '../../../src/inspect/secrets/gitleaks/re2-to-js.ts';
import { safeForV8 } from '../../../src/inspect/secrets/gitleaks/safety.ts';

/** Patterns of RE2's syntax over a small alphabet, so that they match often. */
const atom = fc.constantFrom(
  ...[
    'a',
    'b',
    'B',
    '1',
    '_',
    ' ',
    '\\n',
    '.',
    '\\d',
    '\\D',
    '\\w',
    '\\W',
    '\\s',
    '\\S',
    '\\b',
    '\\B',
    '^',
    '$',
  ],
  ...[
    '\\A',
    '\\z',
    '[ab]',
    '[^a]',
    '[[:digit:]_]',
    '[[:^alpha:]]',
    '[a-c1]',
    '[]a]',
    '[^]a]',
    '[a-]',
    '\\x61',
  ],
  ...['\\.', '\\pL', '\\p{Lu}', '\\PN', '\\Qa.b\\E', '\\141', '{', '}', ']', 'a{,2}', '[\\d\\-b]'],
);
const flags = fc.constantFrom('(?i)', '(?s)', '(?m)', '(?i-s)', '(?-i)');
const { pattern } = fc.letrec<{ pattern: string }>((tie) => ({
  pattern: fc.oneof(
    { maxDepth: 4 },
    { weight: 3, arbitrary: atom },
    {
      weight: 3,
      arbitrary: fc.array(tie('pattern'), { minLength: 1, maxLength: 4 }).map((all) => all.join('')),
    },
    { weight: 1, arbitrary: fc.tuple(tie('pattern'), tie('pattern')).map(([a, b]) => `(?:${a}|${b})`) },
    { weight: 1, arbitrary: tie('pattern').map((a) => `(${a})`) },
    { weight: 1, arbitrary: tie('pattern').map((a) => `(?P<name>${a})`.replace(/\?P<name>(?=.*\?P<)/, '')) },
    {
      weight: 2,
      arbitrary: fc
        .tuple(
          tie('pattern'),
          fc.constantFrom('*', '+', '?', '{2}', '{1,3}', '{2,}', '*?', '+?', '??', '{0,2}?'),
        )
        .map(([a, quantifier]) => `(?:${a})${quantifier}`),
    },
    { weight: 1, arbitrary: fc.tuple(flags, tie('pattern')).map(([flag, a]) => `${flag}${a}`) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.constantFrom('i', 's', 'm', '-i'), tie('pattern'))
        .map(([f, a]) => `(?${f}:${a})`),
    },
  ),
}));
const text = fc.array(fc.constantFrom(...'aAbBc1_ .\n-]{}'), { maxLength: 24 }).map((all) => all.join(''));

type Spans = readonly (readonly number[])[];

/** What RE2 itself makes of the pattern as it was written. */
function oracle(source: string, input: string): Spans | undefined {
  let matcher: ReturnType<RE2JS['matcher']>;
  try {
    matcher = RE2JS.compile(source).matcher(input);
  } catch {
    return undefined;
  }
  const spans: number[][] = [];
  for (let at = 0; at <= input.length && matcher.find(at); ) {
    const span: number[] = [];
    for (let group = 0; group <= matcher.groupCount(); group++)
      span.push(matcher.start(group), matcher.end(group));
    if (matcher.end() > matcher.start()) spans.push(span);
    at = Math.max(matcher.end(), matcher.start() + (matcher.end() > matcher.start() ? 0 : 1));
  }
  return spans;
}

function spansOf(source: string, input: string): Spans {
  return [...new UserPattern(source).all(input)].map(({ groups }) =>
    groups.flatMap((group) => (group ? [...group] : [-1, -1])),
  );
}

test('a pattern finds what RE2 finds, groups included, on whichever engine it runs', () => {
  let onV8 = 0;
  fc.assert(
    fc.property(pattern, text, (source, input) => {
      const expected = oracle(source, input);
      fc.pre(expected !== undefined);
      if (new UserPattern(source, 64).onV8) onV8++;
      const flat = [...new UserPattern(source, 64).all(input)].map(({ groups }) =>
        groups.flatMap((group) => (group ? [...group] : [-1, -1])),
      );
      assert.deepEqual(flat, expected, source);
    }),
    { numRuns: 2_000, seed: 7 },
  );
  assert.ok(onV8 > 300, `${onV8} patterns ran on V8`);
});

test('what RE2 refuses is refused, and what it takes is taken', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...'ab\\[](){}*+?|^$.-:dpQE1,2i<P>!='), { maxLength: 9 }),
      (chars) => {
        const source = chars.join('');
        const taken = oracle(source, '') !== undefined;
        let error: unknown;
        try {
          parseRe2(source);
        } catch (caught) {
          error = caught;
          assert.ok(caught instanceof PatternError, `${source}: ${caught}`);
        }
        assert.equal(error === undefined, taken, `${source}: ${error}`);
      },
    ),
    { numRuns: 5_000, seed: 11 },
  );
});

test('flags are written out, so that JavaScript needs none', () => {
  const { js } = translateRe2('(?i)ab(?-i:c)[d-](?s:.).$');
  assert.equal(js, '[Aa][Bb]c[\\x2dDd][\\x00-\\xff][\\x00-\\x09\\x0b-\\xff](?![\\s\\S])');
  assert.equal(translateRe2('(?m)^a$').js, '(?<![^\\n])a(?![^\\n])');
  assert.equal(translateRe2('(?P<x>a)(?<y>b)').js, '(a)(b)');
});

test('a character beyond ASCII is the bytes of its UTF-8', () => {
  const bytes = Buffer.from('naïve ключ=geheim').toString('latin1');
  assert.deepEqual(spansOf('ключ=(\\w+)', bytes), [[7, 22, 16, 22]]);
  assert.deepEqual(spansOf('ï+ve', bytes), [[2, 6]]);
  assert.equal(new UserPattern('[^\\x00-\\x7f]').test(bytes), true);
  assert.equal(new UserPattern('[[:^ascii:]]').test('plain'), false);
});

test('what is not there in RE2 is named in the complaint', () => {
  for (const [source, complaint] of [
    ['a(?=b)', /look-around such as \(\?=/],
    ['(a)\\1', /back-reference such as \\1/],
    ['(?U)a+', /flag U/],
    ['a{1001}', /more than 1000/],
    ['a**', /repeats a repetition/],
    ['[a', /has no \] to end it/],
    ['(a', /no \) after it/],
    ['a)', /no \( before it/],
    ['\\Z', /\\Z is not an escape/],
    ['[[:word:]][[:none:]]', /no class \[:none:\]/],
    ['\\p{Nonsense}', /no Unicode class named Nonsense/],
    ['(?:(?:a{500}){20}){2}', /too large|RE2 refuses/],
  ] as const)
    assert.throws(() => new UserPattern(source), complaint, source);
});

test('V8 runs only what it cannot be made to backtrack over', () => {
  const safe = (source: string): boolean => safeForV8(parseRe2(source).root, 300);
  for (const source of [
    'ghp_[0-9a-zA-Z]{36}',
    '\\b(?:AKIA|ASIA)[A-Z2-7]{16}\\b',
    'key=[a-z]+;',
    'a{0,20}b{0,20}c',
  ])
    assert.equal(safe(source), true, source);
  for (const source of [
    '(a+)+$',
    '(a|a)*b',
    '(?:a*)*b',
    '(?:a|aa)+$',
    'a*a*a*b',
    '(.*)(.*)(.*)x',
    '(?:x{0,30}){0,30}y',
  ])
    assert.equal(safe(source), false, source);
});

test('literals are those of which every match holds one, with the width before and after', () => {
  const needed = (source: string, ...words: string[]): unknown =>
    neededLiterals(parseRe2(source).root, words);
  assert.deepEqual(needed('[a-z]{0,5}(?i:API)_?Key=[0-9]{8}', 'api'), {
    literals: ['apikey=', 'api_key='],
    before: 5,
    after: 16,
  });
  assert.deepEqual(needed('(?:AKIA|ASIA)[A-Z]{16}'), { literals: ['akia', 'asia'], before: 0, after: 20 });
  assert.deepEqual(needed('x(?:foo[0-9]+|bar)y', 'foo'), {
    literals: ['foo', 'bar'],
    before: 1,
    after: Number.POSITIVE_INFINITY,
  });
  assert.equal(needed('[a-f0-9]{32}', 'key'), undefined);
  assert.equal(needed('(?:foo)?[a-f0-9]{32}'), undefined);
});

test('every match holds one of the literals that were said to be needed', () => {
  fc.assert(
    fc.property(pattern, text, (source, input) => {
      fc.pre(oracle(source, input) !== undefined);
      const found = neededLiterals(parseRe2(source).root, ['ab']);
      fc.pre(found !== undefined);
      for (const { start, end } of new UserPattern(source).all(input)) {
        const match = input.slice(start, end).toLowerCase();
        const at = found.literals.map((literal) => match.indexOf(literal)).filter((one) => one >= 0);
        assert.ok(
          at.some((one) => one <= found.before && match.length - one <= found.after),
          `${source} ${match}`,
        );
      }
    }),
    { numRuns: 2_000, seed: 5 },
  );
});

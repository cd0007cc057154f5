import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RefgateError } from '../../src/domain/error.ts';
import { parseCodeowners } from '../../src/policy/codeowners.ts';

function owners(text: string, path: string): readonly string[] | undefined {
  return parseCodeowners(text).ownersOf(path)?.owners;
}

/** The first column is a pattern; then paths that it matches, and that it does not. */
const patterns: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['*', ['a', 'a/b/c', '.github/x'], []],
  ['**', ['a', 'a/b'], []],
  ['*.js', ['a.js', 'x/y/a.js', 'x.js/inside'], ['a.jsx', 'js']],
  ['/build/logs/', ['build/logs/a', 'build/logs/b/c'], ['x/build/logs/a', 'build/logs']],
  ['docs/*', ['docs/a.md'], ['docs/build/a.md', 'x/docs/a.md', 'docs']],
  ['apps/', ['apps/a', 'x/apps/y/z'], ['apps']],
  ['/docs/', ['docs/a', 'docs/b/c'], ['x/docs/a']],
  ['/scripts', ['scripts', 'scripts/a', 'scripts/a/b'], ['x/scripts']],
  ['**/logs', ['logs', 'a/logs', 'logs/x', 'a/b/logs/c'], ['logs.txt', 'alogs']],
  ['/*', ['a'], ['a/b']],
  ['a/**/z', ['a/z', 'a/b/z', 'a/b/c/z', 'a/b/z/deep'], ['x/a/z', 'az']],
  ['a/**', ['a/b', 'a/b/c'], ['a', 'b/a/c']],
  ['READ?E.md', ['README.md', 'x/README.md'], ['READ/E.md']],
  ['/apps/github', ['apps/github', 'apps/github/x'], ['apps/githubs']],
  ['name\\ with\\ spaces/', ['name with spaces/a'], ['name/a']],
  ['a#b', ['a#b'], ['a']],
  ['Docs/', ['Docs/a'], ['docs/a']],
  ['/src/*/test', ['src/a/test', 'src/a/test/x'], ['src/a/b/test', 'src/test']],
];

for (const [pattern, matched, others] of patterns)
  test(`the pattern ${pattern} owns what GitHub says, and nothing else`, () => {
    const file = parseCodeowners(`${pattern} @ada\n`);
    assert.deepEqual(file.problems, []);
    for (const path of matched) assert.deepEqual(file.ownersOf(path)?.owners, ['@ada'], path);
    for (const path of others) assert.equal(file.ownersOf(path), undefined, path);
  });

test('the last line that matches decides, and one without owners takes them away', () => {
  const text =
    '* @all\r\n/apps/ @octo @org/team # both\n/apps/github\n\n  # a comment\n*.md ann@example.com\n';
  assert.deepEqual(owners(text, 'x'), ['@all']);
  assert.deepEqual(owners(text, 'apps/x'), ['@octo', '@org/team']);
  assert.deepEqual(owners(text, 'apps/github/x'), []);
  assert.deepEqual(owners(text, 'apps/github/x.md'), ['ann@example.com']);
  assert.deepEqual(parseCodeowners(text).ownersOf('apps/x'), {
    ...parseCodeowners(text).rules[1],
    pattern: '/apps/',
    line: 2,
  });
});

for (const [line, why] of [
  ['!src/ @ada', /begins with !/],
  ['\\#x @ada', /escaped #/],
  ['[Section] @ada', /begins a section/],
  ['^[Section][2] @ada', /begins a section/],
  ['a[0-9] @ada', /holds \[ or \]/],
  ['a @ada @', /names an owner that is no/],
  ['a @org/team/more', /names an owner that is no/],
  ['a ada', /names an owner that is no/],
  ['a @a\u202eda', /names an owner that is no/],
  ['a @ada#comment', /names an owner that is no/],
  ['a\\', /ends with a backslash/],
  ['a\u0007 @ada', /control character/],
  ['../a @ada', /matches no path/],
  ['/ @ada', /names no path/],
  ['a\\\\[b @ada', /holds \[ or \]/],
  ['a\ud800 @ada', /well-formed/],
  [`a${' @ada'.repeat(101)}`, /more than 100 owners/],
  ['a***b @ada', /holds \*\*\*/],
  [`${'x'.repeat(1100)} @ada`, /longer than/],
] as const)
  test(`the line ${JSON.stringify(line).slice(0, 40)} counts for nothing, and is told`, () => {
    const file = parseCodeowners(`* @first\n${line}\n`);
    assert.equal(file.rules.length, 1);
    assert.equal(file.problems.length, 1);
    assert.equal(file.problems[0]?.line, 2);
    assert.match(file.problems[0]?.text ?? '', why);
    assert.deepEqual(file.ownersOf('src/a')?.owners, ['@first']);
  });

/** What GitHub's documentation says, as one regular expression for each line, tried one after the other. */
function model(lines: readonly string[], path: string): number {
  let found = -1;
  for (const [at, written] of lines.entries()) {
    const pattern = written.endsWith('**/') ? written.slice(0, -1) : written;
    const inFolder = pattern.endsWith('/');
    const bare = inFolder ? pattern.slice(0, -1) : pattern;
    const parts = bare.replace(/^\//, '').split('/');
    if (!bare.includes('/') && bare !== '**') parts.unshift('**');
    let source = '';
    for (const [i, part] of parts.entries()) {
      const last = i === parts.length - 1;
      if (part === '**') source += last ? '.+' : '(?:[^/]+/)*';
      else {
        const piece = part.replaceAll('.', '\\.').replace(/\*+/g, '[^/]*').replaceAll('?', '[^/]');
        source += last ? piece : `${piece}/`;
      }
    }
    const stops = bare.includes('/') && parts.at(-1) === '*';
    const tail = inFolder ? '/.*' : stops || parts.at(-1) === '**' ? '' : '(?:/.*)?';
    if (new RegExp(`^${source}${tail}$`).test(path)) found = at;
  }
  return found;
}

const part = fc.constantFrom('a', 'b', 'src', 'x.js', '*', '**', '*.js', 'a*', '?', '*b*', 's?c', '.js');
const line = fc
  .tuple(fc.boolean(), fc.array(part, { minLength: 1, maxLength: 4 }), fc.boolean())
  .map(([rooted, parts, folder]) => `${rooted ? '/' : ''}${parts.join('/')}${folder ? '/' : ''}`);
const path = fc
  .array(fc.constantFrom('a', 'b', 'src', 'x.js', 'ab', 'c', '.js', 'y.js.b'), { minLength: 1, maxLength: 5 })
  .map((parts) => parts.join('/'));

test('whatever the lines and the path, the line that decides is the one of a model that tries them all', () => {
  fc.assert(
    fc.property(fc.array(line, { maxLength: 12 }), fc.array(path, { maxLength: 8 }), (lines, paths) => {
      const file = parseCodeowners(lines.map((pattern, at) => `${pattern} @u${at}`).join('\n'));
      for (const one of paths) {
        const wanted = model(lines, one);
        assert.equal((file.ownersOf(one)?.line ?? 0) - 1, wanted, `${one} in ${lines.join(' ')}`);
      }
    }),
    { numRuns: 2_000 },
  );
});

test('any text is read, and each line is a rule, a problem or nothing', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: 'binary', maxLength: 200 }),
        fc.string({ unit: fc.constantFrom(...'a*/\\[]! @#?\n'), maxLength: 60 }),
      ),
      fc.string(),
      (text, one) => {
        const file = parseCodeowners(text);
        assert.ok(file.rules.length + file.problems.length <= text.split('\n').length);
        file.ownersOf(one);
        for (const { pattern } of file.rules) file.ownersOf(pattern);
      },
    ),
    { numRuns: 2_000 },
  );
});

test('5,000 lines are asked about 20,000 paths with few tries each', () => {
  const lines = Array.from({ length: 5_000 }, (_, at) => `/services/s${at}/ @team/t${at % 50}`);
  const file = parseCodeowners(`* @all\n*.md @docs\n${lines.join('\n')}\n`, { work: 200_000 });
  for (let at = 0; at < 20_000; at++) {
    const rule = file.ownersOf(`services/s${at % 5_000}/src/file-${at}.ts`);
    assert.equal(rule?.line, (at % 5_000) + 3);
  }
});

test('a file of more lines than anybody writes is refused before it takes memory', () => {
  assert.throws(
    () => parseCodeowners('a @b\n'.repeat(500_000)),
    (error: unknown) => error instanceof RefgateError && error.code === 'LIMIT_EXCEEDED',
  );
  assert.equal(parseCodeowners('\n# x\n'.repeat(200_000)).rules.length, 0);
});

test('patterns that must all be tried end with a coded failure, and not with a long wait', () => {
  const lines = Array.from({ length: 5_000 }, (_, at) => `*a*b*${at}*c @ada`);
  const file = parseCodeowners(lines.join('\n'), { work: 1_000_000 });
  assert.throws(
    () => {
      for (let at = 0; at < 20_000; at++) file.ownersOf(`${'ab'.repeat(50)}/${at}`);
    },
    (error: unknown) => error instanceof RefgateError && error.code === 'LIMIT_EXCEEDED',
  );
});

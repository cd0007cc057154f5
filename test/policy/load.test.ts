import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RefgateError } from '../../src/domain/error.ts';
import { checkPolicy, loadPolicy } from '../../src/policy/load.ts';

const access = 'access: [{ who: { group: dev }, repo: "acme/*", may: [read] }]\n';

function problems(text: string): string[] {
  return checkPolicy(text).map((problem) => `${problem.line}:${problem.column}: ${problem.text}`);
}

test('an unknown key is told with its line and column, and what the keys are', () => {
  assert.deepEqual(problems(`${access}rule: []\n`), [
    '2:1: the key "rule" is unknown; the keys here are access, rules, tests',
  ]);
});

test('every problem is told at once, in the order of the file', () => {
  const text = `access:
  - { who: {}, repo: "acme", may: [read, fly] }
  - { who: { user: a }, repo: "acme/*", may: read, only: "refs/heads/x" }
rules:
  - name: one
    when: { ref: main, change: explode }
    then: maybe
  - name: one
    when: { ref: "refs/heads/[a" }
    then: deny
`;
  assert.deepEqual(
    problems(text).map((line) => line.replace(/: .*/, '')),
    ['2:12', '2:22', '2:42', '3:58', '6:18', '6:32', '7:11', '8:11', '9:18'],
  );
});

test('the error names the file on every line and is the operator’s to fix', () => {
  assert.throws(
    () => loadPolicy(`${access}rules: 7\nextra: 1\n`, 'conf/policy.yaml'),
    (error: unknown) => {
      assert.ok(error instanceof RefgateError);
      assert.equal(error.code, 'POLICY_INVALID');
      assert.equal(error.blame, 'operator');
      const lines = (error.detail ?? '').split('\n');
      assert.equal(lines.length, 2);
      assert.match(lines[0] ?? '', /^conf\/policy\.yaml:2:8: .*expected a list of rules/);
      assert.match(lines[1] ?? '', /^conf\/policy\.yaml:3:1: /);
      return true;
    },
  );
});

test('what later versions will know is refused and never ignored', () => {
  for (const key of ['path', 'secret', 'file', 'commit'])
    assert.match(
      problems(`${access}rules: [{ name: a, when: { ${key}: x }, then: deny }]`).join(),
      new RegExp(`"${key}" is not supported by this version`),
    );
  for (const then of ['ask', 'warn', '{ ask: { group: g } }'])
    assert.match(
      problems(`${access}rules: [{ name: a, when: {}, then: ${then} }]`).join(),
      /"(?:ask|warn)" is not supported by this version/,
    );
});

test('a missing key, a wrong type and a list that is empty are refused', () => {
  assert.match(problems('rules: []').join(), /"access": is missing/);
  assert.match(problems('access: [{ repo: a/b, may: read }]').join(), /"who": is missing/);
  assert.match(problems('access: [{ who: { user: 7 }, repo: a/b, may: read }]').join(), /expected a pattern/);
  assert.match(problems('access: [{ who: { user: [] }, repo: a/b, may: read }]').join(), /the list is empty/);
  assert.match(problems('').join(), /expected a map/);
  assert.match(problems(`${access}rules: [{ when: {}, then: deny }]`).join(), /"name": is missing/);
});

test('text that is not YAML, repeats a key or nests without end is refused in one piece', () => {
  assert.match(problems('access: [').join(), /^1:\d+: /);
  assert.match(problems(`${access}${access}`).join(), /^2:1: .*unique/);
  assert.match(problems('access: *x').join(), /alias/i);
  assert.match(problems('{not: '.repeat(100_000)).join(), /./);
  assert.match(problems(' '.repeat((1 << 20) + 1)).join(), /longer than/);
  const bomb = [
    'a: &a [x, x]',
    ...[...'bcdefghij'].map((n, i) => `${n}: &${n} [${`*${'abcdefghij'[i]},`.repeat(9)}]`),
  ];
  assert.match(problems(bomb.join('\n')).join(), /alias/i);
});

test('a say that is more than one line is refused', () => {
  const text = `${access}rules: [{ name: a, when: {}, then: deny, say: "x\\u001b[2Jy" }]`;
  assert.match(problems(text).join(), /expected one line of text/);
});

test('the version is a digest of the text', () => {
  const version = loadPolicy(access, 'a').version;
  assert.match(version, /^[0-9a-f]{12}$/);
  assert.equal(loadPolicy(access, 'b').version, version);
  assert.notEqual(loadPolicy(`${access}# x\n`, 'a').version, version);
});

test('any text gives a policy or POLICY_INVALID', () => {
  const piece = fc.constantFrom(
    'access',
    'rules',
    ': ',
    '- ',
    '{',
    '}',
    '[',
    ']',
    '\n',
    '  ',
    'who',
    '"',
    '&a',
    '*a',
    '!!x',
    '?',
    '|',
    '0',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(piece).map((parts) => parts.join('')),
      ),
      (text) => {
        try {
          loadPolicy(text, 'p');
        } catch (error) {
          assert.ok(error instanceof RefgateError && error.code === 'POLICY_INVALID');
          for (const line of (error.detail ?? '').split('\n')) assert.match(line, /^p:\d+:\d+: ./);
        }
      },
    ),
    { numRuns: 1000 },
  );
});

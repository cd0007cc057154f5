import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RefgateError } from '../../src/domain/error.ts';
import { checkPolicy, loadPolicy, policyWarnings } from '../../src/policy/load.ts';

const access = 'access: [{ who: { group: dev }, repo: "acme/*", may: [read] }]\n';

function problems(text: string): string[] {
  return checkPolicy(text).map((problem) => `${problem.line}:${problem.column}: ${problem.text}`);
}

test('an unknown key is told with its line and column, and what the keys are', () => {
  assert.deepEqual(problems(`${access}rule: []\n`), [
    '2:1: the key "rule" is unknown; did you mean "rules"? the keys here are mode, checks, secrets, access, rules, tests',
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

/** What is wrong with a rule whose condition, or whose `then`, is this. */
function ruleProblem(when: string, then = 'deny'): string {
  return problems(`${access}rules: [{ name: a, when: { ${when} }, then: ${then} }]`).join('\n');
}

test('a word that is misspelt is told with the nearest word that there is', () => {
  for (const [when, wanted] of [
    ['pth: x', /^2:28: the key "pth" is unknown; did you mean "path"\? the keys here are who, /],
    ['change: delte', /^2:36: "change": "delte" is unknown; did you mean "delete"\? expected one of /],
    ['change: [add, modfy]', /"modfy" is unknown; did you mean "modify"\?/],
    ['commit: { autor: x }', /the key "autor" is unknown; did you mean "author"\?/],
    ['secret: { confidence: hihg }', /"hihg" is unknown; did you mean "high"\?/],
    ['secret: anny', /"secret": "anny" is unknown; did you mean "any"\?/],
    ['secret: { famly: x }', /the key "famly" is unknown; did you mean "family"\?/],
    ['file: { mode: symlnk }', /did you mean "symlink"\?/],
    ['file: { type: exe }', /"exe" is no file type; did you mean "pe"\?/],
    ['change: force-push', /"force-push" is unknown; did you mean "non-fast-forward"\?/],
    ['file: { size: "> 5MB" }', /"> 5MB" is not a comparison; .* units are B, KiB, MiB and GiB/],
    ['path: **/*.exe', /what begins with "\*" is an alias of YAML unless it is in quotes/],
    ['path: *', /what begins with "\*" is an alias of YAML unless it is in quotes/],
    ['path: a, path: b', /the key is in this map already/],
    ['file: { type: txt }', /"txt" is no file type; did you mean "text"\?/],
    ['time: { zone: Europe/Berln }', /"Europe\/Berln" is no time zone.*; did you mean "Europe\/Berlin"\?/],
    ['time: { days: monday }', /"monday" is unknown; did you mean "mon"\?/],
    ['unknown: contents', /did you mean "content"\?/],
  ] as const)
    assert.match(ruleProblem(when), wanted, when);
  assert.match(ruleProblem('', 'dney'), /"then": "dney" is unknown; did you mean "deny"\?/);
  assert.match(
    ruleProblem('', '{ ask: { gruop: g } }'),
    /the key "gruop" is unknown; did you mean "group"\?/,
  );
  assert.match(ruleProblem('', '{ aks: { group: g } }'), /the key "aks" is unknown; did you mean "ask"\?/);
});

test('a key that belongs inside another is told where', () => {
  assert.match(ruleProblem('message: x'), /the key "message" is unknown; write it inside "commit"/);
  assert.match(ruleProblem('size: "> 1MiB"'), /the key "size" is unknown; write it inside "file"/);
  assert.match(ruleProblem('group: x'), /write it inside "who"/);
});

test('a value that means nothing is told with an example of one that does', () => {
  for (const [when, wanted] of [
    ['file: { size: 10MiB }', /"10MiB" is not a comparison; .* such as "> 10MiB"/],
    ['file: { size: 10 }', /"size": expected a comparison such as "> 10MiB", in quotes, not 10/],
    ['push: { commits: "> 10MiB" }', /such as "> 10"/],
    ['commit: { message: "(" }', /"\(" cannot be read as a regular expression of RE2/],
    ['commit: { message: "(?=x)" }', /look-ahead and look-behind are not in RE2/],
    ['commit: { authorIsPusher: "*@x" }', /does not name \{user\}/],
    ['network: 10.0.0.1/8', /"10.0.0.1\/8" is not a network/],
    ['time: { from: 8 }', /expected a time of day such as "08:30"/],
    ['time: { from: "25:00" }', /"25:00" is not a time of day/],
    ['path: ./x', /"\.\/x" matches no path; write "\/x"/],
    ['path: ["!x"]', /only takes paths out/],
    ['path: "["', /a \[ without its \]/],
    ['path: x, change: [create, delete]', /"create" is what happens to a ref/],
    ['change: [create, add]', /"create" is what happens to a ref/],
    ['secret: any, unknown: content', /never matches; put the two under "any"/],
    ['file: {}', /"file" is empty/],
  ] as const)
    assert.match(ruleProblem(when), wanted, when);
  assert.match(
    ruleProblem('', 'ask'),
    /"then": .*expected allow, deny, warn or \{ ask: \{ group: NAME \} \}/,
  );
  assert.match(ruleProblem('', '{ ask: {} }'), /names nobody to ask/);
  assert.match(ruleProblem('', '{ ask: { group: g, within: soon } }'), /"soon" is not a duration/);
});

test('a case that names a rule that is not there is told so', () => {
  const text = `${access}rules: [{ name: kept, when: {}, then: deny }]
tests: [{ name: t, user: a, repo: a/b, updates: [{ ref: refs/heads/x, change: create }], expect: deny, rule: kpet }]`;
  assert.match(problems(text).join(), /no rule is named "kpet"; did you mean "kept"\?/);
});

test('accepted secrets must name what they accept, and are warned of when their time has run out', () => {
  const text = (line: string) => `${access}secrets: { allow: [{ ${line} }] }`;
  assert.match(problems(text('reason: x')).join(), /accepts every secret/);
  assert.match(problems(text('rule: x')).join(), /"reason": is missing/);
  assert.match(problems(text('rule: x, reason: y, until: 2027-02-31')).join(), /expected a day such as/);
  const old = text('rule: x, reason: y, until: 2026-01-31');
  assert.deepEqual(problems(old), []);
  assert.deepEqual(
    policyWarnings(old, '2026-02-01T00:00:00Z').map(({ line, column, text }) => [line, column, text]),
    [[2, 49, 'the line has not counted since 2026-01-31; remove it, or set a later day']],
  );
  assert.deepEqual(policyWarnings(old, '2026-01-31T23:59:59Z'), []);
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
  assert.match(problems(`${access}${access}`).join(), /^2:1: the key is in this map already/);
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

test('braces that mean nothing are warned of', () => {
  const text = (path: string) => `${access}rules: [{ name: a, when: { path: "${path}" }, then: deny }]`;
  const warned = policyWarnings(text('*.{exe,dll}'), '2026-01-31T00:00:00Z');
  assert.match(warned.map((one) => one.text).join(), /write alternatives as a list/);
  assert.deepEqual(policyWarnings(text('people/{user}/**'), '2026-01-31T00:00:00Z'), []);
});

test('one fault of the grammar is told once, with what to do', () => {
  assert.deepEqual(problems(`${access}rules:\n  - name: a\n\tthen: deny\n   when: {}\n`).length, 1);
});

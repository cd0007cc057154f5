import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testPolicy } from '../../src/policy/cases.ts';
import { imaginePush } from '../../src/policy/imagine.ts';
import { loadPolicy } from '../../src/policy/load.ts';

const text = `
access:
  - { who: { group: dev }, repo: "acme/*", may: [read, write] }
rules:
  - { name: history-is-kept, when: { ref: refs/heads/main, change: [delete, non-fast-forward] }, then: deny }
tests:
  - name: a developer may add to main
    who: { user: ada, groups: [dev] }
    repo: acme/web
    updates: [{ ref: refs/heads/main, change: fast-forward }]
    expect: allow
  - name: nobody deletes main
    who: { user: ada, groups: [dev] }
    repo: acme/web
    updates: [{ ref: refs/heads/main, change: delete }]
    expect: deny
    rule: history-is-kept
  - { name: a stranger reads nothing, user: eve, repo: acme/web, may: read, expect: deny }
`;

test('cases beside the policy pass when the policy does what they expect', () => {
  const results = testPolicy(text, 'policy.yaml');
  assert.deepEqual(
    results.map((result) => result.passed),
    [true, true, true],
  );
});

test('a case that fails says what was expected and what came', () => {
  const beside = {
    fileName: 'cases.yaml',
    text: `tests:
  - { name: wrong effect, user: eve, repo: acme/web, may: read, expect: allow }
  - name: wrong rule
    who: { user: ada, groups: [dev] }
    repo: acme/web
    updates: [{ ref: refs/heads/main, change: delete }]
    expect: deny
    rule: another
`,
  };
  const failed = testPolicy(text, 'policy.yaml', beside).filter((result) => !result.passed);
  assert.deepEqual(
    failed.map((result) => result.detail),
    ['expected allow, got deny', 'expected deny by another, got deny by history-is-kept'],
  );
});

test('a case without an actor or an act is an error, not a pass', () => {
  const beside = { fileName: 'cases.yaml', text: 'tests: [{ name: empty, repo: a/b, expect: deny }]' };
  assert.throws(
    () => testPolicy(text, 'policy.yaml', beside),
    /cases\.yaml:1:9: give either "user" or "who"/,
  );
});

test('what is said about an update that nobody pushed names no commit', () => {
  const policy = loadPolicy(
    `access: [{ who: { group: dev }, repo: "acme/*", may: [read, write] }]
rules: [{ name: kept, when: { change: non-fast-forward }, then: deny, say: revert }]
`,
    'policy.yaml',
  );
  const ada = {
    user: 'ada',
    kind: 'person',
    groups: ['dev'],
    credential: { type: 'token', id: 'x' },
  } as const;
  const facts = imaginePush(
    ['refs/heads/main', 'refs/tags/v1'].map((ref) => ({ ref, change: 'non-fast-forward' })),
  );
  const { refs } = policy.explain(ada, 'acme/web', facts);
  assert.deepEqual(
    refs.map(({ verdict }) => verdict.reasons[0]?.text),
    [
      'kept: not a fast-forward, the old tip would be lost from refs/heads/main; revert',
      'kept: refs/tags/v1 must not be moved away from its old tip; revert',
    ],
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testPolicy } from '../../src/policy/cases.ts';
import { imaginePush } from '../../src/policy/imagine.ts';
import { checkPolicy, loadPolicy, policyWarnings } from '../../src/policy/load.ts';
import { principal } from './support.ts';

const access = 'access: [{ who: { group: dev }, repo: "acme/*", may: [read, write] }]\n';

function policyOf(ask: string, when = 'ref: refs/heads/main'): string {
  return `${access}rules: [{ name: a, when: { ${when} }, then: { ask: { ${ask} } } }]\n`;
}

/** What the verdict asks for, and the first reason. */
function askedBy(ask: string) {
  const push = imaginePush([{ ref: 'refs/heads/main', change: 'fast-forward' }]);
  const [verdict] = loadPolicy(policyOf(ask), 'p').judge(principal('ada'), 'acme/web', push).refs;
  assert.equal(verdict?.effect, 'ask');
  return { asks: verdict.asks, text: verdict.reasons[0]?.text ?? '' };
}

const minute = 60_000;

test('what an ask does not say has a default that keeps a client waiting for ten minutes at most', () => {
  const wanted = { rule: 'a', groups: ['g'], approvals: 1, denials: 1, onApprove: 'retry' };
  assert.deepEqual(askedBy('group: g').asks, [{ ...wanted, within: 30 * minute, wait: 10 * minute }]);
  assert.deepEqual(askedBy('group: g, within: 5m').asks, [
    { ...wanted, within: 5 * minute, wait: 5 * minute },
  ]);
  assert.deepEqual(askedBy('group: g, wait: 0s').asks, [{ ...wanted, within: 30 * minute, wait: 0 }]);
});

test('from: codeowners asks the owners, alone or beside groups', () => {
  const alone = askedBy('from: codeowners');
  assert.deepEqual([alone.asks?.[0]?.groups, alone.asks?.[0]?.codeowners], [[], true]);
  const beside = askedBy('group: g, from: [h, codeowners, g], breakGlass: boss, approvals: 2, within: 1h');
  assert.deepEqual(
    [beside.asks?.[0]?.groups, beside.asks?.[0]?.codeowners, beside.asks?.[0]?.breakGlass],
    [['g', 'h'], true, ['boss']],
  );
  assert.match(
    alone.text,
    /; it needs one approval of the owners of each changed file \(CODEOWNERS\) within 30 minutes$/,
  );
  assert.match(
    beside.text,
    /; it needs 2 approvals of g and of h and one approval of the owners of each changed file \(CODEOWNERS\) within 1 hour; boss may force it$/,
  );
});

/** Line and text of what is wrong; the column of the place. */
function problems(text: string): readonly string[] {
  return checkPolicy(text).map((one) => `${one.line}:${one.column}: ${one.text}`);
}

for (const [ask, when, why] of [
  [
    'group: codeowners',
    '',
    /2:\d+: .*"codeowners" stands for the owners of the changed files.*write from: codeowners/,
  ],
  ['group: g, breakGlass: codeowners', '', /"codeowners" stands for the owners/],
  ['group: g, wait: 2h, within: 1h', '', /"wait" is longer than "within", 1 hour/],
  ['group: g, wait: 31m', '', /"wait" is longer than "within", 30 minutes/],
  ['group: g, within: 0s', '', /lets nobody approve in time/],
  ['group: g, within: 15d', '', /is longer than 14 days/],
  ['from: codeowners, approvals: 2', '', /"approvals" is counted for groups/],
  ['from: codeowners', 'change: delete', /changes no file, so that nobody can be asked; name a group/],
  ['approvals: 1', '', /names nobody to ask; give group: NAME, or from: codeowners/],
  ['group: Core', '', /expected the name of a group/],
  ['group: g, breakGlas: h', '', /"breakGlas" is unknown; did you mean "breakGlass"\?/],
  ['group: g, breakGlass: []', '', /the list is empty/],
  ['group: g, onApprove: relays', '', /did you mean "relay"\?/],
] as const)
  test(`{ ${ask} } with { ${when} } is a problem, and told with its place`, () => {
    const found = problems(policyOf(ask, when));
    assert.equal(found.length, 1, found.join('\n'));
    assert.match(found[0] ?? '', why);
    assert.match(found[0] ?? '', /^2:\d+: /);
  });

for (const [ask, when] of [
  ['from: codeowners', 'path: src/, change: delete'],
  ['from: [codeowners, g], approvals: 2', 'change: delete'],
  ['group: g, wait: 1h, within: 1h', ''],
  ['group: g, within: 14d', ''],
] as const)
  test(`{ ${ask} } with { ${when} } is no problem`, () => {
    assert.deepEqual(problems(policyOf(ask, when)), []);
  });

test('asks that can often not be met, or be forced by who is asked, deserve a look', () => {
  const warned = (ask: string, when: string): string =>
    policyWarnings(policyOf(ask, when), '2026-01-01T00:00:00Z')
      .map(({ text }) => text)
      .join('\n');
  assert.match(
    warned('from: codeowners', 'ref: refs/heads/main'),
    /changes no file.* is refused; name a path/,
  );
  assert.match(warned('group: g, breakGlass: [h, g]', 'path: src/'), /one member of "g" may force alone/);
  for (const when of [
    'path: src/',
    'file: { size: "> 1MiB" }',
    'change: add',
    'any: [{ path: a }, { path: b }]',
  ])
    assert.equal(warned('from: codeowners', when), '', when);
  assert.equal(warned('from: [codeowners, g]', 'ref: refs/heads/main'), '');
  assert.match(warned('from: codeowners', 'any: [{ path: a }, { change: create }]'), /changes no file/);
});

test('a case says who is asked, and fails when others are', () => {
  const one = (asks: string): string =>
    `${policyOf('group: [g, h], from: codeowners')}tests: [{ name: t, who: { user: a, groups: [dev] }, repo: acme/web, updates: [{ ref: refs/heads/main, change: update }], expect: ask, asks: { ${asks} } }]`;
  const run = (asks: string) => testPolicy(one(asks), 'p')[0];
  assert.equal(run('groups: [h, g], codeowners: true')?.passed, true);
  assert.equal(run('')?.passed, true);
  assert.deepEqual(run('groups: [g]')?.diff.slice(0, 2), ['- asks groups: g', '+ asks groups: g, h']);
  assert.deepEqual(run('codeowners: false')?.diff.slice(0, 2), [
    '- asks codeowners: false',
    '+ asks codeowners: true',
  ]);
  const wrong = `${one('groups: [g]').replace('expect: ask', 'expect: deny')}`;
  assert.match(problems(wrong).join(), /"asks" is compared where somebody is asked/);
});

test('reason: required is the same as true, and not a pattern', () => {
  assert.equal(askedBy('group: g, reason: required').asks?.[0]?.reason, true);
  assert.equal(askedBy('group: g, reason: "[A-Z]+-[0-9]+"').asks?.[0]?.reason, '[A-Z]+-[0-9]+');
});

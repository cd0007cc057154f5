import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PlaceholderUse } from '../../src/domain/mask.ts';
import { checkPolicy, loadPolicy } from '../../src/policy/load.ts';
import { principal, pushFacts, refFacts } from './support.ts';

const grant = 'access: [{ who: { user: "**" }, repo: "**", may: [read, write] }]\n';
const bot = principal('bot', { kind: 'service' });
const commit = 'abcdef0123'.padEnd(40, '4');
const moved: PlaceholderUse = { how: 'new-line', rule: 'github-pat', path: 'src/a.ts', line: 7, commit };

function judge(checks: string, placeholders: readonly PlaceholderUse[]) {
  const refs = [refFacts('refs/heads/x', 'create'), refFacts('refs/heads/y', 'fast-forward')];
  const facts = { ...pushFacts(refs), placeholders };
  return loadPolicy(grant + checks, 'p').judge(bot, 'acme/web', facts).refs;
}

test('a placeholder that was moved is refused for every ref of the push, with path, line and what to do', () => {
  const refs = judge('', [moved]);
  assert.deepEqual(
    refs.map(({ effect }) => effect),
    ['deny', 'deny'],
  );
  assert.deepEqual(refs[0]?.reasons, [
    {
      rule: 'PLACEHOLDER_MOVED',
      code: 'PLACEHOLDER_MOVED',
      text: 'src/a.ts:7: the placeholder of github-pat stands on a line that the file did not have, in commit abcdef0123; put the line back as it was, or leave the placeholder out, then amend that commit and push again',
    },
  ]);
});

test('a push without moved placeholders is not spoken of, whatever the check says', () => {
  for (const check of ['deny', 'warn', 'allow', '{ ask: { group: review } }'])
    for (const ref of judge(`checks: { placeholders: ${check} }\n`, []))
      assert.deepEqual(ref, { ref: ref.ref, effect: 'allow', reasons: [] });
});

test('`warn` lets the push go on and says it; `allow` says nothing', () => {
  const [warned] = judge('checks: { placeholders: warn }\n', [moved]);
  assert.equal(warned?.effect, 'allow');
  assert.equal(warned?.warnings?.[0]?.code, 'PLACEHOLDER_MOVED');
  const [allowed] = judge('checks: { placeholders: allow }\n', [moved]);
  assert.deepEqual(allowed, { ref: 'refs/heads/x', effect: 'allow', reasons: [] });
});

test('`ask` asks people with its own terms, as a rule of that name would', () => {
  const [ref] = judge(
    'checks: { placeholders: { ask: { group: review, approvals: 2, within: 2h, breakGlass: leads } } }\n',
    [moved],
  );
  assert.equal(ref?.effect, 'ask');
  const [ask] = ref?.asks ?? [];
  assert.equal(ask?.rule, 'PLACEHOLDER_MOVED');
  assert.deepEqual([ask?.groups, ask?.approvals, ask?.within], [['review'], 2, 7_200_000]);
  assert.match(
    ref?.reasons[0]?.text ?? '',
    /; it needs 2 approvals of review within 2 hours; leads may force it$/,
  );
});

test('what else is denied stays denied, although people could be asked about placeholders', () => {
  const rules =
    'checks: { placeholders: { ask: { group: review } } }\nrules: [{ name: no, when: {}, then: deny }]\n';
  const [ref] = judge(rules, [moved]);
  assert.equal(ref?.effect, 'deny');
  assert.equal(ref?.asks, undefined);
});

test('each way to move one is told in words, and of many the first five', () => {
  const ways = (['new-line', 'new-file', 'sensitive-path', 'symlink'] as const).map((how) => ({
    ...moved,
    how,
  }));
  const texts = judge('', ways)[0]?.reasons.map(({ text }) => text) ?? [];
  assert.equal(new Set(texts).size, 4);
  const many = Array.from({ length: 12 }, (_, at) => ({ ...moved, line: at + 1 }));
  const told = judge('', many)[0]?.reasons ?? [];
  assert.equal(told.length, 5);
  assert.match(told.at(-1)?.text ?? '', / and 7 more; /);
});

test('a path cannot act on the terminal of who reads the reason', () => {
  const [reason] = judge('', [{ ...moved, path: 'a\u001b[2J\nb' }])[0]?.reasons ?? [];
  assert.match(reason?.text ?? '', /^a\\u\{1b\}\[2J\\u\{a\}b:7: /);
});

test('the terms of the ask are checked like those of a rule', () => {
  const told = (checks: string) =>
    checkPolicy(`${grant}checks: { placeholders: ${checks} }\n`).map(({ text }) => text);
  assert.match(told('{ ask: {} }').join(), /names nobody to ask/);
  assert.match(told('{ ask: { group: a, within: 30d } }').join(), /"within" is longer than 14 days/);
  assert.match(told('{ ask: { group: codeowners } }').join(), /write from: codeowners/);
  assert.match(told('alow').join(), /"alow".*did you mean "allow"|expected deny, warn, allow/);
  assert.match(told('{ aks: { group: a } }').join(), /the key "aks" is unknown/);
});

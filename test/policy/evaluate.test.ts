import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { RefFacts } from '../../src/domain/session.ts';
import { loadPolicy } from '../../src/policy/load.ts';
import { principal, pushFacts, refFacts } from './support.ts';

const text = `
access:
  - { who: { group: dev }, repo: "acme/*", may: [read, write], pushOptions: "ci.*" }
  - { who: { kind: service, name: "copilot-*" }, repo: acme/web, may: [read, write], only: "refs/heads/copilot/**" }
  - { who: { user: scribe }, repo: acme/web, may: write, alsoRefs: ["refs/notes/**", refs/pull/7/head] }
  - { who: { group: guest }, repo: acme/web, may: read }
rules:
  - name: history-is-kept
    when: { ref: ["refs/heads/main", "refs/heads/release/**"], change: [delete, non-fast-forward] }
    then: deny
    say: "open a pull request, or revert"
  - name: no-robots-on-main
    when: { ref: refs/heads/main, who: { kind: service } }
    then: deny
  - name: tags-are-by-the-release-team
    when: { ref: "refs/tags/**", not: { who: { group: release } } }
    then: deny
  - name: sandboxes-are-free
    when: { ref: "refs/heads/sandbox/**" }
    then: allow
`;
const policy = loadPolicy(text, 'policy.yaml');
const dev = principal('ada');
const robot = principal('copilot-1', { kind: 'service', groups: [] });

function reasons(who = dev, repo = 'acme/web', refs: RefFacts[] = [], options: string[] = []) {
  const verdict = policy.judge(who, repo, pushFacts(refs, options));
  assert.equal(verdict.policyVersion, policy.version);
  for (const ref of verdict.refs) assert.equal(ref.effect, ref.reasons.length === 0 ? 'allow' : 'deny');
  return verdict.refs.map((ref) => ref.reasons.map((reason) => reason.rule));
}

test('nothing is readable or writable that no access line grants', () => {
  assert.equal(policy.may(dev, 'acme/web', 'read'), true);
  assert.equal(policy.may(dev, 'other/web', 'read'), false);
  assert.equal(policy.may(dev, 'acme/web/deep', 'read'), false);
  assert.equal(policy.may(principal('eve', { groups: [] }), 'acme/web', 'read'), false);
  assert.equal(policy.may(principal('gil', { groups: ['guest'] }), 'acme/web', 'read'), true);
  assert.equal(policy.may(principal('gil', { groups: ['guest'] }), 'acme/web', 'write'), false);
  const eve = principal('eve', { groups: [] });
  assert.deepEqual(reasons(eve, 'acme/web', [refFacts('refs/heads/x', 'create')]), [['ACCESS_DENIED']]);
});

test('all keys of who must match', () => {
  assert.equal(policy.may(robot, 'acme/web', 'write'), true);
  assert.equal(policy.may(principal('copilot-1', { groups: [] }), 'acme/web', 'write'), false);
  assert.equal(policy.may(principal('robot', { kind: 'service', groups: [] }), 'acme/web', 'write'), false);
});

test('only narrows writing to the refs that it names, as they are written', () => {
  const refs = ['refs/heads/copilot/a', 'refs/heads/copilot/a/b', 'refs/heads/x', 'refs/heads/Copilot/a'];
  const facts = refs.map((ref) => refFacts(ref, 'create'));
  assert.deepEqual(reasons(robot, 'acme/web', facts), [[], [], ['ACCESS_DENIED'], ['ACCESS_DENIED']]);
});

test('history of protected refs is kept, and what is not known to be a fast-forward is not one', () => {
  const main = 'refs/heads/main';
  assert.deepEqual(reasons(dev, 'acme/web', [refFacts(main, 'fast-forward')]), [[]]);
  for (const change of ['delete', 'non-fast-forward', 'update'] as const)
    assert.deepEqual(reasons(dev, 'acme/web', [refFacts(main, change)]), [['history-is-kept']]);
  assert.deepEqual(reasons(dev, 'acme/web', [refFacts('refs/heads/release/1/x', 'delete')]), [
    ['history-is-kept'],
  ]);
  assert.deepEqual(reasons(dev, 'acme/web', [refFacts('refs/heads/topic', 'non-fast-forward')]), [[]]);
});

test('an update whose ancestry was never established is refused like a non-fast-forward', () => {
  const { fastForward: _left, ...facts } = refFacts('refs/heads/main', 'update');
  assert.deepEqual(reasons(dev, 'acme/web', [facts]), [['history-is-kept']]);
});

test('every reason is given at once', () => {
  const found = reasons(robot, 'acme/web', [refFacts('refs/heads/main', 'delete')], ['x=y']);
  assert.deepEqual(found, [['ACCESS_DENIED', 'PUSH_OPTION_DENIED', 'history-is-kept', 'no-robots-on-main']]);
});

test('a reason is one line that says what would happen, and ends with what to do', () => {
  const told = (
    ref: string,
    change: Parameters<typeof refFacts>[1],
    fastForward?: 'unknown',
  ): string | undefined => {
    const facts = { ...refFacts(ref, change), ...(fastForward === undefined ? {} : { fastForward }) };
    return policy.judge(dev, 'acme/web', pushFacts([facts])).refs[0]?.reasons[0]?.text;
  };
  const main = 'refs/heads/main';
  const old = refFacts(main, 'update').oldOid.slice(0, 10);
  const say = 'open a pull request, or revert';
  assert.equal(told(main, 'delete'), `history-is-kept: ${main} must not be deleted; ${say}`);
  assert.equal(
    told(main, 'non-fast-forward'),
    `history-is-kept: not a fast-forward, commit ${old} would be lost from ${main}; ${say}`,
  );
  assert.equal(
    told(main, 'non-fast-forward', 'unknown'),
    `history-is-kept: not known to be a fast-forward, commit ${old} might be lost from ${main}; ${say}`,
  );
});

test('a name that only looks different does not slip past a rule that denies', () => {
  for (const ref of ['refs/heads/Main', 'refs/heads/MAIN', 'refs/heads/ma\u200bin', 'refs/heads/RELEASE/1'])
    assert.deepEqual(reasons(dev, 'acme/web', [refFacts(ref, 'delete')]), [['history-is-kept']], ref);
});

test('what a deny rule excludes with not is excluded only by its exact name', () => {
  const narrow = loadPolicy(
    `
access: [{ who: { user: "**" }, repo: "**", may: write }]
rules: [{ name: only-main, when: { not: { ref: refs/heads/main } }, then: deny }]`,
    'p',
  );
  const judged = ['refs/heads/main', 'refs/heads/Main', 'refs/heads/x'].map(
    (ref) => narrow.judge(dev, 'a/b', pushFacts([refFacts(ref, 'create')])).refs[0]?.effect,
  );
  assert.deepEqual(judged, ['allow', 'deny', 'deny']);
});

test('not and groups exclude who is meant', () => {
  const release = principal('rel', { groups: ['dev', 'release'] });
  const facts = [refFacts('refs/tags/v1', 'create')];
  assert.deepEqual(reasons(release, 'acme/web', facts), [[]]);
  assert.deepEqual(reasons(dev, 'acme/web', facts), [['tags-are-by-the-release-team']]);
});

test('only branches and tags may be updated unless alsoRefs widens it', () => {
  const scribe = principal('scribe', { groups: [] });
  for (const ref of ['refs/notes/x', 'refs/stash', 'refs/Heads/x', 'refs/heads/', 'HEAD', 'refs/for/main'])
    assert.deepEqual(reasons(dev, 'acme/web', [refFacts(ref, 'create')]), [['REF_NAMESPACE']], ref);
  assert.deepEqual(reasons(scribe, 'acme/web', [refFacts('refs/notes/x', 'create')]), [[]]);
});

test('no wildcard opens the namespaces of the host, and the exact name does', () => {
  const wide = loadPolicy(
    'access: [{ who: { user: "**" }, repo: "**", may: write, alsoRefs: ["refs/**", refs/pull/7/head] }]',
    'p',
  );
  const judge = (ref: string) => wide.judge(dev, 'a/b', pushFacts([refFacts(ref, 'create')])).refs[0]?.effect;
  for (const ref of [
    `refs/replace/${'a'.repeat(40)}`,
    'refs/Replace/x',
    'refs/pull/1/head',
    'refs/merge-requests/1',
  ])
    assert.equal(judge(ref), 'deny', ref);
  assert.equal(judge('refs/pull/7/head'), 'allow');
  assert.equal(judge('refs/for/main'), 'allow');
});

test('a push option that no line allows refuses every ref of the push', () => {
  const facts = [refFacts('refs/heads/a', 'create'), refFacts('refs/heads/b', 'create')];
  assert.deepEqual(reasons(dev, 'acme/web', facts, ['ci.skip']), [[], []]);
  assert.deepEqual(reasons(dev, 'acme/web', facts, ['ci.skip', 'mr.create']), [
    ['PUSH_OPTION_DENIED'],
    ['PUSH_OPTION_DENIED'],
  ]);
  assert.equal(policy.mayPushOptions(dev, 'acme/web'), true);
  assert.equal(policy.mayPushOptions(robot, 'acme/web'), false);
});

test('a rule that throws denies, names itself, and lets the others speak', () => {
  const faults: unknown[] = [];
  const log = { debug() {}, info() {}, warn() {}, error: (fields: object) => void faults.push(fields) };
  const logged = loadPolicy(text, 'policy.yaml', { log });
  const broken = { ...refFacts('refs/heads/main', 'delete') };
  let reads = 0;
  Object.defineProperty(broken, 'kind', {
    get() {
      reads++;
      if (reads === 1) throw new Error('broken');
      return 'delete';
    },
  });
  const { refs } = logged.judge(robot, 'acme/web', pushFacts([broken]));
  assert.deepEqual(refs[0]?.reasons.map((reason) => reason.rule).slice(1), [
    'history-is-kept',
    'no-robots-on-main',
  ]);
  assert.equal(refs[0]?.effect, 'deny');
  assert.equal(faults.length, 1);
});

const names = ['refs/heads/main', 'refs/heads/Main', 'refs/heads/a', 'refs/heads/a/b', 'refs/tags/v1'];
const arbitraryRule = fc.record({
  ref: fc.constantFrom(...names, 'refs/heads/**', 'refs/heads/*', '**'),
  change: fc.constantFrom('create', 'delete', 'update', 'fast-forward', 'non-fast-forward'),
  effect: fc.constantFrom('allow', 'deny'),
  negated: fc.boolean(),
});
const arbitraryFacts = fc
  .record({
    ref: fc.constantFrom(...names),
    change: fc.constantFrom('create', 'delete', 'update', 'fast-forward', 'non-fast-forward'),
  })
  .map(({ ref, change }) => refFacts(ref, change));

type RuleShape = { ref: string; change: string; effect: string; negated: boolean };

function effects(rules: readonly RuleShape[], facts: readonly RefFacts[]) {
  const lines = rules.map(({ ref, change, effect, negated }, index) => {
    const condition = { ref, change };
    const when = negated ? { not: condition } : condition;
    return [
      ['name', `rule-${index}`],
      ['when', when],
      ['then', effect],
    ];
  });
  const access = [{ who: { user: '**' }, repo: '**', may: 'write' }];
  const judged = loadPolicy(
    JSON.stringify({ access, rules: lines.map((line) => Object.fromEntries(line)) }),
    'p',
  ).judge(dev, 'a/b', pushFacts(facts));
  return judged.refs.map((ref) => ref.effect);
}

test('deny beats allow in whatever order the rules stand', () => {
  fc.assert(
    fc.property(
      fc.array(arbitraryRule, { maxLength: 6 }),
      fc.array(arbitraryFacts, { maxLength: 4 }),
      (rules, facts) => {
        assert.deepEqual(effects(rules, facts), effects([...rules].reverse(), facts));
        const denying = rules.filter((rule) => rule.effect === 'deny');
        assert.deepEqual(effects(rules, facts), effects(denying, facts));
      },
    ),
  );
});

test('a rule more that denies never allows more', () => {
  fc.assert(
    fc.property(
      fc.array(arbitraryRule, { maxLength: 5 }),
      arbitraryRule,
      fc.array(arbitraryFacts, { maxLength: 4 }),
      (rules, more, facts) => {
        const before = effects(rules, facts);
        const after = effects([...rules, { ...more, effect: 'deny' }], facts);
        after.forEach((effect, index) => {
          if (effect === 'allow') assert.equal(before[index], 'allow');
        });
      },
    ),
  );
});

test('explain tells every line and rule, and agrees with the verdict', () => {
  const facts = pushFacts([refFacts('refs/heads/main', 'delete')]);
  const { refs } = policy.explain(robot, 'acme/web', facts);
  assert.deepEqual(refs[0]?.verdict, policy.judge(robot, 'acme/web', facts).refs[0]);
  assert.deepEqual(
    refs[0]?.rules.map(({ rule, matched }) => [rule, matched]),
    [
      ['history-is-kept', true],
      ['no-robots-on-main', true],
      ['tags-are-by-the-release-team', false],
      ['sandboxes-are-free', false],
    ],
  );
  assert.equal(refs[0]?.access.length, 4);
  assert.equal(
    refs[0]?.access[1]?.checks.find((check) => check.key === 'only')?.why,
    'refs/heads/main does not match refs/heads/copilot/**',
  );
});

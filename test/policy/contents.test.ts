import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { CommitFacts, Finding, PathChange, RefContents, UnknownFact } from '../../src/domain/facts.ts';
import type { PushFacts } from '../../src/domain/session.ts';
import { loadPolicy } from '../../src/policy/load.ts';
import { principal, refFacts } from './support.ts';

const ada = principal('ada');
const tip = '2'.repeat(40);
const older = '3'.repeat(40);

function commit(oid: string, over: Partial<CommitFacts> = {}): CommitFacts {
  const author = { name: 'Ada', email: 'ada@example.com', time: 0 };
  const base = {
    parents: ['4'.repeat(40)],
    message: 'change\n',
    messageCut: false,
    signature: 'none',
  } as const;
  return { oid, author, committer: author, ...base, ...over };
}

function change(path: string, over: Partial<PathChange> = {}): PathChange {
  return { source: 'new', kind: 'add', commit: tip, path, mode: 'file', size: 10, type: 'text', ...over };
}

function finding(over: Partial<Finding> = {}): Finding {
  const base = {
    rule: 'github-pat',
    family: 'github',
    tier: 'A',
    confidence: 'high',
    place: 'file',
  } as const;
  return {
    ...base,
    commit: tip,
    path: 'src/a.ts',
    line: 3,
    sample: 'gh**',
    fingerprint: 'f',
    state: 'new',
    ...over,
  };
}

interface Brought {
  readonly commits?: readonly CommitFacts[];
  readonly changes?: readonly PathChange[];
  readonly findings?: readonly Finding[];
  readonly unknowns?: readonly UnknownFact[];
}

function brought({
  commits = [commit(tip)],
  changes = [],
  findings = [],
  unknowns = [],
}: Brought): RefContents {
  const counts = { commits: commits.length, changes: changes.length };
  return { commits, changes, findings, unknowns, counts };
}

function push(contents: Brought, over: Partial<PushFacts> = {}): PushFacts {
  const refs = [refFacts('refs/heads/topic', 'create')];
  return { refs, pushOptions: [], objects: 1, bytes: 1, contents: [brought(contents)], ...over };
}

function policyOf(rules: string, more = '') {
  return loadPolicy(
    `access: [{ who: { user: "**" }, repo: "**", may: write }]\n${more}\nrules:\n${rules}\n`,
    'p',
  );
}

/** The verdict on a push of one ref, under one rule that denies when this holds. */
function judge(when: string, facts: PushFacts, then = 'deny') {
  const [verdict] = policyOf(`  - { name: r, when: { ${when} }, then: ${then} }`).judge(
    ada,
    'a/b',
    facts,
  ).refs;
  assert.ok(verdict);
  return verdict;
}

const texts = (when: string, facts: PushFacts) => judge(when, facts).reasons.map((reason) => reason.text);
const effect = (when: string, facts: PushFacts) => judge(when, facts).effect;

test('a reason names the file, its commit, and the way out of it', () => {
  const changes = [change('tools/x.exe', { size: 12 * 2 ** 20 }), change('y.exe', { commit: older })];
  assert.deepEqual(texts('path: "*.exe"', push({ changes })), [
    'r: tools/x.exe (12 MiB) in commit 2222222222\n  take it out, then\n    git commit -a --amend --no-edit',
    `r: y.exe in commit 3333333333
  to change 3333333333, mark it "edit" in
    git rebase -i 3333333333~
  take it out, then
    git commit -a --amend --no-edit && git rebase --continue`,
  ]);
});

const revoke = 'if it is real, revoke it where it was issued';

test('a reason of a secret names rule, sample, place and commit, how to remove it, and to revoke it', () => {
  const findings = [
    finding(),
    finding({ commit: older, decoded: ['base64', 'gzip'] }),
    finding({ place: 'commit-message', line: 1 }),
  ];
  assert.deepEqual(texts('secret: any', push({ findings })), [
    `r: github-pat gh** in src/a.ts:3 of commit 2222222222
  take it out, then
    git commit -a --amend --no-edit
  ${revoke}`,
    `r: github-pat gh** in src/a.ts:3 of commit 3333333333, wrapped in base64 in gzip
  to change 3333333333, mark it "edit" in
    git rebase -i 3333333333~
  take it out, then
    git commit -a --amend --no-edit && git rebase --continue
  ${revoke}`,
    `r: github-pat gh** in the message of commit 2222222222
  take it out of the message: git commit --amend
  ${revoke}`,
  ]);
});

test('the way out of a first commit begins at the root, and that of a merge keeps the merges', () => {
  const findings = [finding({ commit: older })];
  const way = (parents: string[], over = {}) =>
    texts('secret: any', push({ findings, commits: [commit(older, { parents }), commit(tip, over)] }))[0]
      ?.split('\n')
      .slice(1, 3);
  assert.deepEqual(way([]), ['  to change 3333333333, mark it "edit" in', '    git rebase -i --root']);
  assert.deepEqual(way(['4'.repeat(40)], { parents: [older, '4'.repeat(40)] }), [
    '  to change 3333333333, mark it "edit" in',
    '    git rebase -i -r 3333333333~',
  ]);
  assert.deepEqual(way(['4'.repeat(40), '5'.repeat(40)]), [
    '  to change merge 3333333333, add the line "break" below it in',
    '    git rebase -i -r 3333333333~',
  ]);
});

test('five things of a rule are named, and the others counted', () => {
  const changes = Array.from({ length: 9 }, (_, at) => change(`${at}.exe`));
  const told = texts('path: "*.exe"', push({ changes }));
  assert.equal(told.length, 5);
  assert.match(told[4] ?? '', /^r: 4\.exe in commit 2222222222 \(and 4 more\)$/m);
});

test('a name of a peer cannot act on a terminal', () => {
  const told = texts('path: "*.exe"', push({ changes: [change('a\u001b[2J\n\u202e.exe')] }));
  assert.equal(told[0]?.split('\n')[0], 'r: a\\u{1b}[2J\\u{a}\\u{202e}.exe in commit 2222222222');
});

test('one thing must satisfy the whole condition', () => {
  const changes = [change('a.exe', { kind: 'delete' }), change('b.txt')];
  assert.equal(effect('path: "*.exe", change: add', push({ changes })), 'allow');
  assert.equal(effect('path: "*.exe", change: delete', push({ changes })), 'deny');
  assert.equal(effect('path: "*.exe", not: { change: add }', push({ changes })), 'deny');
});

test('delete is the ref’s or the file’s, by what stands beside it', () => {
  const facts = push({ changes: [change('a', { kind: 'delete' })] });
  assert.equal(effect('change: delete', facts), 'allow');
  assert.equal(effect('path: a, change: delete', facts), 'deny');
  const gone = push({}, { refs: [refFacts('refs/heads/topic', 'delete')] });
  assert.equal(effect('change: delete', gone), 'deny');
  assert.equal(effect('path: "**", change: delete', gone), 'allow');
});

test('a secret that is in no file is not excluded with a path', () => {
  const when = 'secret: any, not: { path: "test/**" }';
  const { path: _path, ...nowhere } = finding({ place: 'commit-message' });
  assert.equal(effect(when, push({ findings: [nowhere] })), 'deny');
  assert.equal(effect(when, push({ findings: [finding({ path: 'test/a' })] })), 'allow');
  assert.equal(effect(when, push({ findings: [finding({ path: 'Test/a' })] })), 'deny');
});

test('a rename is seen under both its names, and excluded only where both are', () => {
  const renamed = (from: string, path: string) => push({ changes: [change(path, { kind: 'rename', from })] });
  assert.equal(effect('path: ".github/**"', renamed('.github/x', 'x')), 'deny');
  assert.equal(effect('not: { path: "docs/**" }', renamed('src/x', 'docs/x')), 'deny');
  assert.equal(effect('not: { path: "docs/**" }', renamed('docs/y', 'docs/x')), 'allow');
});

test('what is not known matches where a rule denies, and does not where it is excluded', () => {
  const { size: _size, type: _type, ...unread } = change('a.bin');
  for (const when of ['file: { size: "> 1MiB" }', 'file: { type: elf }', 'file: { lfs: false }'])
    assert.equal(effect(when, push({ changes: [unread] })), 'deny', when);
  assert.equal(effect('path: "**", not: { file: { type: text } }', push({ changes: [unread] })), 'deny');
  for (const kind of ['delete', 'rename', 'mode'] as const)
    assert.equal(effect('file: { size: "> 1MiB" }', push({ changes: [{ ...unread, kind }] })), 'allow', kind);
  assert.equal(effect('network: 10.0.0.0/8', push({})), 'deny');
  assert.equal(effect('not: { network: 10.0.0.0/8 }', push({})), 'deny');
  assert.equal(effect('time: { from: "08:00", to: "09:00" }', push({})), 'deny');
  const long = commit(tip, { messageCut: true });
  assert.equal(effect('commit: { message: forbidden }', push({ commits: [long] })), 'deny');
  assert.equal(effect('commit: { messageLacks: wanted }', push({ commits: [long] })), 'deny');
});

test('rules about contents that nobody looked at refuse, unless the push is only imagined or deletes', () => {
  const { contents: _contents, ...blind } = push({});
  assert.deepEqual(
    judge('path: x', blind).reasons.map((reason) => reason.code),
    ['HISTORY_UNKNOWN'],
  );
  assert.equal(effect('ref: refs/heads/other', blind), 'allow');
  assert.equal(effect('path: x', { ...blind, refs: [refFacts('refs/heads/a', 'delete')] }), 'allow');
  assert.equal(judge('path: x', blind, 'warn').effect, 'allow');
});

test('files are joined with their commits, and secrets with both', () => {
  const commits = [commit(older, { signature: 'ssh' }), commit(tip)];
  const changes = [change('a', { commit: older }), change('b')];
  assert.deepEqual(texts('commit: { signed: true }, path: "**"', push({ commits, changes })).length, 1);
  assert.match(texts('commit: { signed: true }, path: "**"', push({ commits, changes }))[0] ?? '', /^r: a /);
  const findings = [finding({ path: 'a', commit: older }), finding({ path: 'b', commit: tip })];
  assert.match(
    texts('secret: any, commit: { signed: false }', push({ commits, changes, findings }))[0] ?? '',
    / in b:3 /,
  );
  const shell = push({ commits, changes: [change('a', { commit: older, type: 'script' })], findings });
  assert.equal(texts('secret: any, file: { type: script }, path: a', shell).length, 1);
});

test('any is about the things of each of its conditions', () => {
  const facts = push({ changes: [change('a.exe'), change('b')], findings: [finding()] });
  assert.deepEqual(
    texts('any: [{ path: "*.exe" }, { secret: any }, { ref: "refs/heads/topic" }]', facts).map(
      (text) => text.split(/[ ;]/)[1],
    ),
    ['refs/heads/topic', 'a.exe', 'github-pat'],
  );
});

test('findings that are known, accepted or of low confidence do not match any', () => {
  const on = (one: Finding, more = '', at?: string) =>
    policyOf('  - { name: r, when: { secret: any }, then: deny }', more).judge(
      ada,
      'a/b',
      push({ findings: [one] }, at === undefined ? {} : { at }),
    ).refs[0]?.effect;
  assert.equal(on(finding()), 'deny');
  assert.equal(on(finding({ state: 'baseline' })), 'allow');
  assert.equal(on(finding({ confidence: 'low' })), 'allow');
  assert.equal(on(finding({ comment: true })), 'deny');
  assert.equal(on(finding({ comment: true }), 'secrets: { allowComments: true }'), 'allow');
  const line = 'secrets: { allow: [{ rule: "github-*", path: src/, reason: x, until: 2027-01-31 }] }';
  assert.equal(on(finding(), line, '2027-01-31T12:00:00.000Z'), 'allow');
  assert.equal(on(finding(), line, '2027-02-01T00:00:00.000Z'), 'deny');
  assert.equal(on(finding(), line), 'deny');
  assert.equal(on(finding({ path: 'other/a' }), line, '2027-01-01T00:00:00.000Z'), 'deny');
});

test('secrets of the push as a whole refuse every ref of it', () => {
  const { path: _path, commit: _commit, ...option } = finding({ place: 'push-option' });
  const refs = [refFacts('refs/heads/a', 'create'), refFacts('refs/heads/b', 'delete')];
  const facts = push({}, { refs, contents: [brought({}), brought({ commits: [] })], findings: [option] });
  const judged = policyOf('  - { name: r, when: { secret: any }, then: deny }').judge(ada, 'a/b', facts);
  assert.deepEqual(
    judged.refs.map((ref) => ref.effect),
    ['deny', 'deny'],
  );
});

test('hidden objects and what could not be established deny, unless the policy says otherwise', () => {
  const hidden = { count: 4, examples: [{ oid: '5'.repeat(40), type: 'blob' as const }] };
  const unknowns = [
    { what: 'content' as const, text: 'a.bin is too large' },
    { what: 'history' as const, text: 'a tree is missing' },
  ];
  const facts = push({ unknowns }, { hidden });
  const on = (more: string) => policyOf('  []', more).judge(ada, 'a/b', facts).refs[0];
  assert.deepEqual(
    on('')?.reasons.map(({ code, text }) => [code, text]),
    [
      [
        'HIDDEN_OBJECTS',
        'the pack holds 4 objects that no ref of the push reaches (blob 5555555555, ...); push from a fresh clone',
      ],
      ['CONTENT_UNSCANNED', 'a.bin is too large; make it smaller or leave it out, or ask an administrator'],
      ['HISTORY_UNKNOWN', 'a tree is missing; fetch and push again, or ask an administrator'],
    ],
  );
  const warned = on('checks: { hidden-objects: warn, unscanned: allow, unknown-history: warn }');
  assert.equal(warned?.effect, 'allow');
  assert.deepEqual(
    warned?.warnings?.map((reason) => reason.code),
    ['HIDDEN_OBJECTS', 'HISTORY_UNKNOWN'],
  );
  assert.equal(
    effect('unknown: content, not: { path: "vendor/**" }', push({ unknowns: unknowns.slice(0, 1) })),
    'deny',
  );
});

test('deny beats ask beats allow, and what is asked for is told in full', () => {
  const facts = push({ changes: [change('a.exe')] });
  const rules = `  - { name: asks, when: { path: "*.exe" }, then: { ask: { group: [g, h], approvals: 2, within: 2h, wait: 60s, onApprove: retry, reason: true, denials: 1 } } }
  - { name: warns, when: { path: "*.exe" }, then: warn }
  - { name: allows, when: { path: "*.exe" }, then: allow }
  - { name: tries, mode: evaluate, when: { path: "*.exe" }, then: deny }`;
  const [verdict] = policyOf(rules).judge(ada, 'a/b', facts).refs;
  assert.equal(verdict?.effect, 'ask');
  assert.deepEqual(verdict?.asks, [
    {
      rule: 'asks',
      groups: ['g', 'h'],
      approvals: 2,
      within: 7_200_000,
      denials: 1,
      wait: 60_000,
      onApprove: 'retry',
      reason: true,
    },
  ]);
  assert.deepEqual(verdict?.reasons, [
    {
      rule: 'asks',
      code: 'APPROVAL_REQUIRED',
      text: 'asks: a.exe in commit 2222222222; it needs 2 approvals of g and of h within 2 hours',
    },
  ]);
  assert.deepEqual(
    verdict?.warnings?.map((reason) => reason.rule),
    ['warns'],
  );
  assert.deepEqual(
    verdict?.wouldSay?.map((reason) => [reason.rule, reason.effect]),
    [['tries', 'deny']],
  );
  const denied = policyOf(`${rules}\n  - { name: denies, when: {}, then: deny }`).judge(ada, 'a/b', facts)
    .refs[0];
  assert.equal(denied?.effect, 'deny');
  assert.equal(denied?.asks, undefined);
});

test('a window over midnight belongs to the day on which it begins', () => {
  const when = 'time: { days: fri, from: "22:00", to: "06:00", zone: Europe/Berlin }';
  for (const [at, wanted] of [
    ['2026-11-20T21:30:00Z', 'deny'],
    ['2026-11-21T04:30:00Z', 'deny'],
    ['2026-11-21T05:30:00Z', 'allow'],
    ['2026-11-20T20:30:00Z', 'allow'],
    ['2026-11-20T04:30:00Z', 'allow'],
  ] as const)
    assert.equal(effect(when, push({}, { at })), wanted, at);
});

test('an address of IPv4 is the same when it is written as IPv6', () => {
  for (const [address, wanted] of [
    ['10.1.2.3', 'deny'],
    ['::ffff:10.1.2.3', 'deny'],
    ['::ffff:0a01:0203', 'deny'],
    ['11.1.2.3', 'allow'],
    ['2001:db8::1', 'deny'],
    ['2001:db9::1', 'allow'],
    ['nonsense', 'allow'],
  ] as const)
    assert.equal(effect('network: [10.0.0.0/8, "2001:db8::/32"]', push({}, { address })), wanted, address);
});

test('the name of who pushes is taken literally in a pattern', () => {
  const policy = policyOf(
    '  - { name: r, when: { path: "people/**", not: { path: "people/{user}/**" } }, then: deny }',
  );
  const on = (user: string, path: string) =>
    policy.judge(principal(user), 'a/b', push({ changes: [change(path)] })).refs[0]?.effect;
  assert.equal(on('ada', 'people/ada/x'), 'allow');
  assert.equal(on('ada', 'people/bob/x'), 'deny');
  assert.equal(on('*', 'people/bob/x'), 'deny');
});

test('a rule that throws denies, and a list that cannot be read throws', () => {
  const broken = push({ changes: [change('a')] });
  Object.defineProperty(broken.contents?.[0]?.changes, 0, {
    value: {
      ...change('a'),
      get kind(): 'add' {
        throw new Error('broken');
      },
    },
  });
  const verdict = judge('path: a, change: delete', broken);
  assert.deepEqual([verdict.effect, verdict.reasons[0]?.rule], ['deny', 'r']);
  const lost = push({});
  const changes = {
    [Symbol.iterator](): Iterator<PathChange> {
      throw new Error('lost');
    },
  };
  const facts = { ...lost, contents: [{ ...brought({}), changes }] };
  assert.throws(() => judge('path: x', facts), /lost/);
});

test('content is asked for by secrets, sizes, types and LFS, and by nothing else', () => {
  const asks = (when: string) => policyOf(`  - { name: r, when: { ${when} }, then: deny }`).asksForContent();
  for (const when of [
    'secret: any',
    'file: { size: "> 1B" }',
    'not: { any: [{ file: { type: elf } }] }',
    'file: { lfs: true }',
  ])
    assert.deepEqual(asks(when), { asked: true, byRef: false, byPath: false, placeholders: true }, when);
  for (const when of [
    '',
    'path: x',
    'file: { mode: symlink }',
    'commit: { merge: true }',
    'unknown: content',
  ])
    assert.deepEqual(asks(when), { asked: false, byRef: false, byPath: false, placeholders: true }, when);
  assert.equal(asks('not: { ref: refs/heads/main }, secret: any').byRef, true);
  assert.equal(asks('any: [{ path: x }], file: { type: elf }').byPath, true);
  assert.deepEqual(asks('ref: refs/heads/main, path: x'), {
    asked: false,
    byRef: false,
    byPath: false,
    placeholders: true,
  });
});

test('what a moved placeholder carries is judged as a secret where the check lets it through', () => {
  for (const [effect, judged] of [
    ['deny', true],
    ['{ ask: { group: g } }', true],
    ['warn', false],
    ['allow', false],
  ] as const) {
    const policy = policyOf('  []', `checks: { placeholders: ${effect} }`);
    assert.equal(policy.asksForContent().placeholders, judged, effect);
  }
});

test('explain tells which keys held, and for what', () => {
  const policy = policyOf(
    `  - { name: r, when: { path: "*.exe", change: add, commit: { signed: true } }, then: deny }`,
  );
  const { refs } = policy.explain(ada, 'a/b', push({ changes: [change('a.exe'), change('b')] }));
  const [rule] = refs[0]?.rules ?? [];
  assert.equal(rule?.matched, false);
  assert.deepEqual(rule?.checks, [
    { key: 'change', matched: true, why: 'a.exe, b' },
    { key: 'path', matched: true, why: 'a.exe' },
    { key: 'commit', matched: false, why: 'nothing that the update brings' },
  ]);
});

const conditions = [
  'path: "*.exe"',
  'path: "src/**", not: { file: { type: text } }',
  'secret: any',
  'commit: { signed: false }',
  'commit: { merge: true }, path: "**"',
  'any: [{ path: "a" }, { ref: "refs/heads/**" }]',
  'not: { path: ["src/**", "a"] }',
  'push: { files: "> 2" }',
  'hidden: true',
  'unknown: content',
  'change: [delete, rename], path: "**"',
];
const arbitraryRules = fc.array(
  fc.record({
    when: fc.constantFrom(...conditions),
    then: fc.constantFrom('allow', 'deny', 'warn', '{ ask: { group: g } }'),
    mode: fc.constantFrom('enforce', 'evaluate'),
  }),
  { maxLength: 5 },
);
const arbitraryPush = fc
  .record({
    changes: fc.array(
      fc
        .record({
          path: fc.constantFrom('a', 'b.exe', 'src/c', 'SRC/d.EXE'),
          kind: fc.constantFrom('add', 'modify', 'delete', 'mode'),
          type: fc.constantFrom('text', 'elf'),
        })
        .map(({ path, ...over }) => change(path, over as Partial<PathChange>)),
      { maxLength: 4 },
    ),
    signature: fc.constantFrom('none', 'ssh'),
    secrets: fc.array(fc.record({ confidence: fc.constantFrom('high', 'low') }), { maxLength: 2 }),
    unknown: fc.boolean(),
    count: fc.nat(2),
  })
  .map(({ changes, signature, secrets, unknown, count }) =>
    push(
      {
        changes,
        commits: [commit(tip, { signature: signature as 'none' })],
        findings: secrets.map((over) => finding(over as Partial<Finding>)),
        unknowns: unknown ? [{ what: 'content', text: 'x' }] : [],
      },
      { hidden: { count, examples: [] } },
    ),
  );

type RuleShape = { when: string; then: string; mode: string };

function judgeAll(rules: readonly RuleShape[], facts: PushFacts) {
  const lines = rules.map(
    ({ when, then, mode }, at) => `  - { name: r${at}, mode: ${mode}, when: { ${when} }, then: ${then} }`,
  );
  return policyOf(lines.length === 0 ? '  []' : lines.join('\n')).judge(ada, 'a/b', facts).refs;
}

const severity = { allow: 0, ask: 1, deny: 2 } as const;

test('one more rule that denies or asks never lets more pass, and one that only evaluates changes no effect', () => {
  fc.assert(
    fc.property(arbitraryRules, fc.constantFrom(...conditions), arbitraryPush, (rules, when, facts) => {
      const before = judgeAll(rules, facts);
      for (const then of ['deny', '{ ask: { group: g } }']) {
        const after = judgeAll([...rules, { when, then, mode: 'enforce' }], facts);
        after.forEach((ref, at) => {
          assert.ok(severity[ref.effect] >= severity[before[at]?.effect ?? 'deny']);
        });
        const tried = judgeAll([...rules, { when, then, mode: 'evaluate' }], facts);
        const plain = ({ effect, reasons, warnings, asks }: (typeof tried)[number]) => ({
          effect,
          reasons,
          warnings,
          asks,
        });
        assert.deepEqual(tried.map(plain), before.map(plain));
      }
    }),
    { numRuns: 60 },
  );
});

test('the same facts are judged alike twice, and are not changed', () => {
  fc.assert(
    fc.property(arbitraryRules, arbitraryPush, (rules, facts) => {
      const before = JSON.stringify(facts);
      assert.deepEqual(judgeAll(rules, facts), judgeAll(rules, facts));
      assert.equal(JSON.stringify(facts), before);
    }),
    { numRuns: 60 },
  );
});

test('what explain says matched is what the verdict is made of', () => {
  fc.assert(
    fc.property(fc.constantFrom(...conditions), arbitraryPush, (when, facts) => {
      const policy = policyOf(`  - { name: r, when: { ${when} }, then: deny }`);
      const { verdict, rules } = policy.explain(ada, 'a/b', facts).refs[0] ?? assert.fail();
      assert.equal(
        verdict.reasons.some((reason) => reason.rule === 'r'),
        rules[0]?.matched,
      );
    }),
    { numRuns: 60 },
  );
});

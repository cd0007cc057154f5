import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CommitFacts, PathChange, RefContents } from '../../src/domain/facts.ts';
import type { UserRecord } from '../../src/domain/identity.ts';
import type { Ask, RefVerdict } from '../../src/domain/policy.ts';
import type { PushFacts, RefFacts } from '../../src/domain/session.ts';
import type { CodeownersFile } from '../../src/session/read-codeowners.ts';
import { type SeatsOptions, seatsOf } from '../../src/session/seats.ts';
import { refFacts } from '../policy/support.ts';

const main = 'refs/heads/main';
const release = 'refs/heads/release';

function ask(terms: Partial<Ask> = {}): Ask {
  return { rule: 'r', groups: [], approvals: 1, within: 60_000, ...terms };
}

const owners = ask({ codeowners: true });

function user(name: string, over: Partial<UserRecord> = {}): UserRecord {
  const base = { kind: 'person', groups: [], role: 'reviewer', disabled: false, createdAt: '' } as const;
  return { name, ...base, ...over };
}

const everybody = [
  user('ada', { role: 'user' }),
  user('rita', { groups: ['core', 'docs'] }),
  user('bob', { groups: ['core'], emails: ['bob@example.com'] }),
];

function contents(
  paths: readonly (string | Partial<PathChange>)[],
  over: Partial<RefContents> = {},
): RefContents {
  const changes = paths.map((one): PathChange => {
    const change = typeof one === 'string' ? { path: one } : one;
    return { source: 'new', kind: 'modify', path: '', ...change };
  });
  return {
    commits: [],
    changes,
    findings: [],
    unknowns: [],
    counts: { commits: 0, changes: changes.length },
    ...over,
  };
}

function commit(parents: readonly string[]): CommitFacts {
  const who = { name: 'a', email: 'a@example.com', time: 0 };
  return {
    oid: 'c'.repeat(40),
    parents,
    author: who,
    committer: who,
    message: '',
    messageCut: false,
    signature: 'none',
  };
}

interface Scene {
  readonly asks?: readonly Ask[];
  readonly refs?: readonly RefFacts[];
  readonly brings?: readonly RefContents[];
  readonly file?: string | CodeownersFile | undefined;
  readonly users?: readonly UserRecord[];
  readonly verdicts?: readonly RefVerdict[];
}

function seat(scene: Scene): ReturnType<typeof seatsOf> {
  const { asks = [owners], refs = [refFacts(main, 'fast-forward')], file, users = everybody } = scene;
  const facts: PushFacts = {
    refs,
    pushOptions: [],
    objects: 0,
    bytes: 0,
    ...(scene.brings === undefined ? {} : { contents: scene.brings }),
  };
  const options: SeatsOptions = {
    verdicts: scene.verdicts ?? refs.map(({ ref }) => ({ ref, effect: 'ask', reasons: [], asks })),
    facts,
    user: 'ada',
    users: async () => users,
    codeowners: async () => (typeof file === 'string' ? { path: 'CODEOWNERS', text: file } : file),
  };
  return seatsOf(options);
}

async function seated(scene: Scene) {
  const got = await seat(scene);
  assert.ok('asks' in got, JSON.stringify([...('refused' in got ? got.refused : [])]));
  return got;
}

/** Why the only ref is refused. */
async function refused(scene: Scene): Promise<string> {
  const got = await seat(scene);
  assert.ok('refused' in got, JSON.stringify(got));
  const reasons = [...got.refused.values()];
  for (const reason of reasons) {
    assert.equal(reason.code, 'APPROVAL_REQUIRED');
    assert.doesNotMatch(reason.text, /\n/);
  }
  return reasons.map(({ text }) => text).join('; ');
}

test('each group is a seat with as many approvals as the rule says, and refs of one rule are joined', async () => {
  const asks = [
    ask({ groups: ['core', 'docs'], approvals: 2, denials: 3, reason: true, breakGlass: ['boss'] }),
  ];
  const refs = [refFacts(main, 'fast-forward'), refFacts(release, 'create')];
  assert.deepEqual((await seated({ asks, refs })).asks, [
    {
      rule: 'r',
      refs: [main, release],
      denials: 3,
      reason: true,
      breakGlass: ['boss'],
      seats: [
        { of: 'core', groups: ['core'], users: [] },
        { of: 'docs', groups: ['docs'], users: [] },
      ],
      approvals: 2,
      shared: false,
    },
  ]);
});

test('refs that are not asked about are passed over, and nobody is looked up for them', async () => {
  const verdicts: RefVerdict[] = [
    { ref: main, effect: 'deny', reasons: [], asks: [owners] },
    { ref: release, effect: 'allow', reasons: [] },
  ];
  assert.deepEqual(await seat({ verdicts }), { asks: [], notes: [] });
});

test('every set of owners of the changed files is a seat, whose votes may be shared', async () => {
  const file = '* @org/core\n/docs/ @rita @org/docs\n*.md @org/docs @rita\n/pay/ bob@example.com @Zed\n';
  const brings = [contents(['src/a', 'src/b', 'docs/x', 'y.md', { path: 'pay/z', kind: 'delete' }])];
  const got = await seated({ file, brings });
  assert.deepEqual(got.asks, [
    {
      rule: 'r',
      refs: [main],
      denials: 1,
      seats: [
        { of: 'owners of * (CODEOWNERS)', groups: ['core', 'org/core'], users: [] },
        { of: 'owners of /docs/ and 1 more (CODEOWNERS)', groups: ['docs', 'org/docs'], users: ['rita'] },
        { of: 'owners of /pay/ (CODEOWNERS)', groups: [], users: ['zed', 'bob'] },
      ],
      approvals: 1,
      shared: true,
    },
  ]);
  assert.deepEqual(got.notes, []);
});

test('a rule that asks groups and owners asks both, and the groups stand for what nobody owns', async () => {
  const asks = [ask({ groups: ['core'], approvals: 2, codeowners: true })];
  const got = await seated({ asks, file: '/docs/ @rita', brings: [contents(['docs/a', 'src/a'])] });
  assert.deepEqual(
    got.asks.map(({ seats, approvals, shared }) => [seats.map(({ of }) => of), approvals, shared]),
    [
      [['core'], 2, false],
      [['owners of /docs/ (CODEOWNERS)'], 1, true],
    ],
  );
  const none = await seated({ asks, file: '/docs/ @rita', brings: [contents(['src/a'])] });
  assert.deepEqual(
    none.asks.map(({ shared }) => shared),
    [false],
  );
});

test('what is renamed asks the owners of both names', async () => {
  const brings = [contents([{ path: 'open/a', from: 'vault/a', kind: 'rename' }])];
  const got = await seated({ file: '/open/ @bob\n/vault/ @rita', brings });
  assert.deepEqual(
    got.asks[0]?.seats.map(({ users }) => users),
    [['bob'], ['rita']],
  );
});

test('who is asked about one rule on two refs is asked once, by the file of each', async () => {
  const refs = [refFacts(main, 'fast-forward'), refFacts(release, 'fast-forward')];
  const brings = [contents(['a']), contents(['a', 'b'])];
  const got = await seated({ refs, brings, file: 'a @bob\nb @rita' });
  assert.deepEqual(got.asks.length, 1);
  assert.deepEqual(got.asks[0]?.refs, [main, release]);
  assert.deepEqual(
    got.asks[0]?.seats.map(({ users }) => users),
    [['bob'], ['rita']],
  );
});

test('where it cannot be told who owns what is changed, the ref is refused', async () => {
  const brings = [contents(['src/a'])];
  const unknowns = [{ what: 'history', text: 'a tree is missing' }] as const;
  const cases: readonly (readonly [Scene, RegExp])[] = [
    [{ brings }, /the target branch has no CODEOWNERS file; ask an administrator/],
    [
      { brings, file: { path: 'docs/CODEOWNERS', problem: 'is no file but a symlink' } },
      /docs\/CODEOWNERS of the target branch is no file but a symlink; ask/,
    ],
    [{ brings, file: '/docs/ @rita' }, /CODEOWNERS names no owner of src\/a; ask/],
    [{ brings, file: '* @rita\n/src/\n' }, /CODEOWNERS names no owner of src\/a; ask/],
    [{ file: '* @rita' }, /not every changed file is known/],
    [
      { file: '* @rita', brings: [contents(['a'], { unknowns })] },
      /not every changed file is known \(a tree is missing\)/,
    ],
    [
      { file: '* @rita', brings: [contents(['a'], { counts: { commits: 0, changes: 2 } })] },
      /not every changed file is known/,
    ],
    [
      { file: '* @rita', brings: [contents(['a'], { commits: [commit([])] })] },
      /begins a history of its own/,
    ],
    [{ file: '* @rita', brings: [contents([])] }, /it changes no file, so CODEOWNERS names nobody/],
    [
      { file: '* @rita', refs: [refFacts(main, 'delete')], brings: [contents([])] },
      /a deletion changes no file/,
    ],
    [{ file: `#${'x'.repeat(3 << 20)}\n* @rita`, brings }, /is too large; ask/],
    [{ asks: [] }, /no rule says who is to be asked/],
    [{ asks: [ask()] }, /no rule says who is to be asked/],
  ];
  for (const [scene, why] of cases) assert.match(await refused(scene), why);
});

test('a group beside the owners does not stand for files that are not known', async () => {
  const asks = [ask({ groups: ['core'], codeowners: true })];
  assert.match(await refused({ asks, brings: [contents(['a'])] }), /has no CODEOWNERS file/);
  const unknowns = [{ what: 'history', text: 'x' }] as const;
  assert.match(
    await refused({ asks, file: '* @rita', brings: [contents(['a'], { unknowns })] }),
    /not every/,
  );
});

test('too many sets of owners are refused', async () => {
  const names = Array.from({ length: 101 }, (_, at) => `f${at}`);
  const file = names.map((name) => `${name} @${name}`).join('\n');
  assert.match(await refused({ file, brings: [contents(names)] }), /more than 100 different sets of owners/);
});

test('what asks more work than a second is refused', async () => {
  const file = Array.from({ length: 4_000 }, (_, at) => `*a*b*${at}*c @ada`).join('\n');
  const brings = [contents(Array.from({ length: 2_000 }, (_, at) => `${'ab'.repeat(50)}/${at}`))];
  assert.match(await refused({ file, brings }), /too many patterns for so many files; push fewer/);
});

test('one ref that cannot be asked about keeps all from being asked', async () => {
  const refs = [refFacts(main, 'fast-forward'), refFacts(release, 'delete')];
  const got = await seat({ refs, file: '* @rita', brings: [contents(['a']), contents([])] });
  assert.ok('refused' in got);
  assert.deepEqual([...got.refused.keys()], [release]);
});

test('what the upstream throws is thrown on', async () => {
  const failing = seatsOf({
    verdicts: [{ ref: main, effect: 'ask', reasons: [], asks: [owners] }],
    facts: { refs: [refFacts(main, 'fast-forward')], pushOptions: [], objects: 0, bytes: 0 },
    user: 'ada',
    users: async () => [],
    codeowners: () => Promise.reject(new Error('gone')),
  });
  await assert.rejects(failing, /gone/);
});

test('who pushes is told where nobody, or too few, can vote', async () => {
  const asks = [ask({ groups: ['core', 'docs', 'void'], approvals: 2 })];
  assert.deepEqual((await seated({ asks })).notes, [
    'only 1 of 2 can approve for docs now; ask an administrator',
    'nobody can approve for void now; ask an administrator',
  ]);
  for (const [over, count] of [
    [{ disabled: true }, 1],
    [{ role: 'user' }, 1],
    [{ role: 'auditor' }, 1],
    [{ kind: 'service' }, 1],
    [{ owner: 'ada' }, 1],
    [{ role: 'admin' }, 0],
  ] as const) {
    const users = [user('ada', { groups: ['core'] }), user('rita', { groups: ['core'], ...over })];
    const { notes } = await seated({ asks: [ask({ groups: ['core'] })], users });
    assert.equal(notes.length, count, JSON.stringify(over));
  }
  const two = [user('rita', { groups: ['core'] }), user('rita2', { groups: ['core'], owner: 'rita' })];
  const { notes } = await seated({ asks: [ask({ groups: ['core'], approvals: 2 })], users: two });
  assert.deepEqual(notes, ['only 1 of 2 can approve for core now; ask an administrator']);
});

test('owners that are nobody here keep their seat, and lines that do not count are told', async () => {
  const got = await seated({ file: '* nobody@example.com\n!x @rita\n', brings: [contents(['a'])] });
  assert.deepEqual(got.asks[0]?.seats, [{ of: 'owners of * (CODEOWNERS)', groups: [], users: [] }]);
  assert.equal(got.notes.length, 2);
  assert.match(got.notes[0] ?? '', /^nobody can approve for owners of \* \(CODEOWNERS\) now/);
  assert.match(got.notes[1] ?? '', /^line 2 of CODEOWNERS counts for nothing: it begins with !/);
});

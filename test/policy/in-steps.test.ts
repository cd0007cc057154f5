import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { CommitFacts, Finding, PathChange, RefContents } from '../../src/domain/facts.ts';
import type { Steps } from '../../src/domain/policy.ts';
import type { PushFacts } from '../../src/domain/session.ts';
import { loadPolicy } from '../../src/policy/load.ts';
import { principal, refFacts } from './support.ts';

const ada = principal('ada');

const conditions = [
  'path: "*.exe"',
  'path: "src/**", change: delete',
  'not: { path: ["src/**", "a"] }',
  'commit: { merge: true }',
  'commit: { message: "fix+" }',
  'commit: { signed: false }, path: "**"',
  'secret: any',
  'secret: any, commit: { merge: true }',
  'unknown: content',
  'push: { newFiles: "> 4000" }',
  'not: { any: [{ push: { newFiles: "< 3000" } }, { path: a }] }',
  'ref: refs/heads/one',
];

function policyOf(rules: readonly { when: string; then: string; mode: string }[]) {
  const lines = rules.map(
    ({ when, then, mode }, at) => `  - { name: r${at}, mode: ${mode}, when: { ${when} }, then: ${then} }`,
  );
  const access = 'access: [{ who: { user: "**" }, repo: "**", may: write }]';
  const secrets = `secrets: { allow: [{ fingerprint: "${'0'.repeat(32)}", reason: known }] }`;
  return loadPolicy(`${access}\n${secrets}\nrules:\n${lines.join('\n')}\n`, 'p');
}

const oid = (n: number): string => n.toString(16).padStart(40, '0');

function commit(n: number, merge: boolean, message: string): CommitFacts {
  const author = { name: 'Ada', email: 'ada@example.com', time: 0 };
  const parents = [oid(n + 1_000_000), ...(merge ? [oid(n + 2_000_000)] : [])];
  return { oid: oid(n), parents, author, committer: author, message, messageCut: false, signature: 'none' };
}

function finding(n: number): Finding {
  return {
    rule: 'generic',
    family: 'generic',
    tier: 'B',
    confidence: 'high',
    place: 'file',
    commit: oid(n),
    path: 'a',
    sample: '**',
    fingerprint: String(n % 3).padStart(32, '0'),
    state: 'new',
  };
}

/** A few shapes of commits and changes, again and again. */
interface Shape {
  readonly commits: readonly { readonly merge: boolean; readonly message: string }[];
  readonly changes: readonly { readonly path: string; readonly kind: 'add' | 'modify' | 'delete' }[];
  readonly many: { readonly commits: number; readonly changes: number; readonly findings: number };
}

function contentsOf({ commits, changes, many }: Shape): RefContents {
  return {
    commits: {
      *[Symbol.iterator]() {
        for (let n = 0; n < many.commits; n++) {
          const { merge, message } = commits[n % commits.length] ?? assert.fail();
          yield commit(n, merge, message);
        }
      },
    },
    changes: {
      *[Symbol.iterator](): Generator<PathChange> {
        for (let n = 0; n < many.changes; n++)
          yield {
            ...(changes[n % changes.length] ?? assert.fail()),
            source: 'new',
            commit: oid(n % many.commits),
          };
      },
    },
    findings: Array.from({ length: many.findings }, (_, n) => finding(n)),
    unknowns: [{ what: 'content', text: 'too large' }],
    counts: { commits: many.commits, changes: many.changes },
  };
}

function pushOf(contents: readonly RefContents[]): PushFacts {
  const names = ['one', 'two', 'three'];
  const refs = contents.map((_, n) => refFacts(`refs/heads/${names[n]}`, 'create'));
  return { refs, pushOptions: [], objects: 1, bytes: 1, at: '2026-01-01T00:00:00.000Z', contents };
}

const arbitraryShape = fc.record({
  commits: fc.array(fc.record({ merge: fc.boolean(), message: fc.constantFrom('fix it', 'x'.repeat(300)) }), {
    minLength: 1,
    maxLength: 3,
  }),
  changes: fc.array(
    fc.record({
      path: fc.constantFrom('a', 'b.exe', 'SRC/d.EXE', `src/${'long/'.repeat(60)}c`),
      kind: fc.constantFrom('add', 'modify', 'delete'),
    }),
    { minLength: 1, maxLength: 4 },
  ),
  many: fc.record({
    commits: fc.integer({ min: 1, max: 600 }),
    changes: fc.nat(9_000),
    findings: fc.nat(900),
  }),
});

const arbitraryRules = fc.array(
  fc.record({
    when: fc.constantFrom(...conditions),
    then: fc.constantFrom('allow', 'deny', 'warn', '{ ask: { group: g } }'),
    mode: fc.constantFrom('enforce', 'evaluate'),
  }),
  { minLength: 1, maxLength: 8 },
);

function taken<T>(steps: Steps<T>): { readonly value: T; readonly count: number } {
  for (let count = 0; ; count++) {
    const step = steps.next();
    if (step.done) return { value: step.value, count };
  }
}

test('judged in steps or at once, a push gets the same verdict and the same explanation', () => {
  let steps = 0;
  fc.assert(
    fc.property(arbitraryRules, fc.array(arbitraryShape, { minLength: 1, maxLength: 3 }), (rules, shapes) => {
      const policy = policyOf(rules);
      const facts = pushOf(shapes.map(contentsOf));
      const judged = taken(policy.judging(ada, 'a/b', facts));
      steps += judged.count;
      assert.deepEqual(judged.value, policy.judge(ada, 'a/b', facts));
      const explained = taken(policy.explaining(ada, 'a/b', facts));
      assert.deepEqual(explained.value, policy.explain(ada, 'a/b', facts));
    }),
    { numRuns: 20 },
  );
  assert.ok(steps > 20, `${steps} steps`);
});

test('two pushes that are judged step by step in turn do not disturb each other', () => {
  const policy = policyOf(conditions.map((when) => ({ when, then: 'deny', mode: 'enforce' })));
  const many = { commits: 300, changes: 20_000, findings: 10 };
  const pushes = ['b.exe', 'src/a'].map((path) =>
    pushOf([
      contentsOf({ commits: [{ merge: true, message: 'fix' }], changes: [{ path, kind: 'delete' }], many }),
    ]),
  );
  const works = pushes.map((facts) => policy.judging(ada, 'a/b', facts));
  const verdicts = new Map<number, unknown>();
  while (verdicts.size < works.length)
    works.forEach((work, n) => {
      if (verdicts.has(n)) return;
      const step = work.next();
      if (step.done) verdicts.set(n, step.value);
    });
  pushes.forEach((facts, n) => {
    assert.deepEqual(verdicts.get(n), policy.judge(ada, 'a/b', facts));
  });
});

test('a push without long lists is judged in one step', () => {
  const policy = policyOf(conditions.map((when) => ({ when, then: 'deny', mode: 'enforce' })));
  const many = { commits: 5, changes: 50, findings: 2 };
  const contents = contentsOf({
    commits: [{ merge: false, message: 'fix' }],
    changes: [{ path: 'a', kind: 'add' }],
    many,
  });
  assert.equal(taken(policy.judging(ada, 'a/b', pushOf([contents]))).count, 0);
});

test('steps are more where paths and messages are longer', () => {
  const policy = policyOf([
    { when: 'path: "*.exe"', then: 'deny', mode: 'enforce' },
    { when: 'commit: { message: secret }', then: 'deny', mode: 'enforce' },
  ]);
  const stepsOf = (path: string, message: string): number => {
    const many = { commits: 2_000, changes: 20_000, findings: 0 };
    const contents = contentsOf({
      commits: [{ merge: false, message }],
      changes: [{ path, kind: 'add' }],
      many,
    });
    return taken(policy.judging(ada, 'a/b', pushOf([contents]))).count;
  };
  const short = stepsOf('a', 'x');
  assert.ok(stepsOf('a/'.repeat(2_000), 'x') > 5 * short);
  assert.ok(stepsOf('a', 'x'.repeat(1_000)) > 5 * short);
});

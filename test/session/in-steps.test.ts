import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RefgateError } from '../../src/domain/error.ts';
import type { PathChange, RefContents } from '../../src/domain/facts.ts';
import type { Oid, PushRequest } from '../../src/domain/git.ts';
import type { Steps } from '../../src/domain/policy.ts';
import type { PushFacts } from '../../src/domain/session.ts';
import { loadPolicy } from '../../src/policy/load.ts';
import { deciding, judging } from '../../src/session/decide.ts';
import { inSteps } from '../../src/session/in-steps.ts';

const oid = (n: number): Oid => n.toString(16).padStart(40, '0');
const zero = oid(0);
const who = {
  principal: { user: 'ada', kind: 'person', groups: [], credential: { type: 'token', id: 't' } },
  repo: 'a/b',
} as const;

const rules = Array.from({ length: 30 }, (_, n) => {
  const when = n % 3 === 0 ? `path: "*.t${n}"` : `path: ["dir-${n}/**", "**/x${n}/*.c"]`;
  return `  - { name: r${n}, when: { ${when} }, then: deny }`;
});
const policy = loadPolicy(
  `access: [{ who: { user: "**" }, repo: "**", may: write }]\nrules:\n${rules.join('\n')}\n`,
  'p',
);

/** A list of changes that knows how far it was read, and whether reading has ended. */
class Changes implements Iterable<PathChange> {
  read = 0;
  isClosed = false;
  readonly #count: number;

  constructor(count: number) {
    this.#count = count;
  }

  *[Symbol.iterator](): Generator<PathChange> {
    try {
      for (let n = 0; n < this.#count; n++) {
        this.read++;
        yield { source: 'new', kind: 'add', path: `src/part-${n % 97}/file-${n}.ts`, mode: 'file' };
      }
    } finally {
      this.isClosed = true;
    }
  }
}

function contentsOf(changes: Iterable<PathChange>, commits: RefContents['commits'] = []): RefContents {
  return { commits, changes, findings: [], unknowns: [], counts: { commits: 0, changes: 0 } };
}

function pushOf(contents: readonly RefContents[]): PushFacts {
  const refs = contents.map((_, n) => {
    const update = { ref: `refs/heads/b${n}`, oldOid: zero, newOid: oid(n + 1) };
    return { ...update, namespace: 'branch', kind: 'create' } as const;
  });
  return { refs, pushOptions: [], objects: 1, bytes: 1, contents };
}

function requestOf({ refs }: PushFacts): PushRequest {
  return {
    updates: refs.map(({ ref, oldOid, newOid }) => ({ ref, oldOid, newOid })),
    pushOptions: [],
    atomic: false,
    quiet: false,
    report: 'v1',
    sideband: true,
    objectFormat: 'sha1',
    hasPack: true,
  };
}

/** Runs the work, and counts how often somebody else had a turn meanwhile. */
async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
  let turns = 0;
  let next = setImmediate(function turn() {
    turns++;
    next = setImmediate(turn);
  });
  try {
    await work();
    return turns;
  } finally {
    clearImmediate(next);
  }
}

test('others have many turns while 200,000 changes are judged', async () => {
  const changes = new Changes(200_000);
  const facts = pushOf([contentsOf(changes)]);
  const turns = await turnsDuring(() => inSteps(judging(policy, who, facts)));
  assert.equal(changes.read, 200_000);
  assert.ok(turns >= 40, `${turns} turns`);
});

test('others have turns while the commits of a large push are asked for a refused tip', async () => {
  const commits = {
    *[Symbol.iterator]() {
      const author = { name: 'Ada', email: 'ada@example.com', time: 0 };
      const same = { parents: [], author, committer: author, message: '', messageCut: false } as const;
      for (let n = 0; n < 200_000; n++) yield { oid: oid(n + 1_000), signature: 'none', ...same } as const;
    },
  };
  const facts = pushOf([contentsOf([], commits), contentsOf([])]);
  const effects = ['allow', 'deny'] as const;
  const verdict = {
    policyVersion: 'v',
    refs: facts.refs.map(({ ref }, n) => ({ ref, effect: effects[n] ?? 'deny', reasons: [] })),
  };
  let relay: readonly unknown[] | undefined;
  const turns = await turnsDuring(async () => {
    ({ relay } = await inSteps(deciding(verdict, requestOf(facts), facts, new Map(), () => true)));
  });
  assert.deepEqual(relay, []);
  assert.ok(turns >= 10, `${turns} turns`);
});

test('what takes one step is done before anybody else has a turn', async () => {
  const facts = pushOf([contentsOf(new Changes(100))]);
  assert.equal(await turnsDuring(() => inSteps(judging(policy, who, facts))), 0);
});

test('a client that hangs up while its push is judged ends the judging, and the lists are closed', async () => {
  const changes = new Changes(200_000);
  const facts = pushOf([contentsOf(changes)]);
  const gone = new AbortController();
  const goOn = (): void => {
    if (gone.signal.aborted) throw new RefgateError('HUNG_UP', 'client');
    if (changes.read > 20_000) gone.abort();
  };
  await assert.rejects(inSteps(judging(policy, who, facts), goOn), { code: 'HUNG_UP' });
  assert.ok(changes.read < 100_000, `${changes.read} were read`);
  assert.equal(changes.isClosed, true);
});

test('a policy that throws in a later step denies everything', async () => {
  function* lost(): Generator<PathChange> {
    yield* new Changes(50_000);
    throw new Error('lost');
  }
  const facts = pushOf([contentsOf({ [Symbol.iterator]: lost })]);
  await assert.rejects(inSteps(judging(policy, who, facts)), { code: 'INTERNAL', blame: 'refgate' });
});

test('what goes on between steps is asked each time, and what it throws is thrown as it is', async () => {
  let asked = 0;
  function* work(): Steps<string> {
    for (let n = 0; n < 3; n++) yield;
    return 'done';
  }
  assert.equal(await inSteps(work(), () => void asked++), 'done');
  assert.equal(asked, 3);
});

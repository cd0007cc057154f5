import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { PushRequest, RefUpdate } from '../../src/domain/git.ts';
import type { HeldPack } from '../../src/domain/ports.ts';
import { createAncestry } from '../../src/inspect/ancestry.ts';
import { type RefFactsContext, refFacts } from '../../src/inspect/ref-facts.ts';
import { git, tempDir } from '../support/git.ts';
import { LocalSource } from '../support/local-source.ts';
import { heldCommits, makeGraph } from './commit-graph.ts';

const zero = '0'.repeat(40);
const silent = { debug() {}, info() {}, warn() {}, error() {} };

function request(updates: readonly RefUpdate[]): PushRequest {
  const rest = {
    pushOptions: [],
    atomic: false,
    quiet: false,
    report: 'v1',
    sideband: true,
    hasPack: true,
  } as const;
  return { updates, objectFormat: 'sha1', ...rest };
}

/** 0 <- 1 <- 2, and 3 apart; 4 and 5 on top of 2, in the pack. */
async function setUp(t: TestContext) {
  const gitDir = join(tempDir(t, 'facts'), 'r.git');
  const parents = [[], [0], [1], [], [2], [4]];
  const oids = await makeGraph(gitDir, parents);
  const [c0 = '', c1 = '', c2 = '', c3 = '', c4 = '', c5 = ''] = oids;
  await git(['tag', '-a', '-m', 'one', 'one', c1], { cwd: gitDir });
  const tag = await git(['rev-parse', 'refs/tags/one'], { cwd: gitDir });
  const held = heldCommits(oids, parents, (n) => n > 3) as unknown as HeldPack;
  const context: RefFactsContext = {
    ancestry: createAncestry({ maxCachedCommits: 100, log: silent }),
    source: () => new LocalSource(gitDir),
  };
  return { gitDir, c0, c1, c2, c3, c4, c5, tag, held, context };
}

test('creations, deletions, fast-forwards and rewinds of branches are told apart', async (t) => {
  const { c1, c2, c3, c4, c5, held, context } = await setUp(t);
  const facts = await refFacts(
    request([
      { ref: 'refs/heads/new', oldOid: zero, newOid: c5 },
      { ref: 'refs/heads/gone', oldOid: c3, newOid: zero },
      { ref: 'refs/heads/forward', oldOid: c1, newOid: c5 },
      { ref: 'refs/heads/in-pack', oldOid: c4, newOid: c5 },
      { ref: 'refs/heads/back', oldOid: c2, newOid: c1 },
      { ref: 'refs/heads/aside', oldOid: c3, newOid: c5 },
      { ref: 'refs/notes/x', oldOid: c1, newOid: c2 },
    ]),
    held,
    context,
  );
  assert.deepEqual(
    facts.map(({ kind, namespace, fastForward }) => [kind, namespace, fastForward]),
    [
      ['create', 'branch', undefined],
      ['delete', 'branch', undefined],
      ['update', 'branch', true],
      ['update', 'branch', true],
      ['update', 'branch', false],
      ['update', 'branch', false],
      ['update', 'other', true],
    ],
  );
});

test('a lightweight tag moves by ancestry, and an annotated tag is never a fast-forward', async (t) => {
  const { c1, c2, tag, context } = await setUp(t);
  const moves = [
    [c1, c2, true],
    [c2, c1, false],
    [c1, tag, false],
    [tag, c2, false],
  ] as const;
  for (const [oldOid, newOid, expected] of moves) {
    const [facts] = await refFacts(request([{ ref: 'refs/tags/v', oldOid, newOid }]), undefined, context);
    assert.equal(facts?.fastForward, expected);
  }
});

test('a branch that would not point to a commit is refused', async (t) => {
  const { gitDir, c1, tag, context } = await setUp(t);
  const tree = await git(['rev-parse', `${c1}^{tree}`], { cwd: gitDir });
  for (const newOid of [tag, tree])
    await assert.rejects(
      refFacts(request([{ ref: 'refs/heads/x', oldOid: zero, newOid }]), undefined, context),
      {
        code: 'PUSH_REQUEST_INVALID',
        blame: 'client',
      },
    );
  const held = { typeOf: () => 'blob', parentsOf: () => undefined } as unknown as HeldPack;
  await assert.rejects(
    refFacts(request([{ ref: 'refs/heads/x', oldOid: zero, newOid: c1 }]), held, context),
    {
      code: 'PUSH_REQUEST_INVALID',
    },
  );
});

test('a new oid that neither the pack nor the upstream holds is refused', async (t) => {
  const { c1, c5, held, context } = await setUp(t);
  const updates = [
    { ref: 'refs/heads/a', oldOid: zero, newOid: c1 },
    { ref: 'refs/heads/b', oldOid: zero, newOid: 'e'.repeat(40) },
    { ref: 'refs/heads/c', oldOid: zero, newOid: c5 },
  ];
  await assert.rejects(refFacts(request(updates), held, context), {
    code: 'PACK_MISSING_OBJECT',
    detail: 'e'.repeat(40),
  });
});

test('a tip that the upstream shows, and a deletion, ask the upstream for nothing', async (t) => {
  const { c1, context } = await setUp(t);
  const quiet = { ...context, source: () => assert.fail('the upstream was asked'), isBranchTip: () => true };
  const updates = [
    { ref: 'refs/heads/new', oldOid: zero, newOid: c1 },
    { ref: 'refs/heads/gone', oldOid: c1, newOid: zero },
  ];
  assert.equal((await refFacts(request(updates), undefined, quiet)).length, 2);
});

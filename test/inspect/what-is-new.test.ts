import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import type { Oid, PushRequest, RefUpdate } from '../../src/domain/git.ts';
import type { ContentAsked } from '../../src/domain/policy.ts';
import type { HeldPack } from '../../src/domain/ports.ts';
import { whatIsNew } from '../../src/inspect/what-is-new.ts';
import { git, initBare, tempDir } from '../support/git.ts';
import { LocalSource } from '../support/local-source.ts';
import { heldCommits, makeGraph } from './commit-graph.ts';

const zero = '0'.repeat(40);
const never: ContentAsked = { asked: false, byRef: false, byPath: false };
const anywhere: ContentAsked = { ...never, asked: true };
const byRef: ContentAsked = { ...anywhere, byRef: true };

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

/** A graph of commits, an upstream that has some of it, and a pack that has some of it. */
async function scene(t: TestContext, graph: readonly (readonly number[])[]) {
  const work = join(tempDir(t, 'new-work'), 'w.git');
  const upstream = join(tempDir(t, 'new-upstream'), 'u.git');
  const parents = graph.map((row) => [...row]);
  const oids = await makeGraph(work, parents);
  await initBare(upstream);
  const at = (n: number): Oid => oids[n] ?? assert.fail(`no commit ${n}`);
  return {
    at,
    upstream,
    async publish(refs: Readonly<Record<string, number>>) {
      const specs = Object.entries(refs).map(([ref, n]) => `${at(n)}:${ref}`);
      await git(['push', '--quiet', '--force', upstream, ...specs], { cwd: work });
    },
    async unpublish(...refs: string[]) {
      for (const ref of refs) await git(['update-ref', '-d', ref], { cwd: upstream });
    },
    async judge(
      updates: readonly RefUpdate[],
      inPack: (n: number) => boolean,
      asksForContent: ContentAsked = byRef,
    ) {
      const commits = heldCommits(oids, parents, inPack);
      const held = { ...commits, tagTarget: () => undefined } as unknown as HeldPack;
      const open = () => new LocalSource(upstream);
      const found = await whatIsNew(request(updates), held, { open, asksForContent });
      return {
        ...found,
        unreached: found.unreached.map(({ oid }) => oids.indexOf(oid)).sort((a, b) => a - b),
        known: found.known.map((oid) => oids.indexOf(oid)).sort((a, b) => a - b),
      };
    },
  };
}

test('a push on top of the old tip asks the upstream nothing', async (t) => {
  const { at, judge, upstream } = await scene(t, [[], [0]]);
  const update = { ref: 'refs/heads/main', oldOid: at(0), newOid: at(1) };
  // The upstream is empty: whatever were asked of it would fail.
  const found = await judge([update], (n) => n === 1);
  assert.ok(upstream);
  assert.deepEqual(found, {
    updates: [{ ...update, difference: false, content: false }],
    unreached: [],
    known: [],
    unknowns: [],
    unread: new Map(),
  });
});

test('a new branch from the middle of a history brings only what is in the pack', async (t) => {
  const { at, judge, publish } = await scene(t, [[], [0], [1], [1]]);
  await publish({ 'refs/heads/main': 2 });
  const found = await judge([{ ref: 'refs/heads/new', oldOid: zero, newOid: at(3) }], (n) => n === 3);
  assert.deepEqual([found.unreached, found.known], [[], []]);
  assert.equal(found.updates[0]?.difference, false);
});

test('commits that the upstream holds and no ref of it reaches are judged as new', async (t) => {
  const { at, judge, publish, unpublish } = await scene(t, [[], [0], [1], [2]]);
  await publish({ 'refs/heads/main': 0, 'refs/heads/left': 2 });
  await unpublish('refs/heads/left');
  const onTop = await judge([{ ref: 'refs/heads/new', oldOid: zero, newOid: at(3) }], (n) => n === 3);
  assert.deepEqual(onTop.unreached, [1, 2]);
  const moved = await judge([{ ref: 'refs/heads/main', oldOid: at(0), newOid: at(2) }], () => false);
  assert.deepEqual(moved.unreached, [1, 2]);
  assert.deepEqual([moved.updates[0]?.difference, moved.updates[0]?.content], [true, true]);
});

test('a ref that moves onto what another branch has is compared as a whole, with content where the policy asks', async (t) => {
  const { at, judge, publish } = await scene(t, [[], [0], [1]]);
  await publish({ 'refs/heads/main': 0, 'refs/heads/topic': 2 });
  const update = { ref: 'refs/heads/main', oldOid: at(0), newOid: at(2) };
  for (const asks of [byRef, anywhere, never]) {
    const found = await judge([update], () => false, asks);
    assert.deepEqual(found.updates, [{ ...update, difference: true, content: asks.asked }]);
    assert.deepEqual(found.unreached, []);
  }
});

test('a merge of what another branch has is compared as a whole, with content where rules tell branches apart', async (t) => {
  const { at, judge, publish } = await scene(t, [[], [0], [0], [1, 2]]);
  await publish({ 'refs/heads/main': 1, 'refs/heads/topic': 2 });
  for (const [asks, content] of [
    [byRef, true],
    [anywhere, false],
    [never, false],
  ] as const) {
    const update = { ref: 'refs/heads/main', oldOid: at(1), newOid: at(3) };
    const found = await judge([update], (n) => n === 3, asks);
    assert.deepEqual([found.updates[0]?.difference, found.updates[0]?.content], [true, content]);
  }
});

test('commits that the client sent although a ref has moved past them are not new', async (t) => {
  const { at, judge, publish } = await scene(t, [[], [0], [1], [2], [2], [4]]);
  // The client knew 0 alone; meanwhile 1 and 2 have come, and 3 on top of them.
  await publish({ 'refs/heads/main': 3 });
  const found = await judge([{ ref: 'refs/heads/topic', oldOid: zero, newOid: at(5) }], (n) =>
    [1, 2, 4, 5].includes(n),
  );
  assert.deepEqual(found.known, [1, 2]);
});

test('a ref that moves onto commits that the client sent although another ref has them is compared as a whole', async (t) => {
  const { at, judge, publish } = await scene(t, [[], [0], [1]]);
  await publish({ 'refs/heads/main': 0, 'refs/heads/topic': 2 });
  const found = await judge([{ ref: 'refs/heads/main', oldOid: at(0), newOid: at(2) }], (n) => n > 0);
  assert.deepEqual(found.known, [1, 2]);
  assert.deepEqual([found.updates[0]?.difference, found.updates[0]?.content], [true, true]);
});

test('commits that the upstream holds without reaching them are new although it has them', async (t) => {
  const { at, judge, publish, unpublish } = await scene(t, [[], [0], [1]]);
  await publish({ 'refs/heads/main': 0, 'refs/heads/refused': 2 });
  await unpublish('refs/heads/refused');
  const found = await judge([{ ref: 'refs/heads/again', oldOid: zero, newOid: at(2) }], (n) => n > 0);
  assert.deepEqual(found.known, []);
});

test('what one update claims as its old oid excuses nothing in another', async (t) => {
  const { at, judge, publish, unpublish } = await scene(t, [[], [0], [1]]);
  await publish({ 'refs/heads/main': 0, 'refs/heads/left': 1 });
  await unpublish('refs/heads/left');
  const found = await judge(
    [
      { ref: 'refs/heads/claimed', oldOid: at(1), newOid: at(2) },
      { ref: 'refs/heads/new', oldOid: zero, newOid: at(2) },
    ],
    (n) => n === 2,
  );
  assert.deepEqual(found.unreached, [1]);
});

test('new commits agree with git rev-list NEW --not --all on generated histories', async (t) => {
  const graphs = fc
    .array(fc.array(fc.nat(), { maxLength: 3 }), { minLength: 3, maxLength: 9 })
    .map((rows) => rows.map((row, n) => (n === 0 ? [] : [...new Set(row.map((value) => value % n))])));
  const cases = fc.tuple(
    graphs,
    fc.array(fc.nat(), { minLength: 1, maxLength: 3 }),
    fc.nat(),
    fc.array(fc.nat()),
  );
  await fc.assert(
    fc.asyncProperty(cases, async ([graph, refs, tip, extra]) => {
      const { at, judge, publish, unpublish, upstream } = await scene(t, graph);
      const pick = (value: number): number => value % graph.length;
      // Some refs stay, one is deleted and leaves its commits behind.
      await publish({
        ...Object.fromEntries(refs.map((value, i) => [`refs/heads/r${i}`, pick(value)])),
        'refs/heads/gone': pick(refs[0] ?? 0),
      });
      const [, ...rest] = refs;
      if (rest.length > 0) await unpublish('refs/heads/gone', 'refs/heads/r0');
      const there = new Set(
        (
          await git(['cat-file', '--batch-all-objects', '--batch-check=%(objectname)'], { cwd: upstream })
        ).split('\n'),
      );
      const sent = new Set(extra.map(pick));
      const inPack = (n: number): boolean => !there.has(at(n)) || sent.has(n);
      const newOid = at(pick(tip));
      const found = await judge([{ ref: 'refs/heads/new', oldOid: zero, newOid }], inPack);
      const reach = (start: number, seen = new Set<number>()): Set<number> => {
        if (!seen.has(start)) {
          seen.add(start);
          for (const parent of graph[start] ?? []) reach(parent, seen);
        }
        return seen;
      };
      const onRefs = new Set(
        (await git(['rev-list', '--all'], { cwd: upstream })).split('\n').filter(Boolean),
      );
      const expected = [...reach(pick(tip))].filter((n) => !onRefs.has(at(n))).sort((a, b) => a - b);
      const packed = reachInPack(pick(tip), graph, inPack).filter((n) => !found.known.includes(n));
      const got = [...new Set([...packed, ...found.unreached])].sort((a, b) => a - b);
      // A single commit is never asked about: a tip that the upstream has is not sent by git.
      if (packed.length === 1 && expected.length === 0) return;
      assert.deepEqual(got, expected);
    }),
    { numRuns: 25 },
  );
});

function reachInPack(
  start: number,
  graph: readonly (readonly number[])[],
  inPack: (n: number) => boolean,
): number[] {
  const seen = new Set([start].filter(inPack));
  for (const n of seen) for (const parent of graph[n] ?? []) if (inPack(parent)) seen.add(parent);
  return [...seen];
}

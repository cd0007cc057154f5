import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import type { HeldPack } from '../../src/domain/ports.ts';
import { type Ancestry, createAncestry } from '../../src/inspect/ancestry.ts';
import { defaultBorrowLimits } from '../../src/inspect/borrowed-pack.ts';
import { git, initBare, runGit, tempDir } from '../support/git.ts';
import { LocalSource } from '../support/local-source.ts';
import { heldCommits, makeGraph } from './commit-graph.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };

function ancestryOf(max = 10_000, limits = defaultBorrowLimits): Ancestry {
  return createAncestry({ maxCachedCommits: max, log: silent, limits });
}

async function expected(gitDir: string, old: string, next: string): Promise<boolean> {
  return (await runGit(['merge-base', '--is-ancestor', old, next], { cwd: gitDir })).status === 0;
}

/** Roots, chains, merges, octopuses and criss-crosses, in any mixture. */
const graphs = fc
  .array(fc.uniqueArray(fc.nat(11), { maxLength: 3 }), { minLength: 2, maxLength: 12 })
  .map((rows) => rows.map((row, n) => (n === 0 ? [] : [...new Set(row.map((value) => value % n))])));

for (const objectFormat of ['sha1', 'sha256'] as const)
  test(`ancestry agrees with git merge-base --is-ancestor on generated ${objectFormat} repositories`, async (t) => {
    const dir = tempDir(t, 'anc');
    let made = 0;
    await fc.assert(
      fc.asyncProperty(
        graphs,
        fc.integer({ min: 1, max: 12 }),
        fc.boolean(),
        async (parents, split, cold) => {
          const gitDir = join(dir, `${made++}.git`);
          const oids = await makeGraph(gitDir, parents, objectFormat);
          const held = heldCommits(oids, parents, (n) => n >= split);
          // The upstream has only what the pack has not.
          const upstream = join(dir, `${made}-up.git`);
          await initBare(upstream, objectFormat);
          const there = oids.flatMap((_, n) => (n < split ? [`refs/heads/c${n}`] : []));
          await git(['push', '--quiet', upstream, ...there], { cwd: gitDir });
          const shared = ancestryOf();
          for (let pair = 0; pair < 8; pair++) {
            const next = (pair * 5 + split) % oids.length;
            const old = (pair * 3) % Math.max(1, Math.min(split, oids.length));
            const [oldOid, newOid] = [oids[old] ?? '', oids[next] ?? ''];
            const answer = await (cold ? ancestryOf(0) : shared).isAncestor(oldOid, newOid, {
              held: held as unknown as HeldPack,
              source: () => new LocalSource(upstream),
              objectFormat,
            });
            assert.equal(
              answer,
              await expected(gitDir, oldOid, newOid),
              `${old} in ${next} of ${JSON.stringify(parents)}`,
            );
          }
        },
      ),
      { numRuns: objectFormat === 'sha1' ? 8 : 3 },
    );
  });

test('without a pack, and with an upstream that cannot filter, the upstream’s own commits tell', async (t) => {
  const gitDir = join(tempDir(t, 'anc'), 'r.git');
  const parents = [[], [0], [0], [1, 2], [3], [2]];
  const oids = await makeGraph(gitDir, parents);
  for (const config of [['uploadpack.allowFilter=true'], ['uploadpack.allowFilter=false']])
    for (const old of [0, 1, 4, 5])
      for (const next of [3, 4, 5]) {
        const [oldOid, newOid] = [oids[old] ?? '', oids[next] ?? ''];
        const answer = await ancestryOf().isAncestor(oldOid, newOid, {
          source: () => new LocalSource(gitDir, config),
          objectFormat: 'sha1',
        });
        assert.equal(answer, await expected(gitDir, oldOid, newOid), `${old} in ${next}`);
      }
});

test('history that the pack itself decides asks the upstream for nothing', async () => {
  const oids = ['a', 'b', 'c', 'd'].map((digit) => digit.repeat(40));
  const parents = [[], [0], [1], []];
  const held = heldCommits(oids, parents, (n) => n !== 0) as unknown as HeldPack;
  const source = () => assert.fail('the upstream was asked');
  const query = { held, source, objectFormat: 'sha1' } as const;
  assert.equal(await ancestryOf().isAncestor(oids[0] ?? '', oids[2] ?? '', query), true);
  assert.equal(await ancestryOf().isAncestor(oids[0] ?? '', oids[0] ?? '', query), true);
  assert.equal(await ancestryOf().isAncestor(oids[0] ?? '', oids[3] ?? '', query), false);
});

test('what was learned once is not asked again', async (t) => {
  const gitDir = join(tempDir(t, 'anc'), 'r.git');
  const oids = await makeGraph(gitDir, [[], [0], [1], [2]]);
  let opened = 0;
  const source = () => {
    opened++;
    return new LocalSource(gitDir);
  };
  const ancestry = ancestryOf();
  const ask = (old: number, next: number) =>
    ancestry.isAncestor(oids[old] ?? '', oids[next] ?? '', { source, objectFormat: 'sha1' });
  assert.equal(await ask(0, 3), true);
  assert.equal(opened, 1);
  assert.equal(await ask(1, 3), true);
  assert.equal(await ask(1, 2), true);
  assert.equal(opened, 1);
});

test('a source that fails, an object that is nowhere and a limit give unknown, and the cause is logged', async (t) => {
  const gitDir = join(tempDir(t, 'anc'), 'r.git');
  const oids = await makeGraph(gitDir, [[], [0], []]);
  const causes: object[] = [];
  const log = { ...silent, warn: (fields: object) => void causes.push(fields) };
  const ask = (
    old: string,
    next: string,
    limits = defaultBorrowLimits,
    budget = { commits: 100, requests: 1 },
  ) =>
    createAncestry({ maxCachedCommits: 10, log, limits }).isAncestor(old, next, {
      source: () => new LocalSource(gitDir),
      objectFormat: 'sha1',
      budget,
    });
  assert.equal(await ask(oids[0] ?? '', 'f'.repeat(40)), 'unknown');
  assert.equal(await ask(oids[2] ?? '', oids[1] ?? '', { ...defaultBorrowLimits, maxObjects: 1 }), 'unknown');
  assert.equal(await ask(oids[2] ?? '', oids[1] ?? '', { ...defaultBorrowLimits, maxBytes: 100 }), 'unknown');
  assert.equal(
    await ask(oids[2] ?? '', oids[1] ?? '', defaultBorrowLimits, { commits: 1, requests: 1 }),
    'unknown',
  );
  assert.equal(
    await ask(oids[2] ?? '', oids[1] ?? '', defaultBorrowLimits, { commits: 100, requests: 0 }),
    'unknown',
  );
  assert.equal(causes.length, 5);
  const failing = createAncestry({ maxCachedCommits: 10, log }).isAncestor(oids[0] ?? '', oids[1] ?? '', {
    source: () => {
      throw new Error('no agent');
    },
    objectFormat: 'sha1',
  });
  assert.equal(await failing, 'unknown');
});

test('an old oid that the upstream does not have is no ancestor', async (t) => {
  const gitDir = join(tempDir(t, 'anc'), 'r.git');
  const oids = await makeGraph(gitDir, [[], [0]]);
  const query = { source: () => new LocalSource(gitDir), objectFormat: 'sha1' } as const;
  assert.equal(await ancestryOf().isAncestor('f'.repeat(40), oids[1] ?? '', query), false);
});

test('a client that went away ends the question', async (t) => {
  const gitDir = join(tempDir(t, 'anc'), 'r.git');
  const oids = await makeGraph(gitDir, [[], [0]]);
  const query = {
    source: () => new LocalSource(gitDir),
    objectFormat: 'sha1',
    signal: AbortSignal.abort(),
  } as const;
  await assert.rejects(ancestryOf().isAncestor(oids[0] ?? '', oids[1] ?? '', query), { code: 'HUNG_UP' });
});

test('a long history is read through deltas and within small limits', async (t) => {
  const gitDir = join(tempDir(t, 'anc'), 'r.git');
  const count = 3_000;
  const parents = Array.from({ length: count }, (_, n) => (n === 0 ? [] : [n - 1]));
  const oids = await makeGraph(gitDir, parents);
  await git(['repack', '-q', '-a', '-d', '-f', '--window=50', '--depth=50'], { cwd: gitDir });
  const limits = { ...defaultBorrowLimits, maxKeptBytes: 1024 * 1024 };
  const query = { source: () => new LocalSource(gitDir), objectFormat: 'sha1' } as const;
  assert.equal(await ancestryOf(100, limits).isAncestor(oids[0] ?? '', oids[count - 1] ?? '', query), true);
  assert.equal(
    await ancestryOf(100, limits).isAncestor(oids[count - 1] ?? '', oids[count - 2] ?? '', query),
    false,
  );
});

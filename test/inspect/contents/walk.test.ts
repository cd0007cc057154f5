import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { git, initBare, tempDir } from '../../support/git.ts';
import { histories, makeHistory } from './generated-history.ts';
import { listsOf, packOf, walkPack } from './walk-fixture.ts';

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');

for (const format of ['sha1', 'sha256'] as const)
  test(`new commits and their changes agree with git on generated ${format} pushes`, async (t) => {
    const dir = tempDir(t, 'walks');
    let made = 0;
    await fc.assert(
      fc.asyncProperty(histories, fc.nat(11), async (steps, at) => {
        const source = join(dir, `${made++}.git`);
        const oids = await makeHistory(source, steps, format);
        const split = at % oids.length;
        const upstream = join(dir, `${made}-up.git`);
        await initBare(upstream, format);
        const there = oids.slice(0, split);
        if (split > 0)
          await git(['push', '-q', upstream, ...there.map((_, n) => `refs/heads/c${n}`)], { cwd: source });
        const tips = oids.slice(split);
        const pack = await packOf(source, tips, there);
        const updates = tips.map((newOid, n) => ({
          ref: `refs/heads/c${split + n}`,
          newOid,
          difference: false,
          content: false,
        }));
        const walked = await walkPack(t, pack, upstream, { updates, format });
        assert.equal(walked.hidden, undefined);
        assert.deepEqual(walked.findings, []);
        for (const [i, newOid] of tips.entries()) {
          const { commits, changes } = listsOf(walked, i);
          const not = there.map((oid) => `^${oid}`);
          const expected = lines(await git(['rev-list', '--topo-order', newOid, ...not], { cwd: source }));
          assert.deepEqual(commits.map(({ oid }) => oid).sort(), expected.sort());
          const seen = new Set<string>();
          for (const { oid, parents } of commits) {
            for (const parent of parents) assert.ok(!expected.includes(parent) || seen.has(parent));
            seen.add(oid);
          }
          assert.deepEqual(walked.updates[i]?.counts, { commits: commits.length, changes: changes.length });
          assert.deepEqual(walked.updates[i]?.unknowns, []);
          for (const { oid, parents } of commits) {
            const how = parents.length > 1 ? ['-c'] : ['--root'];
            const args = [
              'diff-tree',
              ...how,
              '-r',
              '-z',
              '--no-renames',
              '--no-commit-id',
              '--name-only',
              oid,
            ];
            const paths = (await git(args, { cwd: source })).split('\0').filter((path) => path !== '');
            const ours = changes
              .filter(({ commit }) => commit === oid)
              .flatMap(({ path, from }) => [path, ...(from === undefined ? [] : [from])]);
            assert.deepEqual(ours.sort(), paths.sort());
          }
        }
      }),
      { numRuns: format === 'sha1' ? 12 : 3 },
    );
  });

/**
 * What is a fast-forward, through the real server: every move between commits of
 * a generated history must be recorded as `git merge-base --is-ancestor` says,
 * whether the upstream has the commits already or the pack brings them.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { type Bastion, startBastion } from '../support/bastion.ts';
import { git, runGit } from '../support/git.ts';
import { data, fastImport } from '../support/repos.ts';
import { suiteCleanup } from '../support/suite.ts';
import { applyPolicy, dataOf, makeForked, sessionIn, tip } from './pushing.ts';

const policy = `
access: [{ who: { group: dev }, repo: ["ssh/*", "http/*", "path/*"], may: [read, write] }]
rules:
  - { name: history-is-kept, when: { ref: "refs/heads/kept/**", change: [delete, non-fast-forward] }, then: deny }
  - { name: nothing-passes, when: { ref: "refs/heads/never/**", change: update }, then: deny }
`;

/** A sequence that is the same every time. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state >>> 8;
  }
}

/** Commits 0 to count-1, each with up to three parents among those before it; commit n is `refs/heads/c/N`. */
async function makeHistory(gitDir: string, count: number, seed: number): Promise<void> {
  const random = numbers(seed);
  let stream = '';
  for (let n = 0; n < count; n++) {
    const parents = new Set<number>();
    const wanted = n === 0 || random.next().value % 12 === 0 ? 0 : 1 + (random.next().value % 3);
    while (parents.size < Math.min(wanted, n)) parents.add(n - 1 - (random.next().value % Math.min(n, 6)));
    const [first, ...rest] = parents;
    const links =
      first === undefined ? '' : `from :${first + 1}\n${rest.map((one) => `merge :${one + 1}\n`).join('')}`;
    stream += `reset refs/heads/c/${n}\ncommit refs/heads/c/${n}\nmark :${n + 1}\ncommitter Ann <ann@example.com> ${1_700_000_000 + (random.next().value % 999)} +0000\n${data(`${n}\n`)}${links}M 100644 inline f\n${data(`${n}\n`)}\n`;
  }
  await git(['init', '--quiet', '--bare', gitDir]);
  await fastImport(gitDir, stream);
}

describe('fast-forward by ancestry', { timeout: 120_000 }, () => {
  const t = suiteCleanup();
  let bastion: Bastion;

  before(async () => {
    bastion = await startBastion(t);
    await applyPolicy(bastion, policy);
  });

  const upstreamOf = async (name: string): Promise<string> => {
    await git(['init', '--quiet', '--bare', bastion.gitDir(name)]);
    return bastion.gitDir(name);
  };

  const count = 40;
  for (const known of ['all', 'the older half', 'only the old tips'] as const)
    test(`agrees with git on a generated history of which the upstream has ${known}`, async () => {
      const name = `history-${known.length}`;
      const local = join(bastion.dir, `${name}.git`);
      await makeHistory(local, count, known.length);
      const gitDir = await upstreamOf(name);
      const random = numbers(7 * known.length);
      const pairs = Array.from({ length: 60 }, () => {
        const old = random.next().value % count;
        const next = random.next().value % count;
        return known === 'the older half' ? [old % (count / 2), next] : [old, next];
      });
      const given = known === 'all' ? 'refs/heads/c/*:refs/heads/c/*' : 'refs/heads/c/0:refs/heads/c/0';
      const tips = pairs.map(([old], at) => `refs/heads/c/${old}:refs/heads/never/${at}`);
      await git(['push', '--quiet', gitDir, given, ...tips], { cwd: local });
      const specs = pairs.map(([, next], at) => `+refs/heads/c/${next}:refs/heads/never/${at}`);
      const moved = pairs.filter(([old, next]) => old !== next).length;
      const run = await bastion.run(['push', bastion.url('http', 'path', name), ...specs], { cwd: local });
      const [inspected] = dataOf(await bastion.events(sessionIn(run)), 'push.inspected');
      assert.equal(inspected?.refs.length, moved);
      for (const { ref, oldOid, newOid, fastForward } of inspected?.refs ?? []) {
        const says = await runGit(['merge-base', '--is-ancestor', oldOid, newOid], { cwd: local });
        assert.equal(fastForward, says.status === 0, `${ref} from ${oldOid} to ${newOid}`);
      }
    });

  describe('the moves that people make', () => {
    let local: string;
    let runs = 0;

    before(async () => {
      local = join(bastion.dir, 'forked.git');
      await makeForked(local);
      await git(['symbolic-ref', 'HEAD', 'refs/heads/work'], { cwd: local });
    });

    const commit = async (message: string, ...parents: readonly string[]): Promise<string> =>
      git(['commit-tree', 'main^{tree}', '-m', message, ...parents.flatMap((one) => ['-p', one])], {
        cwd: local,
      });

    /** Whether the kept branch may move, and whether git sent objects for it. */
    async function moves(from: string, to: string, alsoThere: readonly string[] = []): Promise<boolean> {
      const name = `moves-${runs++}`;
      const gitDir = await upstreamOf(name);
      const there = [from, ...alsoThere].map(
        (one, at) => `${one}:refs/heads/${at === 0 ? 'kept/b' : `also-${at}`}`,
      );
      await git(['push', '--quiet', gitDir, ...there], { cwd: local });
      const target = await git(['rev-parse', to], { cwd: local });
      const url = bastion.url(runs % 2 === 0 ? 'ssh' : 'http', runs % 3 === 0 ? 'ssh' : 'http', name);
      const run = await bastion.run(['push', '--force', url, `${target}:refs/heads/kept/b`], { cwd: local });
      assert.ok(run.status === 0 || run.stderr.includes('(refused: history-is-kept)'), run.stderr);
      const now = await tip(gitDir, 'refs/heads/kept/b');
      assert.equal(now === target, run.status === 0);
      return run.status === 0;
    }

    test('a branch moves forward, by commits of its own and by merges', async () => {
      assert.equal(await moves('main~2', 'main'), true);
      assert.equal(await moves('main', await commit('merge', 'main', 'other')), true);
      assert.equal(await moves('main', await commit('merge', 'other', 'main')), true);
    });

    test('a branch does not move back, although nothing is sent for it', async () => {
      assert.equal(await moves('main', 'main~1', ['topic']), false);
      assert.equal(await moves('main', 'main~4'), false);
    });

    test('a branch moves to a commit that the upstream has already, forward and not otherwise', async () => {
      assert.equal(await moves('main', 'topic', ['topic']), true);
      assert.equal(await moves('main', 'fork', ['fork', 'topic']), false);
      assert.equal(await moves('main', 'other', ['other']), false);
    });

    test('a rebased or amended branch is not a fast-forward, and one that merged itself back is', async () => {
      const amended = await commit('amended', 'main~1');
      assert.equal(await moves('main', amended), false);
      assert.equal(await moves('main', await commit('healed', amended, 'main')), true);
    });

    test('criss-cross merges are told apart', async () => {
      const [a, b] = [await commit('a', 'main'), await commit('b', 'main')];
      const [ab, ba] = [await commit('ab', a, b), await commit('ba', b, a)];
      assert.equal(await moves(ab, await commit('after ab', ab)), true);
      assert.equal(await moves(ab, ba), false);
      assert.equal(await moves(ab, await commit('both', ba, ab)), true);
    });

    test('a branch does not move onto a commit without parents that has the same content', async () => {
      assert.equal(await moves('main', await commit('no history')), false);
    });
  });
});

/**
 * Attack: a repository with a million refs.
 * 1. Somebody who may push makes branch after branch; or an upstream has them for other reasons.
 * 2. Every client that so much as lists the refs, in any version of the protocol, through either door, has
 *    the gateway read and write some seventy megabytes.
 * 3. A push has the gateway and the agent look through all of them, twice.
 * Refs pass in batches: the memory of neither process grows with their number.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { agentOf, endsWithFile } from '../fault/scene.ts';
import { git, gitEnv, runGit } from '../support/git.ts';
import { makeRepo } from '../support/repos.ts';
import { laySiege, type Siege } from './siege.ts';

const count = 1_000_000;
/** What either process may have at most, in MiB: each starts with about a hundred. */
const most = 400;
const file = endsWithFile();

/** The highest resident memory of a process so far, in MiB. */
function peakOf(pid: number): number {
  return Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

describe('a million refs', () => {
  let siege: Siege;
  before(async () => {
    siege = await laySiege(file);
    const gitDir = siege.gitDir('web');
    await makeRepo(gitDir, 'linear', { count: 2 });
    const tip = await git(['rev-parse', 'main'], { cwd: gitDir });
    const packed = createWriteStream(join(gitDir, 'packed-refs'));
    packed.write('# pack-refs with: peeled fully-peeled sorted \n');
    for (let from = 0; from < count; from += 10_000) {
      const names = Array.from({ length: 10_000 }, (_, n) => (from + n).toString().padStart(7, '0'));
      const lines = names.map((name) => `${tip} refs/heads/many/${name}\n`).join('');
      if (!packed.write(lines)) await once(packed, 'drain');
    }
    packed.end();
    await once(packed, 'close');
    await siege.login('ann');
  });

  /** Lines that ls-remote prints, counted and not kept. */
  async function countRefs(
    url: string,
    version: number,
    env: Readonly<Record<string, string>>,
  ): Promise<number> {
    const args = ['-c', `protocol.version=${version}`, 'ls-remote', url];
    const child = spawn('git', args, { env: gitEnv(env), stdio: ['ignore', 'pipe', 'ignore'] });
    let lines = 0;
    for await (const piece of child.stdout as AsyncIterable<Buffer>)
      for (let at = piece.indexOf(10); at >= 0; at = piece.indexOf(10, at + 1)) lines += 1;
    return lines;
  }

  function stillFlat(): void {
    for (const pid of [siege.refgate.pid, agentOf(siege.refgate)])
      assert.ok(peakOf(pid) < most, `${peakOf(pid)} MiB`);
  }

  for (const door of ['ssh', 'http'] as const) {
    for (const version of [0, 2]) {
      test(`are listed over ${door} in v${version}, and memory stays flat`, async () => {
        const { key } = await siege.login('ann');
        const url = door === 'ssh' ? siege.sshUrl('web') : await siege.url('web');
        // HEAD and main besides.
        assert.equal(await countRefs(url, version, key.env), count + 2);
        stillFlat();
      });
    }
  }

  test('do not keep a new branch from being pushed, and memory stays flat', async () => {
    const clone = join(siege.dir, 'clone');
    const single = ['--single-branch', '--no-tags', '--branch', 'main'];
    await git(['clone', '--quiet', ...single, siege.gitDir('web'), clone]);
    await git(['commit', '--quiet', '--allow-empty', '-m', 'x'], { cwd: clone });
    const refs = ['HEAD:refs/heads/new', 'HEAD:refs/heads/Many/0999999'];
    const run = await runGit(['push', await siege.url('web'), ...refs], { cwd: clone, timeout: 120_000 });
    assert.match(run.stderr, /HEAD -> new/);
    assert.match(run.stderr, /would be taken for refs\/heads\/many\/0999999/);
    stillFlat();
  });
});

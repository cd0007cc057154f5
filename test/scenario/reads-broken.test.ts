/**
 * Clones of a large repository that break: the client, the upstream or the agent
 * goes away in the middle, or the client does not read. "In the middle" is sure,
 * because the repository is far larger than every buffer on the way, and the client is stopped.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SessionSummary } from '../../src/domain/record.ts';
import {
  type Bastion,
  type Door,
  doors,
  startBastion,
  type UpstreamKind,
  upstreamKinds,
} from '../support/bastion.ts';
import { git, gitEnv, initBare } from '../support/git.ts';
import { commandOf, descendantsOf, isAlive, memoryOf, processesAt, socketsOf } from '../support/processes.ts';
import { makeRepo } from '../support/repos.ts';

/** Of content that does not compress. */
const bigMiB = 120;

const everyWay = doors.flatMap((door) => upstreamKinds.map((upstream) => ({ door, upstream })));

/** Polls until it holds; nothing here is fast or slow by contract, it must only come. */
async function until(what: string, holds: () => boolean | Promise<boolean>, seconds = 30): Promise<void> {
  for (const deadline = Date.now() + seconds * 1000; ; await sleep(20)) {
    if (await holds()) return;
    assert.ok(Date.now() < deadline, `not within ${seconds} s: ${what}`);
  }
}

async function makeBigRepo(gitDir: string): Promise<void> {
  await initBare(gitDir);
  await git(['config', 'core.compression', '0'], { cwd: gitDir });
  const parts: Buffer[] = [
    Buffer.from('commit refs/heads/main\ncommitter A <a@example.com> 1700000000 +0000\ndata 4\nbig\n'),
  ];
  for (let n = 0; n < bigMiB; n++) {
    parts.push(
      Buffer.from(`M 100644 inline f${n}\ndata ${1 << 20}\n`),
      randomBytes(1 << 20),
      Buffer.from('\n'),
    );
  }
  parts.push(Buffer.from('done\n'));
  const options = [
    '-c',
    'core.bigFileThreshold=1',
    '-c',
    'core.compression=0',
    'fast-import',
    '--quiet',
    '--done',
  ];
  await git(options, { cwd: gitDir, input: Buffer.concat(parts) });
}

/** A `git clone` that was stopped, with everything that it started, while its pack came in. */
class StoppedClone {
  readonly #child: ChildProcess;
  readonly #exited: Promise<number>;
  #stderr = '';

  private constructor(bastion: Bastion, url: string, work: string) {
    this.#child = spawn('git', ['clone', '--bare', '--progress', url, work], {
      env: gitEnv(bastion.logins.ann.env),
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true,
    });
    this.#child.stderr?.on('data', (piece: Buffer) => {
      this.#stderr += piece.toString();
    });
    this.#exited = once(this.#child, 'close').then(([status, signal]) => (status ?? `${signal}`) as number);
  }

  static async start(
    t: TestContext,
    bastion: Bastion,
    door: Door,
    upstream: UpstreamKind,
  ): Promise<StoppedClone> {
    const work = join(bastion.dir, `stopped-${door}-${upstream}-${randomBytes(3).toString('hex')}`);
    const clone = new StoppedClone(bastion, bastion.url(door, upstream, 'big'), work);
    t.after(() => clone.kill());
    t.after(() => rmSync(work, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 }));
    const pack = join(work, 'objects', 'pack');
    await until('the pack comes in', () => incoming(pack) > 1 << 20 || clone.#child.exitCode !== null);
    clone.#signal('SIGSTOP');
    assert.ok(processesAt(bastion.gitDir('big')).length > 0, `the clone was over too soon: ${clone.#stderr}`);
    return clone;
  }

  /** Lets it go on to its end. */
  async goOn(): Promise<{ status: number; stderr: string }> {
    this.#signal('SIGCONT');
    return { status: await this.#exited, stderr: this.#stderr };
  }

  async kill(): Promise<void> {
    this.#signal('SIGKILL');
    await this.#exited;
  }

  /** To git and the ssh or remote helper under it, which are one process group. */
  #signal(signal: NodeJS.Signals): void {
    try {
      if (this.#child.pid !== undefined) process.kill(-this.#child.pid, signal);
    } catch {
      // All of it has ended.
    }
  }
}

function incoming(pack: string): number {
  if (!existsSync(pack)) return 0;
  const files = readdirSync(pack).filter((name) => name.startsWith('tmp_pack_'));
  return files.reduce(
    (sum, name) => sum + (statSync(join(pack, name), { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
}

function agentOf(bastion: Bastion): number {
  const agent = descendantsOf(bastion.refgate.pid).find((pid) => commandOf(pid).includes('agent/main.js'));
  assert.ok(agent !== undefined);
  return agent;
}

/** The newest session that sent a pack, once it is closed. */
async function closedClone(bastion: Bastion, upstream: UpstreamKind): Promise<SessionSummary> {
  let found: SessionSummary | undefined;
  await until('the session is closed', async () => {
    const rows = await bastion.sessions(`${upstream}/big`, 4);
    found = rows.find((row) => row.mode !== 'advertise');
    return found?.outcome !== undefined;
  });
  assert.ok(found);
  return found;
}

const upstreamIsGone = (bastion: Bastion): Promise<void> =>
  until('the upstream process is gone', () => processesAt(bastion.gitDir('big')).length === 0);

test('clones that break', { timeout: 300_000 }, async (t) => {
  const bastion = await startBastion(t);
  await makeBigRepo(bastion.gitDir('big'));
  await makeRepo(bastion.gitDir('tags'), 'tags');
  await memory(t, bastion);
  await clientsGone(t, bastion);
  await upstreamsGone(t, bastion);
  await agentGone(t, bastion);
});

async function memory(t: TestContext, bastion: Bastion): Promise<void> {
  const processes = (): number[] => [bastion.refgate.pid, agentOf(bastion)];

  for (const { door, upstream } of everyWay) {
    await t.test(
      `a clone of ${bigMiB} MiB over ${door} from an upstream over ${upstream} arrives whole in little memory`,
      async () => {
        const work = join(bastion.dir, `whole-${door}-${upstream}.git`);
        await bastion.git(['clone', '--quiet', '--bare', bastion.url(door, upstream, 'big'), work]);
        await git(['rev-list', '--objects', '--all', '--quiet'], { cwd: work });
        assert.equal(
          await git(['rev-parse', 'main'], { cwd: work }),
          await git(['rev-parse', 'main'], { cwd: bastion.gitDir('big') }),
        );
        rmSync(work, { recursive: true });
        for (const pid of processes()) assert.ok(memoryOf(pid).most < 250, JSON.stringify(memoryOf(pid)));
      },
    );
  }
}

async function clientsGone(t: TestContext, bastion: Bastion): Promise<void> {
  const { refgate } = bastion;
  for (const { door, upstream } of everyWay) {
    await t.test(
      `a client over ${door} that stops reading from ${upstream} and dies leaves nothing behind`,
      async (st) => {
        const clone = await StoppedClone.start(st, bastion, door, upstream);
        const held = [refgate.pid, agentOf(bastion)].map((pid) => memoryOf(pid).now);
        await sleep(300);
        for (const [n, pid] of [refgate.pid, agentOf(bastion)].entries()) {
          const { now } = memoryOf(pid);
          assert.ok(
            now < 250 && now - (held[n] ?? 0) < 50,
            `from ${held[n]} to ${now} MiB while nobody reads`,
          );
        }
        await clone.kill();
        await upstreamIsGone(bastion);
        const { outcome, code, bytesOut } = await closedClone(bastion, upstream);
        assert.deepEqual([outcome, code], ['aborted', 'HUNG_UP']);
        assert.ok((bytesOut ?? 0) > 1 << 20);
      },
    );
  }

  await t.test('after all of this no socket and no process is left over', async () => {
    await until(
      'few sockets are open',
      () => socketsOf(refgate.pid) < 12 && socketsOf(agentOf(bastion)) < 20,
    );
    assert.deepEqual(processesAt(bastion.gitDir('big')), []);
  });
}

async function upstreamsGone(t: TestContext, bastion: Bastion): Promise<void> {
  for (const { door, upstream } of everyWay) {
    await t.test(
      `over ${door}, when the upstream over ${upstream} dies in the middle, git fails and the ledger says so`,
      async (st) => {
        const clone = await StoppedClone.start(st, bastion, door, upstream);
        for (const pid of processesAt(bastion.gitDir('big'))) kill(pid);
        const { status, stderr } = await clone.goOn();
        assert.equal(status, 128, stderr);
        assert.match(stderr, /early EOF|unexpected disconnect|invalid index-pack output|hung up/);
        const { outcome, code } = await closedClone(bastion, upstream);
        assert.equal(outcome, 'failed', code);
      },
    );
  }
}

async function agentGone(t: TestContext, bastion: Bastion): Promise<void> {
  for (const { door, upstream } of everyWay) {
    await t.test(
      `over ${door} from ${upstream}, when the agent dies in the middle, git fails, and the next clone works`,
      async (st) => {
        const clone = await StoppedClone.start(st, bastion, door, upstream);
        const agent = agentOf(bastion);
        kill(agent);
        const { status, stderr } = await clone.goOn();
        assert.equal(status, 128, stderr);
        const { outcome, code } = await closedClone(bastion, upstream);
        assert.equal(outcome, 'failed', code);
        await upstreamIsGone(bastion);
        await until(
          'a new agent serves',
          async () => (await bastion.run(['ls-remote', bastion.url(door, upstream, 'tags')])).status === 0,
        );
        assert.notEqual(agentOf(bastion), agent);
      },
    );
  }
}

/** SIGKILL to a process of this test; one that has just ended is no harm. */
function kill(pid: number): void {
  if (isAlive(pid)) process.kill(pid, 'SIGKILL');
}

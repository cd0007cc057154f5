/**
 * The ledger fails at one event of a held push, or the process is killed at it: nothing is relayed without its events
 * on disk, nothing is relayed twice, and after the next start no push is stuck.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventCode } from '../../src/domain/record.ts';
import { askAboutMain, type HeldRepo, HeldScene } from '../attack/held-scene.ts';
import { api } from '../scenario/approving.ts';
import { git } from '../support/git.ts';
import { outDir } from '../support/refgate.ts';
import { endsWithFile, isAlive, until } from './scene.ts';

const failingServe = join(outDir, 'test', 'support', 'failing-serve.js');
const policy = askAboutMain({ onApprove: 'relay' });

const file = endsWithFile();

const failing = (fail: string) => ({ program: failingServe, env: { REFGATE_FAIL: fail } });

async function sceneWith(): Promise<HeldScene> {
  const scene = new HeldScene(file, {});
  await scene.start(policy);
  await scene.people();
  await scene.refgate.stop();
  return scene;
}

/** A vote that may be refused: the ledger fails. */
const tryVote = (scene: HeldScene, id: string) =>
  api(scene.refgate, scene.tokens['carol'] ?? '', `/pushes/${id}/votes`, { kind: 'approve' });

describe('a ledger that refuses', () => {
  const unrelayed = [
    'push.held',
    'push.voted',
    'push.approved',
    'push.claimed',
    'push.decided',
    'push.relayed',
  ] as const satisfies readonly EventCode[];
  const relayed = ['push.joined', 'push.detached', 'push.forwarded', 'push.reported'] as const;
  const ways = ['refuse', 'refuse-late'] as const;
  const cases = ways.flatMap((way) =>
    [...unrelayed, ...relayed].map((event) => ({ event, way, name: `${event.slice(5)}-${way}` })),
  );
  const repos = new Map<string, HeldRepo>();
  const made = new Map<string, string>();
  let scene: HeldScene;

  before(async () => {
    scene = await sceneWith();
    for (const { name } of cases) {
      const repo = await scene.repo(name);
      repos.set(name, repo);
      made.set(name, await repo.commit('a.txt'));
    }
    const failures = cases.map(({ event, way, name }) => `${event} ${way} repo=acme/${name}`);
    await scene.start(policy, failing(failures.join(';')));
  });

  const at = (name: string): HeldRepo => repos.get(name) ?? assert.fail();

  for (const { event, way, name } of cases.filter(({ event }) => !relayed.some((one) => one === event)))
    test(`when ${event} cannot be recorded (${way}), nothing is relayed`, async () => {
      const repo = at(name);
      const push = scene.push(repo, [scene.url(name), 'main']);
      if (event !== 'push.held') {
        const id = await push.heldId();
        await tryVote(scene, id);
        // People may vote once more: the client goes on waiting.
        if (event === 'push.voted' || event === 'push.approved') await push.kill();
      }
      const run = await push.done;
      assert.notEqual(run.status, 0);
      assert.equal(await repo.tip('refs/heads/main'), repo.before, run.stderr);
    });

  for (const { event, way, name } of cases.filter(({ event }) => relayed.some((one) => one === event)))
    test(`when ${event} cannot be recorded (${way}), an approved push goes all the same, and once`, async () => {
      const repo = at(name);
      const push = scene.push(repo, [scene.url(name), 'main']);
      const id = await push.heldId();
      if (event === 'push.joined') await scene.push(repo, [scene.url(name), 'main']).done;
      if (event === 'push.detached') await push.kill();
      assert.equal((await tryVote(scene, id)).status, 200);
      const run = await push.done;
      if (event !== 'push.detached') assert.equal(run.status, 0, run.stderr);
      await until('it went', async () => (await repo.tip('refs/heads/main')) === made.get(name));
    });

  test('after the next start each push has ended or can go on, and the ledger is whole', async () => {
    await scene.refgate.stop();
    await scene.start(policy);
    for (const { event, way, name } of cases) {
      const repo = at(name);
      const oid = made.get(name) ?? '';
      let push = scene.push(repo, [scene.url(name), 'main']);
      for (const end = Date.now() + 15_000; (await repo.tip('refs/heads/main')) !== oid; ) {
        const [, id] = /(p-[a-z0-9]{7})[ :,]/.exec(push.stderr) ?? [];
        if (id !== undefined) await tryVote(scene, id);
        // What was held as the ledger failed may have lost its pack: it ends, and is asked about anew.
        if (!push.isRunning) push = scene.push(repo, [scene.url(name), 'main']);
        if (Date.now() > end) assert.fail(`${event} ${way} is stuck: ${push.stderr}`);
        await sleep(50);
      }
      await push.done;
    }
    const open = JSON.parse(await scene.refgate.ok(['push', 'list', '--json'])) as unknown[];
    assert.deepEqual(open, []);
    await scene.refgate.ok(['audit', 'verify']);
    await until('the quarantine is empty', () => scene.quarantine().length === 0);
  });
});

test('an approval is used once, however often the server is killed', async () => {
  const scene = await sceneWith();
  const repo = await scene.repo('twice');
  const made = await repo.commit('a.txt');
  await scene.start(policy, failing('push.claimed kill-after'));
  const { pid } = scene.refgate;
  // Another session claims it than the one that brought it.
  const first = scene.push(repo, [scene.url('twice'), 'main']);
  const id = await first.heldId();
  const second = scene.push(repo, [scene.url('twice'), 'main']);
  await second.says(/held already/);
  await first.kill();
  await sleep(300);
  await tryVote(scene, id).catch(() => {});
  await until('the server is dead', () => !isAlive(pid));
  assert.equal(await repo.tip('refs/heads/main'), repo.before);
  // The next start goes on with it, and is killed once the upstream has it.
  await scene.start(policy, failing('push.forwarded kill-before')).catch(() => {});
  await until('it went', async () => (await repo.tip('refs/heads/main')) === made);
  await until('the second server is dead', () => !isAlive(scene.refgate.pid) || scene.refgate.pid === pid);
  // Somebody takes it back: what was approved once does not come back.
  await git(['update-ref', 'refs/heads/main', repo.before], { cwd: repo.upstream });
  await scene.start(policy);
  const held = await scene.becomes(id, 'forwarded', 'error');
  assert.equal(held.state, 'forwarded');
  await sleep(300);
  assert.equal(await repo.tip('refs/heads/main'), repo.before);
});

import assert from 'node:assert/strict';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { addReviewer, BackgroundGit, becomes, heldPush, startAgain, vote } from '../scenario/approving.ts';
import { git, runGit, tempDir } from '../support/git.ts';
import { type Refgate, startRefgate } from '../support/refgate.ts';
import { makeRepo } from '../support/repos.ts';

interface Scene {
  readonly refgate: Refgate;
  readonly clone: string;
  readonly upstream: string;
  readonly made: string;
  readonly carol: string;
  readonly id: string;
  readonly push: BackgroundGit;
  url(refgate: Refgate): string;
}

/** A push over HTTP that waits for carol, in a server that is to be killed. */
async function waiting(t: TestContext, ask: object): Promise<Scene> {
  const base = tempDir(t, 'killed');
  const upstream = join(base, 'srv', 'acme', 'web.git');
  await makeRepo(upstream, 'linear', { count: 3 });
  const refgate = await startRefgate(t, {
    dir: base,
    config: {
      upstreams: { disk: { path: { root: join(base, 'srv') } } },
      repos: [{ path: 'acme/*', upstream: 'disk' }],
      limits: { upstreamIdle: '4s' },
    },
    policy: {
      access: [{ who: { group: 'dev' }, repo: 'acme/*', may: ['read', 'write'] }],
      rules: [
        { name: 'reviewed', when: { ref: 'refs/heads/main' }, then: { ask: { group: 'reviewers', ...ask } } },
      ],
    },
  });
  const carol = await addReviewer(refgate, 'carol');
  const ann = await addReviewer(refgate, 'ann', ['--group', 'dev']);
  const url = ({ http }: Refgate): string => {
    const made = new URL(`${http}/acme/web.git`);
    made.username = 'ann';
    made.password = ann;
    return made.href;
  };
  const clone = join(base, 'clone');
  await git(['clone', '-q', url(refgate), clone]);
  writeFileSync(join(clone, 'a.txt'), 'a\n');
  await git(['add', '.'], { cwd: clone });
  await git(['commit', '-qm', 'add a'], { cwd: clone });
  const made = await git(['rev-parse', 'HEAD'], { cwd: clone });
  const push = new BackgroundGit(['push', url(refgate), 'main'], clone, {});
  t.after(() => push.kill());
  const id = await push.heldId();
  return { refgate, clone, upstream, made, carol, id, push, url };
}

const main = (gitDir: string): Promise<string> => git(['rev-parse', 'refs/heads/main'], { cwd: gitDir });
const quarantine = (dir: string): readonly string[] => {
  const folder = join(dir, 'data', 'quarantine');
  return existsSync(folder) ? readdirSync(folder) : [];
};

test('a push that waits outlives kill -9: relay completes it from the held bytes', async (t) => {
  const scene = await waiting(t, { onApprove: 'relay' });
  await scene.refgate.kill();
  const run = await scene.push.done;
  assert.notEqual(run.status, 0);
  const again = await startAgain(t, scene.refgate);
  const held = await heldPush(again, scene.id);
  assert.equal(held.state, 'pending');
  assert.deepEqual(quarantine(again.dir), [held.session]);
  await vote(again, scene.carol, scene.id, 'approve');
  await becomes(again, scene.id, ['forwarded']);
  assert.equal(await main(scene.upstream), scene.made);
  assert.deepEqual(quarantine(again.dir), []);
  const shown = JSON.parse(await again.ok(['session', 'show', held.session, '--json'])) as {
    code: string;
    data: { outcome?: string };
  }[];
  assert.equal(shown.find(({ code }) => code === 'session.closed')?.data.outcome, 'held');
});

test('a push that waits outlives kill -9: with retry the same update passes once it is approved', async (t) => {
  const scene = await waiting(t, { onApprove: 'retry' });
  await scene.refgate.kill();
  await scene.push.done;
  const again = await startAgain(t, scene.refgate);
  await vote(again, scene.carol, scene.id, 'approve');
  // The approval outlives it as well.
  await again.kill();
  const third = await startAgain(t, again);
  assert.equal((await heldPush(third, scene.id)).state, 'approved');
  const run = await runGit(['push', scene.url(third), 'main'], { cwd: scene.clone });
  assert.equal(run.status, 0, run.stderr);
  assert.equal(await main(scene.upstream), scene.made);
  assert.equal((await heldPush(third, scene.id)).state, 'forwarded');
});

test('what lapses while the server is down has lapsed when it comes back, and its pack is gone', async (t) => {
  const scene = await waiting(t, { within: '3s' });
  await scene.refgate.kill();
  await scene.push.done;
  await new Promise((resolve) => setTimeout(resolve, 3_200));
  const again = await startAgain(t, scene.refgate);
  assert.equal((await heldPush(again, scene.id)).state, 'lapsed');
  assert.deepEqual(quarantine(again.dir), []);
});

test('a server that is stopped lets waiting clients go, and holds what they pushed', async (t) => {
  const scene = await waiting(t, {});
  assert.equal(await scene.refgate.stop(), 0);
  const run = await scene.push.done;
  assert.equal(run.status, 1);
  assert.match(
    run.stderr,
    /\[remote rejected\] main -> main \(held as p-\w{7}: \S+; push again after approval\)/,
  );
  const again = await startAgain(t, scene.refgate);
  assert.equal((await heldPush(again, scene.id)).state, 'pending');
});

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Bastion, type Door, doors, startBastion } from '../support/bastion.ts';
import { makeClientKey } from '../support/client.ts';
import { git, tempDir } from '../support/git.ts';
import { makeRepo } from '../support/repos.ts';
import {
  addReviewer,
  api,
  askingPolicy,
  BackgroundGit,
  becomes,
  begin,
  heldPush,
  putInForce,
  vote,
} from './approving.ts';
import { addUser, dataOf, tip } from './pushing.ts';
import { linesOf, packOf, post, requestOf } from './raw-push.ts';

interface Scene {
  readonly bastion: Bastion;
  readonly carol: string;
  readonly dave: string;
  readonly door: Door;
  readonly url: string;
  readonly clone: string;
  readonly upstream: string;
  commit(name: string, branch?: string): Promise<string>;
  main(): Promise<string>;
}

let repos = 0;

/** One server for all tests of this file; each has a repository and a clone of its own. */
async function sceneOf(shared: Shared, door: Door, ask: object, rules: object[] = []): Promise<Scene> {
  const { bastion, carol, dave } = await shared.get();
  repos += 1;
  const name = `held${repos}`;
  const upstream = bastion.gitDir(name);
  await makeRepo(upstream, 'linear', { count: 3 });
  await putInForce(bastion.refgate, askingPolicy(ask as Record<string, unknown>, rules));
  const url = bastion.url(door, door, name);
  const clone = join(bastion.dir, name);
  await bastion.git(['clone', '-q', url, clone]);
  return {
    bastion,
    carol,
    dave,
    door,
    url,
    clone,
    upstream,
    main: () => tip(upstream, 'refs/heads/main'),
    async commit(file, branch = 'main') {
      if (branch !== 'main') await git(['checkout', '-q', '-B', branch, 'origin/main'], { cwd: clone });
      writeFileSync(join(clone, file), `${file}\n`);
      await git(['add', '.'], { cwd: clone });
      await git(['commit', '-qm', `add ${file}`], { cwd: clone });
      return git(['rev-parse', 'HEAD'], { cwd: clone });
    },
  };
}

class Shared {
  readonly #t: { after(close: () => unknown): void };
  #made: Promise<{ bastion: Bastion; carol: string; dave: string }> | undefined;

  constructor(t: { after(close: () => unknown): void }) {
    this.#t = t;
  }

  get(): Promise<{ bastion: Bastion; carol: string; dave: string }> {
    this.#made ??= (async () => {
      const bastion = await startBastion(this.#t, { config: { limits: { upstreamIdle: '4s' } } });
      const carol = await addReviewer(bastion.refgate, 'carol');
      const dave = await addReviewer(bastion.refgate, 'dave');
      return { bastion, carol, dave };
    })();
    return this.#made;
  }
}

const origin = (branch = 'main'): string[] => ['push', 'origin', branch];

test('held pushes', async (whole) => {
  const shared = new Shared(whole);
  for (const door of doors) {
    await whole.test(`approved over ${door}, the push completes in the same command`, async (t) => {
      const scene = await sceneOf(shared, door, {});
      const { bastion } = scene;
      const before = await scene.main();
      const made = await scene.commit('a.txt');
      const push = begin(t, bastion, origin(), scene.clone);
      const id = await push.heldId();
      assert.equal(await scene.main(), before);
      assert.match(push.stderr, new RegExp(`see and decide it: ${bastion.refgate.http}/-/pushes/${id}`));
      assert.match(push.stderr, /it needs one approval of reviewers within 30 minutes/);
      assert.match(
        push.stderr,
        /Waiting for a decision for up to 10 minutes; if you stop this command, push again once it is approved\./,
      );
      const held = await heldPush(bastion.refgate, id);
      assert.equal(held.state, 'pending');
      await vote(bastion.refgate, scene.carol, id, 'approve', 'fine by me');
      const run = await push.done;
      assert.equal(run.status, 0, run.stderr);
      assert.match(run.stderr, /Refgate: carol approved this push: fine by me/);
      assert.equal(await scene.main(), made);
      assert.equal((await becomes(bastion.refgate, id, ['forwarded'])).relayedBy, held.session);
      const events = await bastion.events(held.session);
      const codes = events.map(({ code }) => code).filter((code) => code.startsWith('push.'));
      assert.deepEqual(
        codes.filter((code) => !['push.forwarded', 'push.reported'].includes(code)),
        [
          'push.requested',
          'push.inspected',
          'push.held',
          'push.voted',
          'push.approved',
          'push.claimed',
          'push.decided',
          'push.relayed',
        ],
      );
      assert.ok(codes.includes('push.forwarded') && codes.includes('push.reported'));
      assert.equal(dataOf(events, 'push.decided')[0]?.held, id);
      assert.deepEqual(dataOf(events, 'push.approved')[0]?.by, ['carol']);
    });

    await whole.test(`denied over ${door}, the push is refused with the reviewer's reason`, async (t) => {
      const scene = await sceneOf(shared, door, { reason: true });
      const before = await scene.main();
      await scene.commit('a.txt');
      const push = begin(t, scene.bastion, origin(), scene.clone);
      const id = await push.heldId();
      const silent = await api(scene.bastion.refgate, scene.carol, `/pushes/${id}/votes`, { kind: 'deny' });
      assert.equal(silent.status, 400);
      await vote(scene.bastion.refgate, scene.carol, id, 'deny', 'not on a Friday');
      const run = await push.done;
      assert.equal(run.status, 1);
      assert.match(
        run.stderr,
        new RegExp(`! \\[remote rejected\\] main -> main \\(refused: carol refused ${id}: not on a Friday;`),
      );
      assert.equal(await scene.main(), before);
      assert.equal((await heldPush(scene.bastion.refgate, id)).state, 'rejected');
    });

    await whole.test(`when nobody votes in time over ${door}, the push lapses`, async (t) => {
      const scene = await sceneOf(shared, door, { within: '2s' });
      const before = await scene.main();
      await scene.commit('a.txt');
      const run = await begin(t, scene.bastion, origin(), scene.clone).done;
      assert.equal(run.status, 1);
      assert.match(
        run.stderr,
        /\(refused: nobody approved p-[a-z0-9]{7} within 2 seconds; push again to ask anew\)/,
      );
      assert.equal(await scene.main(), before);
    });

    await whole.test(
      `over ${door}, with a client that is gone, relay completes the push with the held bytes`,
      async (t) => {
        const scene = await sceneOf(shared, door, { onApprove: 'relay' });
        const made = await scene.commit('a.txt');
        const push = begin(t, scene.bastion, origin(), scene.clone);
        const id = await push.heldId();
        await push.kill();
        await vote(scene.bastion.refgate, scene.carol, id, 'approve');
        const held = await becomes(scene.bastion.refgate, id, ['forwarded']);
        assert.equal(await scene.main(), made);
        assert.deepEqual(held.reports, [{ ref: 'refs/heads/main', ok: true }]);
        const [session] = await scene.bastion.sessions(held.repo, 1);
        assert.equal(session?.outcome, 'held');
      },
    );

    await whole.test(
      `over ${door}, with a client that is gone, retry lets the same update pass once and nothing else`,
      async (t) => {
        const scene = await sceneOf(shared, door, { onApprove: 'retry' });
        const before = await scene.main();
        await scene.commit('a.txt');
        const push = begin(t, scene.bastion, origin(), scene.clone);
        const id = await push.heldId();
        await push.kill();
        await vote(scene.bastion.refgate, scene.carol, id, 'approve');
        await sleep(300);
        assert.equal(await scene.main(), before);
        // Another update is not what was approved.
        await scene.commit('b.txt');
        const other = begin(t, scene.bastion, origin(), scene.clone);
        const otherId = await other.heldId();
        assert.notEqual(otherId, id);
        assert.match(other.stderr, new RegExp(`it takes the place of ${id}, which is canceled`));
        await other.kill();
        assert.match((await heldPush(scene.bastion.refgate, id)).state, /approved|canceled/);
      },
    );

    await whole.test(
      `over ${door}, an approved update that is pushed again passes at once, and once`,
      async (t) => {
        const scene = await sceneOf(shared, door, { onApprove: 'retry' });
        const before = await scene.main();
        const made = await scene.commit('a.txt');
        const push = begin(t, scene.bastion, origin(), scene.clone);
        const id = await push.heldId();
        await push.kill();
        await vote(scene.bastion.refgate, scene.carol, id, 'approve');
        const again = await scene.bastion.run(origin(), { cwd: scene.clone });
        assert.equal(again.status, 0, again.stderr);
        assert.equal(await scene.main(), made);
        assert.equal((await heldPush(scene.bastion.refgate, id)).state, 'forwarded');
        // The upstream is set back behind our back: the used approval is worth nothing.
        await git(['update-ref', 'refs/heads/main', before], { cwd: scene.upstream });
        const third = begin(t, scene.bastion, origin(), scene.clone);
        assert.notEqual(await third.heldId(), id);
        await third.kill();
        assert.equal(await scene.main(), before);
      },
    );

    await whole.test(`over ${door}, wait: 0s tells the client to come back, and where to look`, async (t) => {
      const scene = await sceneOf(shared, door, { wait: '0s' });
      const made = await scene.commit('a.txt');
      const run = await begin(t, scene.bastion, origin(), scene.clone).done;
      assert.equal(run.status, 1);
      const [, id = '', url] =
        /\[remote rejected\] main -> main \(held as (p-\w{7}): (\S+); push again after approval\)/.exec(
          run.stderr,
        ) ?? [];
      assert.equal(url, `${scene.bastion.refgate.http}/-/pushes/${id}`, run.stderr);
      // Pushed again before anybody voted, it joins.
      const joined = await begin(t, scene.bastion, origin(), scene.clone).done;
      assert.match(joined.stderr, new RegExp(`held already, as ${id}`));
      await vote(scene.bastion.refgate, scene.carol, id, 'approve');
      const again = await scene.bastion.run(origin(), { cwd: scene.clone });
      assert.equal(again.status, 0, again.stderr);
      assert.equal(await scene.main(), made);
    });

    await whole.test(`two clients with the same update over ${door} wait for one decision`, async (t) => {
      const scene = await sceneOf(shared, door, {});
      const made = await scene.commit('a.txt');
      const first = begin(t, scene.bastion, origin(), scene.clone);
      const id = await first.heldId();
      const second = begin(t, scene.bastion, origin(), scene.clone);
      assert.equal(await second.heldId(), id);
      await vote(scene.bastion.refgate, scene.carol, id, 'approve');
      const runs = await Promise.all([first.done, second.done]);
      assert.deepEqual(
        runs.map(({ status }) => status),
        [0, 0],
        runs.map(({ stderr }) => stderr).join('\n'),
      );
      assert.equal(await scene.main(), made);
    });

    for (const atomic of [false, true]) {
      const push2 = ['push', ...(atomic ? ['--atomic'] : []), 'origin', 'main', 'side'];
      const how = `${atomic ? 'with' : 'without'} atomic over ${door}`;
      await whole.test(`of two refs one asks, ${how}: approved, both go`, async (t) => {
        const scene = await sceneOf(shared, door, {});
        const side = await scene.commit('side.txt', 'side');
        await git(['checkout', '-q', 'main'], { cwd: scene.clone });
        const made = await scene.commit('a.txt');
        const push = begin(t, scene.bastion, push2, scene.clone);
        const id = await push.heldId();
        assert.equal(await tip(scene.upstream, 'refs/heads/side'), '');
        await vote(scene.bastion.refgate, scene.carol, id, 'approve');
        const run = await push.done;
        assert.equal(run.status, 0, run.stderr);
        assert.equal(await scene.main(), made);
        assert.equal(await tip(scene.upstream, 'refs/heads/side'), side);
      });

      await whole.test(
        `of two refs one asks, ${how}: denied, neither goes where the pack is shared`,
        async (t) => {
          const scene = await sceneOf(shared, door, {});
          const before = await scene.main();
          await scene.commit('side.txt', 'side');
          await git(['checkout', '-q', 'main'], { cwd: scene.clone });
          await scene.commit('a.txt');
          const push = begin(t, scene.bastion, push2, scene.clone);
          await vote(scene.bastion.refgate, scene.carol, await push.heldId(), 'deny', 'no');
          const run = await push.done;
          assert.equal(run.status, 1);
          assert.match(run.stderr, /main -> main \(refused: carol refused p-\w{7}: no;/);
          assert.match(
            run.stderr,
            new RegExp(`side -> side \\(refused: ${atomic ? 'atomic' : 'shared-pack'}\\)`),
          );
          assert.equal(await scene.main(), before);
          assert.equal(await tip(scene.upstream, 'refs/heads/side'), '');
        },
      );
    }

    await whole.test(`a tip that moved while the push over ${door} waited keeps it from going`, async (t) => {
      const scene = await sceneOf(shared, door, {});
      await scene.commit('a.txt');
      const push = begin(t, scene.bastion, origin(), scene.clone);
      const id = await push.heldId();
      const moved = await git(['commit-tree', '-p', 'main', '-m', 'moved', 'main^{tree}'], {
        cwd: scene.upstream,
      });
      await git(['update-ref', 'refs/heads/main', moved], { cwd: scene.upstream });
      // Names and tips that were read a moment ago are believed for two seconds.
      await sleep(2_100);
      await vote(scene.bastion.refgate, scene.carol, id, 'approve');
      const run = await push.done;
      assert.equal(run.status, 1);
      assert.match(run.stderr, /main -> main \(refused: TIP_MOVED\)/);
      assert.equal(await scene.main(), moved);
      const held = await heldPush(scene.bastion.refgate, id);
      assert.equal(held.state, 'error');
    });

    await whole.test(`a policy that changed while the push over ${door} waited cancels it`, async (t) => {
      const scene = await sceneOf(shared, door, {});
      const before = await scene.main();
      await scene.commit('a.txt');
      const push = begin(t, scene.bastion, origin(), scene.clone);
      const id = await push.heldId();
      await putInForce(scene.bastion.refgate, askingPolicy({ approvals: 2 }));
      const run = await push.done;
      assert.equal(run.status, 1);
      assert.match(
        run.stderr,
        new RegExp(`\\(refused: ${id} was canceled: the policy changed[^;]*; push again\\)`),
      );
      assert.equal(await scene.main(), before);
      const late = await api(scene.bastion.refgate, scene.carol, `/pushes/${id}/votes`, { kind: 'approve' });
      assert.equal(late.status, 409);
    });
  }

  for (const how of ['disabled', 'without the key'] as const)
    await whole.test(`a user who is ${how} while the push waits does not get it through`, async () => {
      const scene = await sceneOf(shared, 'ssh', { onApprove: 'relay' });
      const { refgate } = scene.bastion;
      const name = `gone-${how.slice(0, 3)}`;
      const key = await makeClientKey(tempDir(whole, 'gone'));
      await refgate.ok(['user', 'add', name, '--group', 'dev']);
      await refgate.ok(['key', 'add', name, '-'], `${key.publicLine}\n`);
      const before = await scene.main();
      await scene.commit('a.txt');
      const push = new BackgroundGit(origin(), scene.clone, key.env);
      whole.after(() => push.kill());
      const id = await push.heldId();
      const [, fingerprint = ''] = /(SHA256:\S+)/.exec(await refgate.ok(['key', 'list', name])) ?? [];
      await refgate.ok(how === 'disabled' ? ['user', 'disable', name] : ['key', 'remove', name, fingerprint]);
      const run = await push.done;
      assert.equal(run.status, 1);
      assert.match(run.stderr, /was canceled: the account or credential of its user was ended/);
      const late = await api(refgate, scene.carol, `/pushes/${id}/votes`, { kind: 'approve' });
      assert.equal(late.status, 409);
      assert.equal(await scene.main(), before);
    });

  await whole.test(
    'a push whose ref another push has moved is canceled, and nobody need look at it',
    async (t) => {
      const scene = await sceneOf(shared, 'ssh', {});
      await scene.commit('a.txt');
      const first = begin(t, scene.bastion, origin(), scene.clone);
      const id = await first.heldId();
      const url = await addUser(scene.bastion, 'other', ['--group', 'dev']);
      const other = join(scene.bastion.dir, 'other');
      await git(['clone', '-q', scene.upstream, other]);
      writeFileSync(join(other, 'b.txt'), 'b\n');
      await git(['add', '.'], { cwd: other });
      await git(['commit', '-qm', 'add b'], { cwd: other });
      const name = scene.upstream.replace(/.*\/(\w+)\.git$/, 'ssh/$1');
      const second = begin(t, scene.bastion, ['push', url(name), 'main'], other);
      await vote(scene.bastion.refgate, scene.carol, await second.heldId(), 'approve');
      assert.equal((await second.done).status, 0);
      const run = await first.done;
      assert.equal(run.status, 1);
      const why = `${id} was canceled: a ref of it has moved meanwhile, so fetch first`;
      assert.match(run.stderr, new RegExp(why));
      assert.equal((await heldPush(scene.bastion.refgate, id)).state, 'canceled');
    },
  );

  await whole.test(
    'a client without a sideband is not kept waiting, and reads in its report where to look',
    async () => {
      const scene = await sceneOf(shared, 'http', {});
      const before = await scene.main();
      const made = await scene.commit('a.txt');
      const body = requestOf(
        [[before, made, 'refs/heads/main']],
        'report-status object-format=sha1',
        await packOf(scene.clone, [made, `^${before}`]),
      );
      const name = scene.upstream.replace(/.*\/(\w+)\.git$/, 'http/$1');
      const lines = linesOf((await post(scene.bastion, name, body)).body);
      const ng = /^ng refs\/heads\/main held as (p-\w{7}): http\S+; push again after approval$/;
      const [, id = ''] = ng.exec(lines[1] ?? '') ?? [];
      assert.deepEqual([lines[0], lines.at(-1)], ['unpack ok', 'flush'], lines.join('\n'));
      await vote(scene.bastion.refgate, scene.carol, id, 'approve');
      assert.deepEqual(linesOf((await post(scene.bastion, name, body)).body), [
        'unpack ok',
        'ok refs/heads/main',
        'flush',
      ]);
      assert.equal(await scene.main(), made);
    },
  );

  await whole.test('two approvals come from two people; one person voting twice is one', async (t) => {
    const scene = await sceneOf(shared, 'ssh', { approvals: 2 });
    const made = await scene.commit('a.txt');
    const push = begin(t, scene.bastion, origin(), scene.clone);
    const id = await push.heldId();
    await vote(scene.bastion.refgate, scene.carol, id, 'approve');
    await vote(scene.bastion.refgate, scene.carol, id, 'approve', 'again');
    await push.says(/still missing: 1 of reviewers/);
    assert.equal((await heldPush(scene.bastion.refgate, id)).state, 'pending');
    await vote(scene.bastion.refgate, scene.dave, id, 'approve');
    assert.equal((await push.done).status, 0);
    assert.equal(await scene.main(), made);
  });

  await whole.test('nobody votes on a push of their own, nor the person behind the account', async (t) => {
    const scene = await sceneOf(shared, 'ssh', {});
    const { refgate, logins } = scene.bastion;
    await refgate.ok(['user', 'change', 'ann', '--add-group', 'reviewers', '--role', 'reviewer']);
    const second = await addReviewer(refgate, 'ann-two', [
      '--group',
      'reviewers',
      '--role',
      'reviewer',
      '--owner',
      'ann',
    ]);
    await scene.commit('a.txt');
    const push = begin(t, scene.bastion, origin(), scene.clone);
    const id = await push.heldId();
    for (const token of [logins.ann.token, second]) {
      const answer = await api<{ code: string }>(refgate, token, `/pushes/${id}/votes`, { kind: 'approve' });
      assert.equal(answer.body.code, 'VOTE_REFUSED');
    }
    assert.equal((await heldPush(refgate, id)).state, 'pending');
    await push.kill();
  });

  await whole.test(
    'a forced push goes with its reason, and that is written down as what it is',
    async (t) => {
      const scene = await sceneOf(shared, 'http', { approvals: 2, breakGlass: 'on-call' });
      const { refgate } = scene.bastion;
      const erin = await addReviewer(refgate, 'erin', ['--group', 'on-call', '--role', 'reviewer']);
      const made = await scene.commit('a.txt');
      const push = begin(t, scene.bastion, origin(), scene.clone);
      const id = await push.heldId();
      const short = await api(refgate, erin, `/pushes/${id}/votes`, { kind: 'force', reason: 'now' });
      assert.equal(short.status, 400);
      await vote(refgate, erin, id, 'force', 'production is down, incident 4711');
      const run = await push.done;
      assert.equal(run.status, 0, run.stderr);
      assert.match(run.stderr, /erin forced this push: production is down, incident 4711/);
      assert.equal(await scene.main(), made);
      const { session } = await heldPush(refgate, id);
      const [approved] = dataOf(await scene.bastion.events(session), 'push.approved');
      assert.equal(approved?.forced, 'production is down, incident 4711');
    },
  );
});

import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HeldPush } from '../../src/domain/approval.ts';
import { git, initBare, runGit, tempDir } from '../support/git.ts';
import { startRefgate } from '../support/refgate.ts';
import { WebClient } from '../support/web-client.ts';
import { addReviewer, api } from './approving.ts';

const pushers = ['pat', 'pia', 'pim', 'pol', 'poe', 'pru'] as const;
const perUser = 10;
const fates = ['approve', 'deny', 'cancel'] as const;
const finals = { approve: 'forwarded', deny: 'rejected', cancel: 'canceled' } as const;

test('60 held pushes of 6 users, decided all at once, end each as it was decided, and nothing is left of them', async (t) => {
  const dir = tempDir(t, 'many');
  const [srv, clone] = [join(dir, 'srv'), join(dir, 'clone')];
  const upstream = join(srv, 'acme', 'web.git');
  await initBare(upstream);
  const refgate = await startRefgate(t, {
    dir,
    config: { upstreams: { disk: { path: { root: srv } } }, repos: [{ path: 'acme/*', upstream: 'disk' }] },
    policy: {
      access: [{ who: { group: 'dev' }, repo: 'acme/*', may: ['read', 'write'] }],
      rules: [
        {
          name: 'topics-are-reviewed',
          when: { ref: 'refs/heads/topic/**' },
          then: { ask: { group: 'reviewers', approvals: 2, within: '1h', wait: '0s', onApprove: 'relay' } },
        },
      ],
    },
    env: { REFGATE_LOG: 'warn' },
  });
  const root = await addReviewer(refgate, 'root', ['--role', 'admin']);
  const addUser = async (name: string, group: string, role: string): Promise<string> => {
    const user = { name, kind: 'person', groups: [group], role };
    assert.equal((await api(refgate, root, '/users', user)).status, 200);
    const { body } = await api<{ token: string }>(refgate, root, '/tokens', { user: name, ttl: 3_600_000 });
    return body.token;
  };
  const tokens = new Map<string, string>();
  for (const name of pushers) tokens.set(name, await addUser(name, 'dev', 'user'));
  const carol = await addUser('carol', 'reviewers', 'reviewer');
  const dave = await addUser('dave', 'reviewers', 'reviewer');

  mkdirSync(clone);
  await git(['init', '-q'], { cwd: clone });
  const commit = async (name: string): Promise<string> => {
    writeFileSync(join(clone, name), `${name}\n`);
    await git(['add', '.'], { cwd: clone });
    await git(['commit', '-qm', `add ${name}`], { cwd: clone });
    return git(['rev-parse', 'HEAD'], { cwd: clone });
  };
  await commit('root.txt');
  await git(['push', '-q', upstream, 'HEAD:refs/heads/main'], { cwd: clone });

  // Each user pushes one after the other, and the users push at the same time.
  const oids = await series(perUser, (at) => commit(`file-${at}.txt`));
  const held = await Promise.all(
    pushers.map((user) =>
      series(perUser, async (at) => {
        const url = new URL(`${refgate.http}/acme/web.git`);
        [url.username, url.password] = [user, tokens.get(user) ?? ''];
        const ref = `refs/heads/topic/${user}-${at}`;
        const run = await runGit(['push', url.href, `${oids[at]}:${ref}`], { cwd: clone });
        const [, id = ''] = /held as (p-[a-z0-9]{7}): /.exec(run.stderr) ?? [];
        assert.notEqual(id, '', run.stderr);
        const fate = fates[(at + pushers.indexOf(user)) % fates.length] ?? 'deny';
        return { id, ref, user, fate, oid: oids[at] };
      }),
    ),
  );
  const all = held.flat();
  assert.equal(new Set(all.map(({ id }) => id)).size, 60);
  const gauge = async (): Promise<string | undefined> =>
    /^refgate_held_pushes (\d+)$/m.exec(await (await fetch(`${refgate.ops}/metrics`)).text())?.[1];
  assert.equal(await gauge(), '60');
  assert.equal(readdirSync(join(refgate.dir, 'data', 'quarantine')).length, 60);

  const votes = (token: string, id: string, kind: string) =>
    api<HeldPush>(refgate, token, `/pushes/${id}/votes`, { kind });
  const decided = await Promise.all(
    all.map(async ({ id, user, fate }) => {
      const own = tokens.get(user) ?? '';
      if (fate === 'cancel') return [await api(refgate, own, `/pushes/${id}/cancel`, {})];
      if (fate === 'deny') return [await votes(carol, id, 'deny')];
      return Promise.all([votes(carol, id, 'approve'), votes(dave, id, 'approve')]);
    }),
  );
  for (const answers of decided)
    for (const { status, body } of answers) assert.equal(status, 200, String(body));

  for (const end = Date.now() + 30_000; ; await sleep(50)) {
    const { body } = await api<HeldPush[]>(refgate, carol, '/pushes?state=open&limit=500');
    if (body.length === 0 || Date.now() > end) break;
  }
  const { body: rows } = await api<HeldPush[]>(refgate, carol, '/pushes?state=all&limit=500');
  const states = new Map(rows.map((push) => [push.id, push.state]));
  for (const { id, fate } of all) assert.equal(states.get(id), finals[fate], `${id} was to be ${fate}`);

  const listed = await git(['for-each-ref', '--format=%(refname) %(objectname)', 'refs/heads/topic'], {
    cwd: upstream,
  });
  const expected = all.filter(({ fate }) => fate === 'approve').map(({ ref, oid }) => `${ref} ${oid}`);
  assert.deepEqual(listed.split('\n'), expected.sort());

  assert.equal(await gauge(), '0');
  for (let tries = 0; tries < 100 && quarantine(refgate.dir).length > 0; tries++) await sleep(50);
  assert.deepEqual(quarantine(refgate.dir), []);
  const browser = new WebClient(refgate.http);
  await browser.signIn(carol);
  const inbox = await browser.get('/-/pushes');
  assert.equal(inbox.status, 200);
  for (const { id } of all) assert.ok(!inbox.text.includes(id), `${id} is in the inbox still`);
});

const quarantine = (dir: string): readonly string[] => readdirSync(join(dir, 'data', 'quarantine'));

/** What `work` gives for 0 to `count` - 1, one after the other. */
async function series<T>(count: number, work: (at: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let at = 0; at < count; at++) results.push(await work(at));
  return results;
}

/**
 * Attack: to go on reading after the account has ended.
 * 1. Mallory opens one SSH connection, and keeps it open (ControlMaster). It was
 *    authenticated once, at its beginning.
 * 2. Her account is disabled, or her key is removed; or the policy takes her grant away.
 * 3. She opens another session on the connection; or goes on in the session that is open,
 *    in which protocol v2 lets her ask again and again; or says her wants, in v0, hours after the advertisement.
 * Each request of a session looks again whether it is still allowed.
 */
import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { encodePkt, flushPkt } from '../../src/git/pkt-line.ts';
import { admin, until } from '../fault/scene.ts';
import { git, gitEnv, runGit } from '../support/git.ts';
import { makeRepo } from '../support/repos.ts';
import { laySiege, type Siege, v2Body } from './siege.ts';

/** `ssh` that runs upload-pack, with what it has said so far. */
async function openFetch(siege: Siege, version: 0 | 2) {
  const { key } = await siege.login('rob');
  const words = `${key.env.GIT_SSH_COMMAND} -o SendEnv=GIT_PROTOCOL -p ${siege.refgate.sshPort} git@127.0.0.1`;
  const child: ChildProcessWithoutNullStreams = spawn(
    'sh',
    ['-c', `exec ${words} "git-upload-pack 'acme/web.git'"`],
    { env: gitEnv({ GIT_PROTOCOL: `version=${version}` }) },
  );
  let said = '';
  child.stdout.on('data', (piece: Buffer) => {
    said += piece.toString('latin1');
  });
  child.stdin.on('error', () => {});
  child.stderr.resume();
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  await until('the advertisement is there', () => said.endsWith('0000'));
  return { child, ended, said: () => said };
}

async function besieged(t: Parameters<typeof laySiege>[0]): Promise<{ siege: Siege; tip: string }> {
  const siege = await laySiege(t);
  await makeRepo(siege.gitDir('web'), 'linear', { count: 3 });
  await siege.login('rob');
  return { siege, tip: await git(['rev-parse', 'main'], { cwd: siege.gitDir('web') }) };
}

test('a disabled user opens no more sessions on a connection that is still there', async (t) => {
  const { siege } = await besieged(t);
  const { key } = await siege.login('rob');
  const shared = `-o ControlMaster=auto -o ControlPath=${join(siege.dir, 'master')} -o ControlPersist=30`;
  const env = { ...key.env, GIT_SSH_COMMAND: `${key.env.GIT_SSH_COMMAND} ${shared}` };
  const list = () => runGit(['ls-remote', siege.sshUrl('web')], { env });
  t.after(() =>
    runGit(['ls-remote', siege.sshUrl('web')], {
      env: { ...env, GIT_SSH_COMMAND: `${env.GIT_SSH_COMMAND} -O exit` },
    }),
  );
  assert.equal((await list()).status, 0);
  await admin(siege.refgate, 'POST', '/users/rob/disable');
  const after = await list();
  assert.notEqual(after.status, 0);
  assert.equal(after.stdout, '');
  assert.match(after.stderr, /your key, token or account was ended/);
});

for (const [what, version] of [
  ['a session of protocol v2 answers no more commands', 2],
  ['a session of protocol v0 answers no wants', 0],
] as const) {
  test(`${what} once the key is removed`, async (t) => {
    const { siege, tip } = await besieged(t);
    const fetching = await openFetch(siege, version);
    const [first] = await admin<{ fingerprint: string }[]>(siege.refgate, 'GET', '/keys?user=rob');
    await admin(siege.refgate, 'DELETE', '/keys', { user: 'rob', fingerprint: first?.fingerprint });
    const before = fetching.said().length;
    const wants = [encodePkt(`want ${tip}\n`), flushPkt, encodePkt('done\n')];
    fetching.child.stdin.end(version === 2 ? v2Body('fetch', [`want ${tip}`, 'done']) : Buffer.concat(wants));
    assert.equal(await fetching.ended, 1);
    assert.match(fetching.said().slice(before), /^....ERR .*your key, token or account was ended$/);
  });
}

test('a session goes no further than the policy that is in force now', async (t) => {
  const { siege } = await besieged(t);
  const fetching = await openFetch(siege, 2);
  const before = fetching.said().length;
  const text = 'access:\n  - { who: { group: dev }, repo: "acme/*", may: [read] }\n';
  await admin(siege.refgate, 'POST', '/policy/apply', { text, file: 'policy.yaml' });
  fetching.child.stdin.end(v2Body('ls-refs', []));
  assert.equal(await fetching.ended, 1);
  assert.match(fetching.said().slice(before), /^....ERR there is no such repository/);
});

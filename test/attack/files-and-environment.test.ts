/**
 * Attack: to reach the server past its doors, from another account of the machine, or by what it is started with.
 * 1. Somebody with another account reads the data folder, or connects to the admin socket or the agent's.
 * 2. The operator's shell has GIT_* variables, and a .gitconfig with hooks, rewritten URLs and an ssh command, left
 *    there by chance or by somebody else; git children of the agent would obey them.
 * 3. A repository of the disk upstream is a symbolic link out of its root, or a path names git's own folders.
 * 4. Somebody reads the log at its most talkative, and finds tokens in headers or URLs.
 * Nobody but the server's own account gets in; nothing of the environment reaches git; no log holds a token.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { git, runCommand, runGit, tempDir } from '../support/git.ts';
import { makeRepo } from '../support/repos.ts';
import { laySiege } from './siege.ts';

/** Everything below a folder, as paths. */
function* walk(folder: string): Generator<string> {
  yield folder;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) yield* walk(join(folder, entry.name));
    else yield join(folder, entry.name);
  }
}

const isRoot = process.getuid?.() === 0;

test('folders are 0700, keys and sockets 0600, and the data folder is closed to everybody else', async (t) => {
  const siege = await laySiege(t);
  const data = join(siege.refgate.dir, 'data');
  const modes = new Map([...walk(data)].map((path) => [path, statSync(path).mode & 0o777]));
  assert.equal(modes.get(data), 0o700);
  for (const [path, mode] of modes) {
    if (!/(?:_key|\.key|\.sock|\.enc|vault[^/]*|run\.json|upstreams\.json)$/.test(path)) continue;
    assert.equal(mode & 0o077, 0, `${path} has ${mode.toString(8)}`);
  }
  for (const name of ['ssh_host_ed25519_key', 'gateway.key'])
    assert.equal(modes.get(join(data, name)), 0o600, name);
  const sockets = [...modes.keys()].filter((path) => path.endsWith('.sock'));
  assert.equal(sockets.length, 2, sockets.join());
  for (const socket of sockets) {
    assert.equal(modes.get(socket), 0o600, socket);
    assert.equal(statSync(dirname(socket)).mode & 0o777, 0o700);
  }
});

test('another account connects to neither socket', {
  skip: isRoot ? false : 'needs root to become somebody else',
}, async (t) => {
  const siege = await laySiege(t);
  const sockets = [siege.refgate.admin, join(dirname(siege.refgate.admin), 'agent.sock')];
  for (const socket of sockets) {
    assert.ok(existsSync(socket), socket);
    const program = `require('net').connect(${JSON.stringify(socket)}).on('connect',()=>process.exit(0)).on('error',(e)=>{console.log(e.code);process.exit(7)})`;
    const args = ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, '-e', program];
    const run = await runCommand('setpriv', args, { env: { PATH: process.env['PATH'] }, cwd: '/' });
    assert.deepEqual([run.status, run.stdout.trim()], [7, 'EACCES'], run.stderr);
    const own = await new Promise((resolve) => {
      const probe = connect(socket, () => resolve(true)).on('error', resolve);
      t.after(() => probe.destroy());
    });
    assert.equal(own, true);
  }
});

test('nothing of the environment or of the home folder reaches the git of the agent', async (t) => {
  const bait = join(tempDir(t, 'bait'), 'bait');
  mkdirSync(bait);
  const caught = join(bait, 'caught');
  const trap = join(bait, 'trap');
  writeFileSync(trap, `#!/bin/sh\necho "$0 $@" >> ${caught}\nexec "$@"\n`, { mode: 0o755 });
  const settings = [
    `[core]\n\thooksPath = ${bait}/hooks\n\tsshCommand = ${trap}\n\tfsmonitor = ${trap}`,
    `[uploadpack]\n\tpackObjectsHook = ${trap}\n\thideRefs = refs/heads`,
    `[receive]\n\thideRefs = refs/heads\n\tdenyCreates = true`,
    `[url "file:///nowhere/"]\n\tinsteadOf = /`,
    `[safe]\n\tdirectory = /nowhere`,
  ];
  writeFileSync(join(bait, '.gitconfig'), settings.join('\n'));
  mkdirSync(join(bait, 'hooks'));
  for (const hook of ['pre-receive', 'post-receive', 'update'])
    writeFileSync(join(bait, 'hooks', hook), `#!/bin/sh\necho ${hook} >> ${caught}\nexit 1\n`, {
      mode: 0o755,
    });
  const siege = await laySiege(t, {
    env: {
      HOME: bait,
      XDG_CONFIG_HOME: bait,
      GIT_CONFIG_GLOBAL: join(bait, '.gitconfig'),
      GIT_DIR: '/nowhere',
      GIT_OBJECT_DIRECTORY: bait,
      GIT_ALTERNATE_OBJECT_DIRECTORIES: bait,
      GIT_SSH_COMMAND: trap,
      GIT_EXEC_PATH: bait,
      GIT_TRACE: caught,
      GIT_NAMESPACE: 'elsewhere',
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'uploadpack.packObjectsHook',
      GIT_CONFIG_VALUE_0: trap,
    },
  });
  await makeRepo(siege.gitDir('web'), 'linear', { count: 2 });
  const clone = join(siege.dir, 'clone');
  await git(['clone', '--quiet', await siege.url('web'), clone]);
  await git(['commit', '--quiet', '--allow-empty', '-m', 'x'], { cwd: clone });
  const run = await runGit(['push', 'origin', 'HEAD:refs/heads/main', 'HEAD:refs/heads/new'], { cwd: clone });
  assert.equal(run.status, 0, run.stderr);
  assert.equal(existsSync(caught), false);
  const there = await git(['rev-parse', 'new'], { cwd: siege.gitDir('web') });
  assert.equal(there, await git(['rev-parse', 'HEAD'], { cwd: clone }));
});

test('no path leads out of the root, nor to what is inside a repository', async (t) => {
  const siege = await laySiege(t, {
    access: [{ who: { group: 'dev' }, repo: '**', may: ['read', 'write'] }],
    config: { repos: [{ path: '**', upstream: 'disk' }] },
  });
  await makeRepo(join(siege.dir, 'outside.git'), 'linear', { count: 1 });
  await makeRepo(siege.gitDir('web'), 'linear', { count: 1 });
  symlinkSync(join(siege.dir, 'outside.git'), siege.gitDir('linked'));
  symlinkSync(siege.dir, join(siege.root, 'up'));
  await git(['worktree', 'add', '--quiet', join(siege.dir, 'wt'), 'main'], { cwd: siege.gitDir('web') });
  const { key } = await siege.login('ann');
  const paths = [
    'acme/linked',
    'up/outside',
    'acme/web.git/worktrees/wt',
    'acme/../outside',
    '../outside',
    'acme//web',
    '/acme/./web',
    '~root/web',
    '-oProxyCommand=id/web',
    'acme/--upload-pack=id',
    `${siege.dir}/outside`,
  ];
  for (const path of paths) {
    const url = `ssh://git@127.0.0.1:${siege.refgate.sshPort}/${path}`;
    const run = await runGit(['ls-remote', url], { env: key.env });
    assert.notEqual(run.status, 0, path);
    assert.doesNotMatch(run.stdout, /refs/, path);
  }
  assert.equal((await runGit(['ls-remote', siege.sshUrl('web')], { env: key.env })).status, 0);
});

test('the log at its most talkative holds no token, wherever the client put it', async (t) => {
  const siege = await laySiege(t, { env: { REFGATE_LOG: 'trace' } });
  await makeRepo(siege.gitDir('web'), 'linear', { count: 1 });
  const { token } = await siege.login('ann');
  const basic = Buffer.from(`ann:${token}`).toString('base64');
  const base = siege.refgate.http;
  await git(['ls-remote', await siege.url('web')]);
  const asks: readonly [string, Record<string, string>][] = [
    [`/acme/web.git/info/refs?service=git-upload-pack&token=${token}`, {}],
    [`/${token}`, { authorization: `Bearer ${token}` }],
    ['/acme/web.git/info/refs?service=git-upload-pack', { authorization: `Bearer ${token}`, cookie: token }],
    ['/acme/web.git/info/refs?service=git-upload-pack', { authorization: `Basic ${basic}x` }],
  ];
  for (const [target, headers] of asks) await (await fetch(`${base}${target}`, { headers })).text();
  const ssh = `ssh://${token.slice(0, 30)}@127.0.0.1:${siege.refgate.sshPort}/acme/web.git`;
  const { key } = await siege.login('ann');
  await runGit(['ls-remote', ssh], { env: key.env });
  const log = siege.refgate.log();
  assert.match(log, /http request refused/);
  assert.ok(!log.includes(basic), 'the header is in the log');
  const secret = token.split('_').at(-1) ?? token;
  const line = log.split('\n').find((one) => one.includes(secret));
  assert.equal(line, undefined);
});

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { type GitRun, runCommand, tempDir } from '../support/git.ts';
import { makeCertificate } from '../support/http-backend.ts';
import { outDir, type Refgate, startRefgate } from '../support/refgate.ts';
import { suiteCleanup } from '../support/suite.ts';

const policy = { access: [{ who: { group: 'dev' }, repo: 'acme/*', may: ['read', 'write'] }] };
const main = join(outDir, 'src', 'cli', 'main.js');

/** A command of somebody far from the server: without its configuration, with this environment. */
function far(
  dir: string,
  env: Readonly<Record<string, string>>,
  ...args: readonly string[]
): Promise<GitRun> {
  return runCommand(process.execPath, [main, ...args], {
    cwd: dir,
    env: { PATH: process.env['PATH'], HOME: dir, LC_ALL: 'C', ...env },
  });
}

function fails(run: GitRun, status: number, message: RegExp): void {
  assert.equal(run.status, status, run.stdout + run.stderr);
  assert.match(run.stderr, message);
  assert.match(run.stderr, /^refgate: [^\n]*\n$/);
}

describe('commands with REFGATE_URL and REFGATE_TOKEN', () => {
  const suite = suiteCleanup();
  let refgate: Refgate;
  let dir: string;
  const tokens = new Map<string, string>();
  before(async () => {
    dir = tempDir(suite, 'remote');
    const upstreams = { here: { path: { root: dir } } };
    refgate = await startRefgate(suite, {
      dir: tempDir(suite, 'server'),
      policy,
      config: { upstreams, repos: [{ path: 'acme/*', upstream: 'here' }] },
    });
    for (const role of ['admin', 'auditor', 'user']) {
      await refgate.ok(['user', 'add', `the-${role}`, '--role', role]);
      const made = await refgate.ok(['token', 'create', `the-${role}`, '--ttl', '8h']);
      tokens.set(role, made.trim());
    }
  });

  const as = (role: string): Record<string, string> => ({
    REFGATE_URL: refgate.http,
    REFGATE_TOKEN: tokens.get(role) ?? '',
  });

  test('an administrator adds a user from far away, recorded with their own name', async () => {
    const added = await far(
      dir,
      as('admin'),
      'user',
      'add',
      'alice',
      '--group',
      'dev',
      '--owner',
      'the-admin',
    );
    assert.equal(added.status, 0, added.stderr);
    const changed = await far(dir, as('admin'), 'user', 'change', 'alice', '--role', 'reviewer');
    assert.match(changed.stdout, /alice: person, reviewer, groups dev, owner the-admin/);
    const listed = await far(dir, as('auditor'), 'user', 'list');
    assert.match(listed.stdout, /alice +person +reviewer +dev +enabled +the-admin/);
    const whole = await far(dir, as('auditor'), 'audit', 'verify');
    assert.match(whole.stdout, /the ledger is whole/);
    const compared = await far(dir, as('auditor'), 'session', 'list');
    assert.equal(compared.status, 0, compared.stderr);
  });

  test('what the role lacks is refused in one line that says so', async () => {
    fails(
      await far(dir, as('auditor'), 'user', 'disable', 'the-user'),
      1,
      /this is for admin; you are auditor/,
    );
    fails(await far(dir, as('user'), 'user', 'list'), 1, /this is for admin or auditor; you are user/);
    assert.equal((await far(dir, as('user'), 'session', 'list')).status, 0);
  });

  test('credentials for the agent are not taken far from the server', async () => {
    const create = ['deploy-key', 'create', '--upstream', 'here'];
    fails(await far(dir, as('admin'), ...create), 2, /beside the server only/);
    fails(await far(dir, as('admin'), 'deploy-key', 'list'), 2, /beside the server only/);
  });

  test('one variable without the other is told before anything is sent', async () => {
    const { REFGATE_URL = '' } = as('admin');
    fails(await far(dir, { REFGATE_URL }, 'user', 'list'), 2, /REFGATE_URL is set and REFGATE_TOKEN is not/);
  });

  test('a token that is not good, and a server that is not there, are one line each', async () => {
    const { REFGATE_URL = '' } = as('admin');
    fails(
      await far(dir, { REFGATE_URL, REFGATE_TOKEN: 'rgt_wrong' }, 'user', 'list'),
      1,
      /the token or the user is not known or not valid/,
    );
    const nowhere = { ...as('admin'), REFGATE_URL: 'http://127.0.0.1:1' };
    fails(
      await far(dir, nowhere, 'user', 'list'),
      1,
      /no server answers at http:\/\/127\.0\.0\.1:1 \(ECONNREFUSED\)/,
    );
  });

  test('without the variables, the server beside the configuration is asked', async () => {
    const run = await far(
      dir,
      { REFGATE_URL: '', REFGATE_TOKEN: '' },
      'user',
      'list',
      '--config',
      refgate.configFile,
    );
    assert.match(run.stdout, /the-admin/);
  });

  test('a configuration that is named comes before the variables', async () => {
    const run = await far(dir, as('user'), '--config', refgate.configFile, 'user', 'list');
    assert.match(run.stdout, /the-admin/, run.stderr);
    fails(await far(dir, as('user'), 'user', 'list'), 1, /admin or auditor; you are user/);
  });
});

test('a certificate of one’s own authority is refused in one line, and taken with REFGATE_CA', async (t) => {
  const dir = tempDir(t, 'tls');
  const tls = await makeCertificate(dir);
  const refgate = await startRefgate(t, {
    dir,
    policy,
    config: {
      listen: {
        ssh: '127.0.0.1:0',
        http: '127.0.0.1:0',
        ops: '127.0.0.1:0',
        tls: { cert: tls.certFile, key: tls.keyFile },
      },
      upstreams: { here: { path: { root: dir } } },
      repos: [{ path: 'acme/*', upstream: 'here' }],
    },
  });
  await refgate.ok(['user', 'add', 'ada', '--role', 'admin']);
  const token = (await refgate.ok(['token', 'create', 'ada', '--ttl', '8h'])).trim();
  const env = { REFGATE_URL: refgate.http, REFGATE_TOKEN: token };
  const refused = await far(tempDir(t), env, 'user', 'list');
  fails(refused, 1, /the certificate of https:.* is not trusted \([A-Z_]+\); .*REFGATE_CA/);
  const taken = await far(tempDir(t), { ...env, REFGATE_CA: tls.certFile }, 'user', 'list');
  assert.match(taken.stdout, /ada +person +admin/, taken.stderr);
});

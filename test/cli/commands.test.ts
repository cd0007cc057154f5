import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { makeClientKey } from '../support/client.ts';
import { runCommand, tempDir } from '../support/git.ts';
import { outDir, type Refgate, startRefgate } from '../support/refgate.ts';
import { suiteCleanup } from '../support/suite.ts';

const policy = { access: [{ who: { group: 'dev' }, repo: 'acme/*', may: ['read', 'write'] }] };

describe('the commands of an operator', () => {
  const suite = suiteCleanup();
  let refgate: Refgate;
  let dir: string;
  before(async () => {
    dir = tempDir(suite, 'cli');
    refgate = await startRefgate(suite, {
      dir,
      policy,
      config: {
        upstreams: { here: { path: { root: dir } } },
        repos: [{ path: 'acme/*', upstream: 'here' }],
      },
    });
  });

  async function fails(args: readonly string[], status: number, message: RegExp): Promise<void> {
    const run = await refgate.cli(args);
    assert.equal(run.status, status, `${args.join(' ')}: ${run.stdout}${run.stderr}`);
    assert.match(run.stderr, message);
    assert.doesNotMatch(run.stderr, /\n\s+at /, 'a stack trace was shown');
  }

  test('a user, a key and a token are added, listed and ended', async () => {
    assert.match(
      await refgate.ok(['user', 'add', 'alice', '--group', 'dev', '--group', 'ops']),
      /added person alice/,
    );
    assert.match(await refgate.ok(['user', 'add', 'copilot-1', '--service']), /added service copilot-1/);
    const key = await makeClientKey(dir);
    assert.match(await refgate.ok(['key', 'add', 'alice', `${key.file}.pub`]), /added ssh-ed25519 SHA256:/);
    const [listed] = JSON.parse(await refgate.ok(['key', 'list', 'alice', '--json'])) as {
      fingerprint: string;
    }[];
    assert.match(await refgate.ok(['user', 'list']), /alice +person +user +dev,ops +enabled/);
    const made = JSON.parse(await refgate.ok(['token', 'create', 'alice', '--ttl', '8h', '--json'])) as {
      token: string;
      id: string;
    };
    assert.match(made.token, /^rgt_/);
    assert.doesNotMatch(await refgate.ok(['token', 'list']), new RegExp(made.token));
    assert.match(await refgate.ok(['token', 'revoke', made.id]), /revoked/);
    assert.match(await refgate.ok(['token', 'list', 'alice']), /revoked/);
    assert.match(await refgate.ok(['key', 'remove', 'alice', listed?.fingerprint ?? '']), /removed/);
    assert.equal(await refgate.ok(['key', 'list']), 'none\n');
    assert.match(await refgate.ok(['user', 'disable', 'copilot-1']), /disabled copilot-1/);
  });

  test('role, groups and owner of a user are changed, and what is not named stays', async () => {
    await refgate.ok(['user', 'add', 'carol', '--group', 'dev', '--role', 'admin']);
    await refgate.ok(['user', 'add', 'carols-bot', '--service', '--owner', 'carol']);
    assert.match(await refgate.ok(['user', 'list']), /carols-bot +service +user +- +enabled +carol +-/);
    const changed = ['user', 'change', 'carols-bot', '--role', 'reviewer', '--add-group', 'ops'];
    assert.equal(await refgate.ok(changed), 'carols-bot: service, reviewer, groups ops, owner carol\n');
    const last = await refgate.ok([
      ...['user', 'change', 'carols-bot', '--no-owner', '--remove-group', 'ops', '--json'],
    ]);
    const { createdAt: _, ...record } = JSON.parse(last) as Record<string, unknown>;
    assert.deepEqual(record, {
      name: 'carols-bot',
      kind: 'service',
      groups: [],
      role: 'reviewer',
      disabled: false,
    });
    await fails(['user', 'change', 'carol', '--role', 'user'], 1, /carol is the last administrator/);
    await fails(['user', 'change', 'carol', '--owner', 'carol'], 1, /carol cannot be the owner of carol/);
    await fails(['user', 'change', 'carol'], 2, /give --role, --add-group/);
    assert.match(await refgate.ok(['user', 'change', '--help']), /Example:\n {2}\$ refgate user change/);
  });

  test('a key is read from standard input', async () => {
    await refgate.ok(['user', 'add', 'bob']);
    const folder = tempDir(suite, 'key');
    const key = await makeClientKey(folder, 'ecdsa');
    assert.match(await refgate.ok(['key', 'add', 'bob', '-'], key.publicLine), /ecdsa-sha2-nistp256/);
  });

  test('what is refused is told in one line, with status 1', async () => {
    await fails(
      ['key', 'add', 'nobody', join(dir, 'missing.pub')],
      1,
      /^refgate: .*missing\.pub cannot be read: there is no such file\n$/,
    );
    await fails(['user', 'disable', 'nobody'], 1, /^refgate: .*nobody.*\n$/);
    await fails(['session', 'show', 's-unknown'], 1, /^refgate: .*s-unknown.*\n$/);
    await fails(['upstream', 'check', 'elsewhere/x'], 1, /^refgate: .*no line of repos: matches it\n$/);
    await fails(['deploy-key', 'create', '--upstream', 'nowhere'], 1, /^refgate: .*upstream nowhere.*\n$/);
  });

  test('a reader who stops early, and a full disk, end a command without a stack trace', async () => {
    const command = `'${process.execPath}' '${join(outDir, 'src', 'cli', 'main.js')}' user list --json --config '${join(dir, 'refgate.yaml')}'`;
    const piped = await runCommand('bash', ['-c', `${command} | true; echo "\${PIPESTATUS[0]}"`], {
      cwd: dir,
    });
    assert.equal(piped.stderr, '');
    assert.equal(piped.stdout, '0\n');
    const full = await runCommand('bash', ['-c', `${command} > /dev/full`], { cwd: dir });
    assert.match(full.stderr, /^refgate: the output cannot be written: ENOSPC.*\n$/);
    assert.equal(full.status, 1);
  });

  test('a private key that is given by mistake is refused before it is sent anywhere', async () => {
    const key = await makeClientKey(tempDir(suite, 'private'), 'ed25519');
    await fails(['key', 'add', 'alice', key.file], 2, /this is a private key/);
  });

  test('wrong usage has status 2', async () => {
    await fails(['user', 'add'], 2, /missing required argument 'name'/);
    await fails(['nonsense'], 2, /unknown command/);
    await fails(['user', 'add', 'x', '--role', 'king'], 2, /--role is one of admin/);
    await fails(['user', 'add', 'Bad Name'], 2, /refgate: /);
    await fails(['token', 'create', 'alice', '--ttl', 'soon'], 2, /refgate: .*soon/);
    await fails(['session', 'list', '--since', 'whenever'], 2, /whenever is not a date/);
    await fails(['session', 'list', '--outcome', 'fine'], 2, /outcome/);
  });

  test('every command has help with an example', async () => {
    for (const command of [
      ['user', 'add'],
      ['token', 'create'],
      ['policy', 'explain'],
      ['session', 'list'],
      ['serve'],
      ['audit', 'verify'],
    ]) {
      assert.match(await refgate.ok([...command, '--help']), /Example:\n {2}\$ refgate /, command.join(' '));
    }
  });

  test('each change is in the ledger, and the ledger is whole', async () => {
    const whole = JSON.parse(await refgate.ok(['audit', 'verify', '--json'])) as {
      size: number;
      rootHash: string;
    };
    assert.ok(whole.size > 8);
    assert.match(whole.rootHash, /^[0-9a-f]{64}$/);
  });

  test('a repository that is not there is named by upstream check', async () => {
    await fails(['upstream', 'check', 'acme/none'], 1, /acme\/none is not usable yet/);
    assert.match(await refgate.ok(['upstream', 'list']), /here +path/);
  });

  test('a bad policy is refused with its place, and the one in force stays', async () => {
    const bad = join(dir, 'bad.yaml');
    writeFileSync(bad, 'acces: []\n');
    const before = JSON.parse(await refgate.ok(['policy', 'show', '--json'])) as { version: string };
    await fails(['policy', 'check', bad], 1, /bad\.yaml:1:1/);
    await fails(['policy', 'apply', bad], 1, /bad\.yaml:1:1/);
    const now = JSON.parse(await refgate.ok(['policy', 'show', '--json'])) as { version: string };
    assert.equal(now.version, before.version);
  });
});

test('without a server, or without a configuration, one line says what to do', async (t) => {
  const dir = tempDir(t, 'cli');
  const main = join(outDir, 'src', 'cli', 'main.js');
  const missing = await runCommand(process.execPath, [main, 'user', 'list'], { cwd: dir });
  assert.equal(missing.status, 1);
  assert.match(
    missing.stderr,
    /^refgate: .*refgate\.yaml cannot be read \(ENOENT\); name it with --config\n$/,
  );
  writeFileSync(
    join(dir, 'refgate.yaml'),
    'upstreams: { a: { path: { root: . } } }\nrepos: [{ path: "**", upstream: a }]\n',
  );
  const stopped = await runCommand(process.execPath, [main, 'user', 'list'], { cwd: dir });
  assert.equal(stopped.status, 1);
  assert.match(stopped.stderr, /no server runs with .*start it with: refgate serve/);
});

test('a gateway that would know the key of the vault does not start', async (t) => {
  const dir = tempDir(t, 'cli');
  const config = {
    upstreams: { here: { path: { root: dir } } },
    repos: [{ path: 'acme/*', upstream: 'here' }],
  };
  const env = { REFGATE_VAULT_KEY: '5a'.repeat(32) };
  await assert.rejects(
    startRefgate(t, { dir, policy, config, env }),
    /REFGATE_VAULT_KEY is in the environment of the gateway/,
  );
});

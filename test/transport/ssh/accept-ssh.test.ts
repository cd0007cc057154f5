import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { test } from 'node:test';
import { makeClientKey } from '../../support/client.ts';
import { git, gitEnv, runGit, tempDir } from '../../support/git.ts';
import { blobOf, openDoor } from './door.ts';

for (const type of ['ed25519', 'ecdsa', 'rsa'] as const)
  test(`git clones and pushes with a registered ${type} key`, async (t) => {
    const dir = tempDir(t);
    const door = await openDoor(t, dir);
    mkdirSync(join(dir, type));
    const key = await makeClientKey(join(dir, type), type);
    door.register(blobOf(key.publicLine));
    const work = join(dir, 'work');
    await git(['clone', '--quiet', door.url('acme/web.git'), work], { env: key.env });
    writeFileSync(join(work, 'new.txt'), 'new\n');
    await git(['add', 'new.txt'], { cwd: work });
    await git(['commit', '--quiet', '-m', 'new'], { cwd: work });
    await git(['push', '--quiet', 'origin', 'HEAD:main'], { cwd: work, env: key.env });
    const tip = await git(['rev-parse', 'main'], { cwd: join(dir, 'acme/web.git') });
    assert.equal(tip, await git(['rev-parse', 'HEAD'], { cwd: work }));
    assert.deepEqual(
      door.channels.map(({ service, version, repo }) => [service, version, repo]),
      [
        ['upload-pack', 2, 'acme/web'],
        ['receive-pack', 0, 'acme/web'],
      ],
    );
  });

test('a client chooses its protocol version', async (t) => {
  const door = await openDoor(t, tempDir(t));
  for (const version of [0, 1, 2])
    await git(['-c', `protocol.version=${version}`, 'ls-remote', door.url('acme/web')], {
      env: door.key.env,
    });
  assert.deepEqual(
    door.channels.map(({ version }) => version),
    [0, 1, 2],
  );
});

test('several sessions share one connection of a control master', async (t) => {
  const dir = tempDir(t);
  const door = await openDoor(t, dir);
  const control = ['-o', `ControlPath=${join(dir, 'cm')}`];
  const env = {
    ...door.key.env,
    GIT_SSH_COMMAND: `${door.key.env.GIT_SSH_COMMAND} '-o' 'ControlPath=${join(dir, 'cm')}'`,
  };
  const master = await door.ssh([...control, '-M', '-N', '-f', 'git@127.0.0.1']);
  assert.equal(master.status, 0, master.stderr);
  t.after(() => door.ssh([...control, '-O', 'exit', 'git@127.0.0.1']));
  const clones = ['a', 'b', 'c'].map((name) =>
    git(['clone', '--quiet', door.url('acme/web'), join(dir, name)], { env }),
  );
  await Promise.all(clones);
  assert.equal(door.channels.length, 3);
  assert.equal(door.phrases.filter((phrase) => phrase === 'ssh login').length, 1);
});

test('without a command the client is greeted by name, and the status is 1', async (t) => {
  const door = await openDoor(t, tempDir(t));
  const run = await door.ssh(['-T', 'git@127.0.0.1']);
  assert.deepEqual([run.status, run.stdout], [1, '']);
  assert.equal(
    run.stderr,
    "Hi ann! You've successfully authenticated, but Refgate does not provide shell access.\r\n",
  );
});

test('a refused request ends with one line on stderr and status 1', async (t) => {
  const door = await openDoor(t, tempDir(t));
  for (const [command, text] of [
    ["git-upload-pack 'acme/none'", /^refgate: there is no such repository, or you may not see it; .*\r?\n$/],
    ["git-lfs-authenticate 'acme/web' download", /^refgate: .*Git LFS is not served here yet.*\r?\n$/],
    ['cat /etc/passwd', /^refgate: the SSH command is not .*\r?\n$/],
    ["git-upload-pack '../x'", /^refgate: the repository path is not .*\r?\n$/],
  ] as const) {
    const run = await door.ssh(['git@127.0.0.1', command]);
    assert.equal(run.status, 1);
    assert.match(run.stderr, text);
    assert.equal(run.stdout, '');
  }
});

test('an error of ours shows the client nothing but an id', async (t) => {
  const door = await openDoor(t, tempDir(t), {
    serve: async () => {
      throw new Error('private detail');
    },
  });
  const run = await door.ssh(['git@127.0.0.1', "git-upload-pack 'acme/web'"]);
  assert.equal(run.status, 1);
  assert.match(
    run.stderr,
    /^refgate: something went wrong inside Refgate; tell your administrator [0-9a-f-]{36}\r?\n$/,
  );
  assert.ok(door.phrases.includes('ssh session failed'));
});

test('the end of the input is not a hang-up', async (t) => {
  const door = await openDoor(t, tempDir(t), {
    serve: async ({ input, output, signal }) => {
      let text = '';
      for await (const chunk of input) text += String(chunk);
      await new Promise((resolve) => setTimeout(resolve, 50));
      output.end(`${text} ${signal.aborted}`);
      return { exitStatus: 0 };
    },
  });
  const run = await door.ssh(['git@127.0.0.1', "git-upload-pack 'acme/web'"], { input: 'said' });
  assert.deepEqual([run.status, run.stdout], [0, 'said false']);
});

test('everything written is read by the client before the exit status, whatever the size', async (t) => {
  const size = 24 * 1024 * 1024 + 5;
  const door = await openDoor(t, tempDir(t), {
    serve: async ({ output }) => {
      output.end(Buffer.alloc(size, 'x'));
      return { exitStatus: 0 };
    },
  });
  const run = await door.ssh(['git@127.0.0.1', "git-upload-pack 'acme/web'"]);
  assert.deepEqual([run.status, run.stdoutBytes.length], [0, size]);
});

for (const [who, serverBytes, clientLimit] of [
  ['the server', 1024 * 1024, 'default'],
  ['the client', 2 ** 40, '1M'],
] as const)
  test(`keys are exchanged anew by ${who} under way, in both directions, without harm`, async (t) => {
    const size = 12 * 1024 * 1024;
    const door = await openDoor(t, tempDir(t), {
      limits: { rekeyBytes: serverBytes },
      serve: async ({ input, output }) => {
        await pipeline(input, output);
        return { exitStatus: 0 };
      },
    });
    const options = ['-v', '-o', `RekeyLimit=${clientLimit}`];
    const run = await door.ssh([...options, 'git@127.0.0.1', "git-upload-pack 'acme/web'"], {
      input: 'x'.repeat(size),
    });
    assert.deepEqual([run.status, run.stdoutBytes.length], [0, size]);
    assert.ok((run.stderr.match(/SSH2_MSG_NEWKEYS received/g) ?? []).length > 3, run.stderr);
  });

test('the host key is made once, for its owner only', async (t) => {
  const dir = tempDir(t);
  const first = await openDoor(t, dir);
  assert.equal(statSync(join(dir, 'host_key')).mode & 0o777, 0o600);
  await first.close(0);
  const { loadHostKey } = await import('../../../src/transport/ssh/host-key.ts');
  assert.equal((await loadHostKey(join(dir, 'host_key'))).fingerprint, first.hostKeyFingerprint);
});

test('closing lets a running session end, and takes no new one', async (t) => {
  let release = (): void => undefined;
  const door = await openDoor(t, tempDir(t), {
    serve: async ({ output }) => {
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      output.end('whole');
      return { exitStatus: 0 };
    },
  });
  const run = door.ssh(['git@127.0.0.1', "git-upload-pack 'acme/web'"]);
  while (door.channels.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const closed = door.close(10_000);
  const late = await runGit(['ls-remote', door.url('acme/web')], { env: door.key.env });
  assert.notEqual(late.status, 0);
  release();
  assert.deepEqual([(await run).status, (await run).stdout], [0, 'whole']);
  await closed;
});

test('a session that outlives the grace is cut, and told why', async (t) => {
  const door = await openDoor(t, tempDir(t), {
    serve: ({ signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
      }),
  });
  const run = door.ssh(['git@127.0.0.1', "git-upload-pack 'acme/web'"]);
  while (door.channels.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await door.close(20);
  assert.match((await run).stderr, /refgate: the server is restarting; try again/);
  assert.notEqual((await run).status, 0);
});

test('the session is told when the client goes away', async (t) => {
  let told: unknown;
  const door = await openDoor(t, tempDir(t), {
    serve: async ({ input, signal }) => {
      const reads = input.toArray().then(
        () => ({ code: 'ended' }),
        (error: unknown) => error,
      );
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      told = [signal.reason, await reads];
      return { exitStatus: 1 };
    },
  });
  const env = { ...gitEnv(), ...door.key.env };
  const child = spawn('git', ['fetch-pack', door.url('acme/web'), 'HEAD'], {
    env,
    stdio: 'ignore',
    detached: true,
  });
  while (door.channels.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  process.kill(-(child.pid as number), 'SIGKILL');
  while (told === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(
    (told as { code: string }[]).map(({ code }) => code),
    ['HUNG_UP', 'HUNG_UP'],
  );
});

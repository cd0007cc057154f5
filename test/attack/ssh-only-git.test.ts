/**
 * Attack: to use the SSH door for anything but Git.
 * 1. A client with a good key logs in, and asks for everything else that SSH
 *    can carry: a terminal, a shell, SFTP, X11, the agent, signals, forwarded
 *    ports and sockets in both directions, tunnels.
 * 2. It runs a second command in a channel, puts more words into its command,
 *    or code into the environment.
 * 3. What is let through here runs beside the bastion's credentials, or reaches
 *    the network behind it.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { tempDir } from '../support/git.ts';
import { type DoorSetup, openDoor, type TestDoor } from '../transport/ssh/door.ts';
import { ed25519Key, type Field, payload, RawClient } from '../transport/ssh/raw-client.ts';

const waits: DoorSetup = {
  serve: ({ signal }) =>
    new Promise((resolve) => signal.addEventListener('abort', () => resolve({ exitStatus: 1 }))),
};

async function logIn(
  t: TestContext,
  setup: DoorSetup = waits,
): Promise<{ door: TestDoor; client: RawClient }> {
  const door = await openDoor(t, tempDir(t), setup);
  const key = ed25519Key();
  door.register(key.blob);
  const client = await RawClient.login(door.port, key);
  t.after(() => client.socket.destroy());
  return { door, client };
}

const upload = "git-upload-pack 'acme/web'";

const requests: Readonly<Record<string, readonly Field[]>> = {
  'pty-req': ['xterm', 80n, 24n, 0n, 0n, Buffer.from([0])],
  subsystem: ['sftp'],
  'x11-req': [false, 'MIT-MAGIC-COOKIE-1', '00', 0n],
  'auth-agent-req@openssh.com': [],
  signal: ['KILL'],
  'window-change': [80n, 24n, 0n, 0n],
  'no-such-request': [],
};

for (const [name, fields] of Object.entries(requests))
  test(`the channel request ${name} is refused, before and while git runs`, async (t) => {
    const { client } = await logIn(t);
    const channel = await client.openSession();
    client.send(98, channel, name, true, ...fields);
    await client.next('CHANNEL_FAILURE');
    client.send(98, channel, 'exec', true, upload);
    await client.next('CHANNEL_SUCCESS');
    if (name === 'no-such-request') return; // is not answered then
    client.send(98, channel, name, true, ...fields);
    assert.equal((await client.next('CHANNEL_FAILURE', 'CHANNEL_SUCCESS')).kind, 'CHANNEL_FAILURE');
  });

const channels: Readonly<Record<string, readonly Field[]>> = {
  'direct-tcpip': ['127.0.0.1', 22n, '127.0.0.1', 4000n],
  'direct-streamlocal@openssh.com': ['/run/agent.sock', '', 0n],
  'tun@openssh.com': [1n, 0n],
  'forwarded-tcpip': ['127.0.0.1', 22n, '127.0.0.1', 4000n],
  x11: ['127.0.0.1', 6000n],
  'auth-agent@openssh.com': [],
};

for (const [name, fields] of Object.entries(channels))
  test(`a channel of type ${name} is not opened`, async (t) => {
    const { client } = await logIn(t);
    client.send(90, name, 0n, 100_000n, 32_768n, ...fields);
    await client.next('CHANNEL_OPEN_FAILURE');
  });

for (const [name, fields] of Object.entries({
  'tcpip-forward': ['0.0.0.0', 0n],
  'streamlocal-forward@openssh.com': ['/tmp/x.sock'],
}))
  test(`the global request ${name} is refused`, async (t) => {
    const { client } = await logIn(t);
    client.send(80, name, true, ...fields);
    await client.next('REQUEST_FAILURE');
  });

for (const second of ['exec', 'shell'])
  test(`a second request in one channel, ${second}, is refused, and the first goes on`, async (t) => {
    const { door, client } = await logIn(t);
    const channel = await client.openSession();
    client.send(98, channel, 'exec', true, upload);
    await client.next('CHANNEL_SUCCESS');
    client.send(98, channel, second, true, ...(second === 'exec' ? [upload] : []));
    await client.next('CHANNEL_FAILURE');
    assert.equal(door.channels.length, 1);
    assert.equal(door.channels[0]?.signal.aborted, false);
  });

test('only GIT_PROTOCOL is taken from the environment, and only as a version', async (t) => {
  for (const [value, version] of [
    ['version=2', 2],
    ['version=1', 1],
    ['version=2:$(id)', 0],
    ['version=2\nversion=1', 0],
    ['version=3', 0],
  ] as const) {
    const { door, client } = await logIn(t);
    const channel = await client.openSession();
    client.send(98, channel, 'env', true, 'LD_PRELOAD', '/tmp/x.so');
    await client.next('CHANNEL_FAILURE');
    client.send(98, channel, 'env', false, 'GIT_SSH_COMMAND', 'id');
    client.send(98, channel, 'env', true, 'GIT_PROTOCOL', value);
    await client.next('CHANNEL_SUCCESS');
    client.send(98, channel, 'exec', true, upload);
    await client.next('CHANNEL_SUCCESS');
    assert.equal(door.channels[0]?.version, version);
    assert.equal(Object.hasOwn(process.env, 'GIT_PROTOCOL'), false);
  }
});

test('a command that is not exactly one service and one path never becomes a session', async (t) => {
  const { door, client } = await logIn(t);
  for (const command of [
    'git-upload-pack --upload-pack=id acme/web',
    "git-upload-pack --strict 'acme/web'",
    "git upload-pack 'acme/web'",
    "git-upload-pack 'acme/web';id",
    "git-upload-pack 'acme/web' 'acme/other'",
    "git-upload-pack 'acme/web'\nid",
    "git-upload-pack 'acme/../web'",
    "git-upload-pack '/etc/passwd/x/y/z/w'",
    "git-upload-pack 'acme%2fweb'",
    "/usr/bin/git-upload-pack 'acme/web'",
    "git-upload-pack '~root/web'",
    '',
  ]) {
    const channel = await client.openSession();
    client.send(98, channel, 'exec', true, command);
    const { fields } = await client.next('CHANNEL_EXTENDED_DATA');
    assert.match(String(fields[1]), /^refgate: [^\r\n]+\r\n$/, command);
    const status = await client.next('CHANNEL_REQUEST');
    assert.deepEqual([status.fields[1], status.fields[3]], ['exit-status', 1]);
    client.send(97, channel);
  }
  assert.equal(door.channels.length, 0);
});

test('a channel that is closed unused is forgotten, and the number of open ones is bounded', async (t) => {
  const { client } = await logIn(t, { ...waits, limits: { maxSessionsPerConnection: 3 } });
  for (let n = 0; n < 20; n++) {
    const channel = await client.openSession();
    client.send(97, channel);
    await client.next('CHANNEL_CLOSE');
  }
  for (let n = 0; n < 3; n++) await client.openSession();
  client.send(90, 'session', 0n, 100_000n, 32_768n);
  await client.next('CHANNEL_OPEN_FAILURE');
});

test('a client that says it takes packets of no bytes is sent away, and the server lives', async (t) => {
  const { door, client } = await logIn(t);
  client.send(90, 'session', 0n, 100_000n, 0n);
  await client.next('closed');
  assert.equal((await door.ssh(['-T', 'git@127.0.0.1'])).status, 1);
});

test('malformed messages end their connection and nothing else', async (t) => {
  const { door } = await logIn(t);
  const key = ed25519Key();
  door.register(key.blob);
  for (const bad of [
    payload(98, 0n, 'exec', true, Buffer.alloc(9)).subarray(0, 20),
    payload(90, 'session', 0n, 100_000n),
    payload(80),
    payload(50, 'git', 'ssh-connection', 'publickey'),
  ]) {
    const client = await RawClient.login(door.port, key);
    client.send(...[...bad]);
    await client.next('closed');
  }
  assert.equal((await door.ssh(['-T', 'git@127.0.0.1'])).status, 1);
});

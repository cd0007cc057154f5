/**
 * Attack: to keep everybody out by never logging in.
 * 1. Clients that are not logged in cost the attacker nothing: it opens
 *    hundreds of connections and says nothing, sends one byte now and then,
 *    stops half way through the handshake, or tries one key after the other.
 * 2. Each of them holds a socket, a timer and a handshake at the server.
 * 3. Without bounds nobody else gets in any more.
 */
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { tempDir } from '../support/git.ts';
import { openDoor } from '../transport/ssh/door.ts';
import { ed25519Key, RawClient } from '../transport/ssh/raw-client.ts';

function dial(t: TestContext, port: number): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.resume();
  t.after(() => socket.destroy());
  return socket;
}

const closed = (socket: Socket): Promise<unknown> =>
  // Not `once` of node:events: a connection that is reset ends with an error first.
  new Promise((resolve) => (socket.closed ? resolve(undefined) : socket.once('close', resolve)));

test('after three refused signatures the connection is closed', async (t) => {
  const door = await openDoor(t, tempDir(t));
  const client = await RawClient.connect(door.port);
  await client.startLogin();
  for (let n = 0; n < 2; n++) {
    client.sendSigned(ed25519Key());
    await client.next('USERAUTH_FAILURE');
  }
  client.sendSigned(ed25519Key());
  const { kind } = await client.next('USERAUTH_FAILURE', 'DISCONNECT', 'closed');
  assert.notEqual(kind, 'USERAUTH_FAILURE');
});

test('refused signatures sent all at once are counted too', async (t) => {
  const door = await openDoor(t, tempDir(t));
  const client = await RawClient.connect(door.port);
  await client.startLogin();
  for (let n = 0; n < 9; n++) client.sendSigned(ed25519Key());
  await client.next('closed');
  assert.ok(door.phrases.includes('ssh login given up'));
});

test('endless questions about keys end the connection', async (t) => {
  const door = await openDoor(t, tempDir(t));
  const client = await RawClient.connect(door.port);
  await client.startLogin();
  const { blob, algorithm } = ed25519Key();
  for (let n = 0; n < 50; n++) {
    client.sendQuery(blob, algorithm);
    const { kind } = await client.next('USERAUTH_PK_OK', 'DISCONNECT', 'closed');
    if (kind !== 'USERAUTH_PK_OK') return;
  }
  assert.fail('fifty questions were answered');
});

for (const [name, opening] of Object.entries({
  'that says nothing': '',
  'that stops in its first line': 'SSH-2.0-Slow',
  'that stops after its first line': 'SSH-2.0-Slow\r\n',
}))
  test(`a client ${name} is gone after the login grace`, async (t) => {
    const door = await openDoor(t, tempDir(t), { limits: { loginGraceMs: 300 } });
    const socket = dial(t, door.port);
    socket.write(opening);
    await closed(socket);
  });

test('a client that sends one byte now and then is gone after the login grace', async (t) => {
  const door = await openDoor(t, tempDir(t), { limits: { loginGraceMs: 300 } });
  const socket = dial(t, door.port);
  const drip = setInterval(() => socket.write('S'), 20);
  t.after(() => clearInterval(drip));
  await closed(socket);
});

test('a client that never tries a key is gone after the login grace, one that logged in stays', async (t) => {
  const door = await openDoor(t, tempDir(t), { limits: { loginGraceMs: 400 } });
  const key = ed25519Key();
  door.register(key.blob);
  const member = await RawClient.login(door.port, key);
  t.after(() => member.socket.destroy());
  const stranger = await RawClient.connect(door.port);
  await stranger.startLogin();
  await stranger.next('closed');
  await member.openSession();
});

test('hundreds of half-open connections leave few behind, and cannot keep others of the same source out for ever', async (t) => {
  const door = await openDoor(t, tempDir(t), { limits: { loginGraceMs: 1_500 } });
  const sockets = Array.from({ length: 300 }, () => dial(t, door.port));
  let open = sockets.length;
  for (const socket of sockets) socket.once('close', () => open--);
  const rest = Promise.all(sockets.slice(100).map(closed));
  await Promise.race([rest, closed(sockets[0] as Socket)]);
  assert.ok(open <= 30, `${open} half-open connections were kept`);
  await Promise.all(sockets.map(closed));
  assert.equal((await door.ssh(['-T', 'git@127.0.0.1'])).status, 1);
});

test('a source that fails again and again is turned away for a while', async (t) => {
  const penalties = {
    authFailed: 60_000,
    noAuth: 0,
    graceExceeded: 0,
    least: 100_000,
    most: 600_000,
    loopback: true,
  };
  const door = await openDoor(t, tempDir(t), { limits: { penalties } });
  for (let n = 0; n < 2; n++) {
    const client = await RawClient.connect(door.port);
    await client.startLogin();
    client.sendSigned(ed25519Key());
    await client.next('USERAUTH_FAILURE');
    client.socket.destroy();
    await client.next('closed');
  }
  // the server sees the close a moment later
  for (let n = 0; n < 200; n++) {
    const client = await RawClient.connect(door.port).catch(() => undefined);
    if (client === undefined) return;
    client.socket.destroy();
    await client.next('closed');
  }
  assert.fail('the source is still let in');
});

test('a key exchange before the login ends the connection', async (t) => {
  const door = await openDoor(t, tempDir(t));
  const client = await RawClient.connect(door.port);
  await client.startLogin();
  client.rekey();
  await client.next('closed');
});

/**
 * Attack: to log in with a public key alone.
 * 1. Public keys are public: the attacker takes one of ann's from her profile.
 * 2. It offers the key, and then says "signed" with a signature that it cannot
 *    have: random bytes, one of its own key, one that was made for another
 *    session, another user name or another algorithm, or one by a FIDO token
 *    that nobody touched.
 * 3. A server whose library leaves verification to it, and that only looks the
 *    key up, lets the attacker in as ann.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { tempDir } from '../support/git.ts';
import { openDoor } from '../transport/ssh/door.ts';
import {
  ed25519Key,
  payload,
  RawClient,
  type RawKey,
  rsaKey,
  tokenKey,
} from '../transport/ssh/raw-client.ts';

const good: Readonly<Record<string, () => RawKey>> = {
  'an Ed25519 key': ed25519Key,
  'an RSA key with SHA-256': () => rsaKey('rsa-sha2-256'),
  'an RSA key with SHA-512': () => rsaKey('rsa-sha2-512'),
  'a FIDO key on Ed25519': () => tokenKey('ed25519'),
  'a FIDO key on P-256': () => tokenKey('ecdsa'),
};

for (const [name, make] of Object.entries(good))
  test(`${name} opens the door with its own signature, and with no other`, async (t) => {
    const door = await openDoor(t, tempDir(t), { limits: { maxAuthTries: 100 } });
    const key = make();
    const client = await RawClient.connect(door.port);
    t.after(() => client.socket.destroy());
    await client.startLogin();
    const refuse = async (lie: Parameters<RawClient['sendSigned']>[1], liar = key) => {
      client.sendSigned(liar, lie);
      assert.equal((await client.next('USERAUTH_FAILURE', 'USERAUTH_SUCCESS')).kind, 'USERAUTH_FAILURE');
    };
    await refuse({}); // not registered yet
    door.register(key.blob);
    const whole = key.sign(randomBytes(200));
    await refuse({ signature: payload(key.algorithm, randomBytes(64)) });
    await refuse({ signature: randomBytes(whole.length) });
    await refuse({ signature: payload(key.algorithm, '') });
    await refuse({ signature: whole });
    await refuse({ signature: make().sign(payload(client.sessionId, 50, 'git')) });
    await refuse({ sessionId: randomBytes(32) });
    await refuse({ signedUser: 'root' });
    await refuse({}, { ...key, sign: make().sign });
    client.sendSigned(key);
    await client.next('USERAUTH_SUCCESS');
  });

const never: Readonly<Record<string, () => RawKey>> = {
  'an RSA signature with SHA-1': () => rsaKey('ssh-rsa'),
  'an RSA key of 1024 bits': () => rsaKey('rsa-sha2-512', 1024),
  'a FIDO key on Ed25519 that nobody touched': () => tokenKey('ed25519', 0),
  'a FIDO key on P-256 that nobody touched': () => tokenKey('ecdsa', 4),
  'an RSA signature named as Ed25519': () => ({ ...rsaKey('rsa-sha2-512'), algorithm: 'ssh-ed25519' }),
  'a certificate': () => {
    const key = ed25519Key();
    const algorithm = 'ssh-ed25519-cert-v01@openssh.com';
    return { algorithm, blob: payload(algorithm, randomBytes(32), key.blob.subarray(-32)), sign: key.sign };
  },
};

for (const [name, make] of Object.entries(never))
  test(`${name} does not open the door, even when the key is registered`, async (t) => {
    const door = await openDoor(t, tempDir(t), { limits: { maxAuthTries: 100 } });
    const key = make();
    door.register(key.blob);
    const client = await RawClient.connect(door.port);
    t.after(() => client.socket.destroy());
    await client.startLogin();
    client.sendSigned(key);
    const { kind } = await client.next('USERAUTH_FAILURE', 'USERAUTH_SUCCESS', 'closed');
    assert.notEqual(kind, 'USERAUTH_SUCCESS');
  });

test('a registered key that was only asked about lets nobody open a session', async (t) => {
  const door = await openDoor(t, tempDir(t));
  const key = ed25519Key();
  door.register(key.blob);
  const client = await RawClient.connect(door.port);
  t.after(() => client.socket.destroy());
  await client.startLogin();
  client.sendQuery(key.blob, key.algorithm);
  await client.next('USERAUTH_PK_OK');
  client.send(90, 'session', 0n, 100_000n, 32_768n);
  await client.next('CHANNEL_OPEN_FAILURE', 'closed');
  assert.equal(door.channels.length, 0);
});

test('known and unknown keys and user names are answered alike', async (t) => {
  const door = await openDoor(t, tempDir(t), { limits: { maxAuthTries: 100 } });
  const known = ed25519Key();
  door.register(known.blob);
  const client = await RawClient.connect(door.port);
  t.after(() => client.socket.destroy());
  await client.startLogin();
  for (const key of [known, ed25519Key()]) {
    client.sendQuery(key.blob, key.algorithm);
    assert.equal((await client.next('USERAUTH_PK_OK', 'USERAUTH_FAILURE')).kind, 'USERAUTH_PK_OK');
  }
  const other = await RawClient.connect(door.port);
  t.after(() => other.socket.destroy());
  await other.startLogin();
  other.sendQuery(known.blob, known.algorithm, 'root');
  await other.next('USERAUTH_PK_OK');
  other.sendSigned(known, { user: 'root' });
  await other.next('USERAUTH_FAILURE');
});

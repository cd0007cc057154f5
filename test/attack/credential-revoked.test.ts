/**
 * Attack: a push is held, and goes out with a credential that has died meanwhile.
 *
 * 1. A leaver, or somebody who found a token, begins a push while the
 *    credential is alive, and keeps it open.
 * 2. The operator disables the user, removes the key, gives the key to another
 *    user, or revokes the token; or the token expires.
 * 3. The attacker sends the rest, and hopes that nobody looks again.
 */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import type { Directory } from '../../src/domain/identity.ts';
import type { Principal } from '../../src/domain/session.ts';
import { openDirectory } from '../../src/identity/directory.ts';
import { openLedger } from '../../src/record/ledger.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { QuietLog } from '../support/quiet-log.ts';

const hour = 3_600_000;

function field(bytes: Uint8Array | string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, Buffer.from(bytes)]);
}

const raw = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }).x ?? '';
const blob = Buffer.concat([field('ssh-ed25519'), field(Buffer.from(raw, 'base64url'))]);
const line = `ssh-ed25519 ${blob.toString('base64')}`;

interface Held {
  readonly directory: Directory;
  readonly byKey: Principal;
  readonly byToken: Principal;
  readonly pass: (ms: number) => void;
}

/** Two pushes of alice that are held, one begun with her key and one with her token. */
async function hold(): Promise<Held> {
  let now = 0;
  const clock = () => now;
  const store = new MemoryStore();
  const recorder = await openLedger({ store, clock, log: new QuietLog() });
  const directory = await openDirectory({ store, recorder, clock });
  for (const name of ['alice', 'bob']) {
    await directory.addUser({ name, kind: 'person', groups: [], role: 'user' }, 'operator');
  }
  await directory.addKey('alice', line, 'operator');
  const { token } = await directory.createToken('alice', hour, 'operator');
  const [byKey, byToken] = [await directory.byPublicKey(blob), await directory.byToken('alice', token)];
  assert.ok(byKey && byToken);
  assert.deepEqual([await directory.stillValid(byKey), await directory.stillValid(byToken)], [true, true]);
  const pass = (ms: number) => {
    now += ms;
  };
  return { directory, byKey, byToken, pass };
}

test('a user who was disabled can no longer forward anything', async () => {
  const { directory, byKey, byToken } = await hold();
  await directory.disableUser('alice', 'operator');
  assert.equal(await directory.stillValid(byKey), false);
  assert.equal(await directory.stillValid(byToken), false);
});

test('a key that was removed, or that is another user’s now, forwards nothing', async () => {
  const { directory, byKey, byToken } = await hold();
  await directory.removeKey('alice', byKey.credential.id, 'operator');
  assert.equal(await directory.stillValid(byKey), false);
  await directory.addKey('bob', line, 'operator');
  assert.equal(await directory.stillValid(byKey), false);
  assert.equal(await directory.stillValid(byToken), true);
});

test('a token that was revoked, or has expired, forwards nothing', async () => {
  const revoked = await hold();
  await revoked.directory.revokeToken(revoked.byToken.credential.id, 'operator');
  assert.equal(await revoked.directory.stillValid(revoked.byToken), false);
  assert.equal(await revoked.directory.stillValid(revoked.byKey), true);

  const expired = await hold();
  expired.pass(hour);
  assert.equal(await expired.directory.stillValid(expired.byToken), false);
});

test('a credential of one type does not pass for one of the other', async () => {
  const { directory, byKey, byToken } = await hold();
  const crossed = [
    { ...byKey, credential: { type: 'token', id: byKey.credential.id } },
    { ...byToken, credential: { type: 'ssh-key', id: byToken.credential.id } },
    { ...byKey, user: 'bob' },
    { ...byToken, user: 'bob' },
    { ...byToken, user: '' },
  ] as const;
  for (const principal of crossed) assert.equal(await directory.stillValid(principal), false);
});

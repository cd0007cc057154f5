import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, type KeyObject, verify } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import ssh2 from 'ssh2';
import { createKeyPair, importKeyPair } from '../../../src/agent/vault/deploy-key.ts';
import { RefgateError } from '../../../src/domain/error.ts';
import { Secret } from '../../../src/domain/secret.ts';
import { runCommand, tempDir } from '../../support/git.ts';

const keys: Readonly<Record<string, () => KeyObject>> = {
  Ed25519: () => generateKeyPairSync('ed25519').privateKey,
  RSA: () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
  'P-256': () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
};

for (const [name, make] of Object.entries(keys))
  test(`a ${name} key in PKCS #8 is imported, and ssh-keygen reads what is kept of it`, async (t) => {
    const pem = make().export({ type: 'pkcs8', format: 'pem' }).toString();
    const pair = importKeyPair(new Secret(pem), 'a comment');
    const file = join(tempDir(t), 'key');
    writeFileSync(file, pair.privateKey.reveal(), { mode: 0o600 });
    const shown = await runCommand('ssh-keygen', ['-y', '-f', file], { env: { PATH: process.env['PATH'] } });
    assert.equal(shown.status, 0, shown.stderr);
    assert.deepEqual(pair.publicKey.split(' ').slice(0, 2), shown.stdout.trim().split(' ').slice(0, 2));
    assert.match(pair.publicKey, / a comment$/);
  });

test('of many new keys, each signs what its own public line verifies', () => {
  for (let count = 0; count < 600; count++) {
    const pair = createKeyPair('here');
    const blob = Buffer.from(pair.publicKey.split(' ')[1] ?? '', 'base64');
    const x = blob.subarray(-32).toString('base64url');
    assert.equal(blob.length, 51);
    const key = ssh2.utils.parseKey(pair.privateKey.reveal());
    assert.ok(!(key instanceof Error));
    const signature = key.sign(Buffer.from('challenge'));
    const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
    assert.ok(verify(null, Buffer.from('challenge'), publicKey, signature));
  }
});

test('what was made is imported as it is', () => {
  const made = createKeyPair('here');
  const again = importKeyPair(made.privateKey, 'there');
  assert.equal(again.fingerprint, made.fingerprint);
  assert.equal(again.privateKey.reveal(), made.privateKey.reveal());
});

test('a key with a passphrase, a public key and other text are wrong usage, and the message holds nothing of them', () => {
  const key = generateKeyPairSync('ed25519').privateKey;
  const locked = key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'words' });
  const damaged = key
    .export({ type: 'pkcs8', format: 'pem' })
    .toString()
    .replace(/M[A-Za-z0-9]{8}/, 'MAAAAAAAA');
  for (const text of [
    locked.toString(),
    damaged,
    createKeyPair('x').publicKey,
    'neither a private nor a public key, but a long sentence',
  ])
    assert.throws(
      () => importKeyPair(new Secret(text), 'x'),
      (error: RefgateError) =>
        error instanceof RefgateError &&
        error.code === 'USAGE' &&
        !error.message.includes(text.slice(30, 50)),
    );
});

test('DSA keys and short RSA keys are refused, in PEM and in PKCS #8', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
  const dsa = generateKeyPairSync('dsa', { modulusLength: 1024, divisorLength: 160 }).privateKey;
  const texts = [
    rsa.export({ type: 'pkcs1', format: 'pem' }),
    rsa.export({ type: 'pkcs8', format: 'pem' }),
    dsa.export({ type: 'pkcs8', format: 'pem' }),
  ];
  for (const text of texts)
    assert.throws(
      () => importKeyPair(new Secret(text.toString()), 'here'),
      (error: unknown) => error instanceof RefgateError && error.code === 'USAGE',
    );
});

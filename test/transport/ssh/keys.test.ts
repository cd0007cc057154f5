import assert from 'node:assert/strict';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { loadHostKey } from '../../../src/transport/ssh/host-key.ts';
import { assertNativeCrypto } from '../../../src/transport/ssh/library.ts';
import { newKeyPair } from '../../../src/transport/ssh/new-key.ts';
import { parsePublicKey } from '../../../src/transport/ssh/public-key.ts';
import { verifySignature } from '../../../src/transport/ssh/verify-signature.ts';
import { makeClientKey } from '../../support/client.ts';
import { runCommand, tempDir } from '../../support/git.ts';
import { blobOf } from './door.ts';
import { ed25519Key, payload, rsaKey, tokenKey } from './raw-client.ts';

test('ssh2 runs with its compiled part', () => assertNativeCrypto());

test('a new host key is one that ssh-keygen reads, with the fingerprint we tell', async (t) => {
  const file = join(tempDir(t), 'deep', 'host_key');
  const made = await loadHostKey(file);
  const run = await runCommand('ssh-keygen', ['-lf', file], { env: { PATH: process.env['PATH'] } });
  assert.match(run.stdout, new RegExp(`^256 ${made.fingerprint.replace(/[+/]/g, '.')} `));
  assert.deepEqual(await loadHostKey(file), made);
});

test('a pair whose public half lost its first byte is thrown away, and another is made', () => {
  const sound = newKeyPair('ours');
  const short = {
    ...sound,
    public: `ssh-ed25519 ${payload('ssh-ed25519', Buffer.alloc(31, 7)).toString('base64')}`,
  };
  const made = [short, short, sound];
  assert.equal(
    newKeyPair('ours', () => made.shift() ?? short),
    sound,
  );
  assert.match(sound.public, /^ssh-ed25519 \S+ ours$/);
});

test('two starts at once end with one host key', async (t) => {
  const file = join(tempDir(t), 'host_key');
  const keys = await Promise.all(Array.from({ length: 8 }, () => loadHostKey(file)));
  assert.equal(new Set(keys.map(({ fingerprint }) => fingerprint)).size, 1);
});

test('a host key that others may read, or that is no Ed25519 key, is not used', async (t) => {
  const dir = tempDir(t);
  const file = join(dir, 'host_key');
  await loadHostKey(file);
  chmodSync(file, 0o640);
  await assert.rejects(loadHostKey(file), { code: 'CONFIG_INVALID', message: /chmod 600/ });
  chmodSync(file, 0o600);
  const rsa = await makeClientKey(dir, 'rsa');
  for (const text of ['', 'nonsense', readFileSync(rsa.file, 'utf8'), rsa.publicLine]) {
    writeFileSync(file, text);
    await assert.rejects(loadHostKey(file), { code: 'CONFIG_INVALID' });
  }
});

for (const type of ['ed25519', 'ecdsa', 'rsa'] as const)
  test(`a public key of ssh-keygen -t ${type} is parsed, and no prefix or extension of it`, async (t) => {
    const blob = blobOf((await makeClientKey(tempDir(t), type)).publicLine);
    assert.ok(parsePublicKey(blob)?.type.includes(type));
    for (let end = 0; end < blob.length; end++)
      assert.equal(parsePublicKey(blob.subarray(0, end)), undefined);
    assert.equal(parsePublicKey(Buffer.concat([blob, Buffer.alloc(1)])), undefined);
  });

test('a point that is not on its curve, an even exponent and another curve are no keys', () => {
  const point = Buffer.concat([Buffer.from([4]), Buffer.alloc(64, 7)]);
  assert.equal(parsePublicKey(payload('ecdsa-sha2-nistp256', 'nistp256', point)), undefined);
  assert.equal(parsePublicKey(payload('ecdsa-sha2-nistp256', 'nistp384', point)), undefined);
  assert.equal(parsePublicKey(payload('ssh-rsa', Buffer.from([4]), Buffer.alloc(257, 1))), undefined);
  assert.equal(parsePublicKey(payload('ssh-rsa', Buffer.from([3]), Buffer.alloc(2_000, 1))), undefined);
  assert.equal(parsePublicKey(payload('toString', 'x')), undefined);
});

test('any bytes as key and signature are refused without an error', () => {
  const keys = [ed25519Key(), rsaKey('rsa-sha2-512'), tokenKey('ed25519'), tokenKey('ecdsa')];
  const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array));
  fc.assert(
    fc.property(bytes, bytes, fc.constantFrom(...keys), (noise, message, key) => {
      const { algorithm, blob } = key;
      assert.equal(verifySignature({ algorithm, keyBlob: noise, signature: noise, message }), false);
      assert.equal(verifySignature({ algorithm, keyBlob: blob, signature: noise, message }), false);
    }),
  );
});

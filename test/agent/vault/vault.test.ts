import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { parseRepoPattern } from '../../../src/agent/vault/pattern.ts';
import { Vault } from '../../../src/agent/vault/vault.ts';
import { Secret } from '../../../src/domain/secret.ts';
import type { HeldCredential } from '../../../src/upstream/link-vault.ts';
import { codeOf } from '../../contract/upstreams.ts';
import { tempDir } from '../../support/git.ts';

const login = (pattern: string, upstream = 'web'): HeldCredential => ({
  kind: 'login',
  upstream,
  pattern,
  user: 'robot',
  createdAt: '2026-01-01T00:00:00.000Z',
});

test('what was put is there after opening again, and only with the same key', async (t) => {
  const dir = tempDir(t, 'vault');
  const [key, password] = [randomBytes(32).toString('hex'), randomBytes(9).toString('hex')];
  const vault = await Vault.open(dir, key);
  await vault.put(login('acme/*'), new Secret(password));
  const again = await Vault.open(dir, key);
  assert.equal(again.login('web', 'acme/one').password.reveal(), password);
  assert.throws(() => again.login('web', 'other/one'), codeOf('CREDENTIAL_MISSING'));
  await assert.rejects(Vault.open(dir, randomBytes(32).toString('hex')), codeOf('CONFIG_INVALID'));
});

test('an entry that was moved to another upstream in the file does not open', async (t) => {
  const dir = tempDir(t, 'vault');
  const vault = await Vault.open(dir);
  await vault.put(login('**'), new Secret(randomBytes(9).toString('hex')));
  const file = join(dir, 'vault.json');
  writeFileSync(file, readFileSync(file, 'utf8').replace('"web"', '"own"'));
  await assert.rejects(Vault.open(dir), codeOf('CONFIG_INVALID'));
});

test('a key file that others can read is refused', async (t) => {
  const dir = tempDir(t, 'vault');
  await Vault.open(dir);
  chmodSync(join(dir, 'vault.key'), 0o644);
  await assert.rejects(Vault.open(dir), codeOf('CONFIG_INVALID'));
});

test('a damaged vault is never replaced by an empty one', async (t) => {
  const dir = tempDir(t, 'vault');
  writeFileSync(join(dir, 'vault.json'), '{');
  await assert.rejects(Vault.open(dir), codeOf('CONFIG_INVALID'));
});

test('changes that are made at once are all kept', async (t) => {
  const dir = tempDir(t, 'vault');
  const vault = await Vault.open(dir);
  const names = Array.from({ length: 8 }, (_, index) => `acme/r${index}`);
  await Promise.all(names.map((name) => vault.put(login(name), new Secret(name))));
  const again = await Vault.open(dir);
  assert.deepEqual(
    again
      .list('web')
      .map(({ pattern }) => pattern)
      .sort(),
    names,
  );
});

test('the most specific pattern decides', async (t) => {
  const vault = await Vault.open(tempDir(t, 'vault'));
  for (const pattern of ['**', 'acme/*', 'acme/web', 'acme/w*'])
    await vault.put(login(pattern), new Secret(pattern));
  const found = ['acme/web', 'acme/wiki', 'acme/api', 'other/deep/one'].map((path) =>
    vault.login('web', path),
  );
  assert.deepEqual(
    found.map(({ password }) => password.reveal()),
    ['acme/web', 'acme/w*', 'acme/*', '**'],
  );
});

test('a star stays within its segment, and odd patterns are refused', () => {
  assert.equal(parseRepoPattern('acme/*').matches('acme/a/b'), false);
  assert.equal(parseRepoPattern('acme/**').matches('acme/a/b'), true);
  assert.equal(parseRepoPattern('acme/a.b').matches('acme/axb'), false);
  for (const text of ['', '/acme', 'acme/', 'a//b', 'a b', '(a+)+', '*a*a*a*a*a*a*a*a*a']) {
    assert.throws(() => parseRepoPattern(text), codeOf('USAGE'), text);
  }
});

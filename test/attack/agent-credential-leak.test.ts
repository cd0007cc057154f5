/**
 * Attack: to read a credential without being the agent.
 * 1. Somebody reads the vault's file, the agent's log, or the errors that people are shown.
 * 2. Somebody asks for the list of credentials, or for the credential of another repository.
 * Guarantee: no secret is in any of them, and each repository has its own.
 */
import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { Secret } from '../../src/domain/secret.ts';
import { signVaultTicket } from '../../src/upstream/vault-client.ts';
import { codeOf } from '../contract/upstreams.ts';
import { addDeployKey, addLogin, startTestAgent } from '../support/agent.ts';
import { tempDir } from '../support/git.ts';
import { startHttpBackend } from '../support/http-backend.ts';
import { startSshd } from '../support/sshd.ts';

test('neither files nor logs nor errors nor lists hold a secret', async (t) => {
  const dir = tempDir(t, 'leak');
  const password = randomBytes(12).toString('hex');
  const { privateKey } = generateKeyPairSync('ed25519');
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const seed = Buffer.from(privateKey.export({ format: 'jwk' }).d ?? '', 'base64url');
  const backend = await startHttpBackend(t, {
    root: dir,
    before(request, response) {
      // A server that is careless with what it was sent.
      const sent = Buffer.from(String(request.headers.authorization).slice(6), 'base64').toString();
      response.writeHead(403, { 'content-type': 'text/plain' }).end(`go away, ${sent}`);
      return true;
    },
  });
  const sshd = await startSshd(t);
  const agent = await startTestAgent(t, dir, {
    web: { http: { url: backend.url } },
    host: { ssh: { url: sshd.url, hostKeys: [sshd.hostKey] } },
  });
  await addLogin(agent, 'web', { user: 'robot', password });
  const ticket = signVaultTicket(
    { do: 'deploy-key-import', upstream: 'host', pattern: 'acme/*' },
    agent.signer,
  );
  const imported = await agent.vault.apply(ticket, new Secret(pem));
  const listed = await agent.vault.apply(signVaultTicket({ do: 'list' }, agent.signer));
  const errors: string[] = [];
  for (const upstream of ['web', 'host']) {
    const source = agent.upstreams.fetchSource({ upstream, path: 'acme/web' });
    await assert.rejects(source.capabilities(), (error: Error) => {
      errors.push(String(error), JSON.stringify(error), String(error.cause));
      return codeOf('UPSTREAM_REFUSED')(error);
    });
  }
  const files = readdirSync(agent.data).map((name) => join(agent.data, name));
  for (const file of files) assert.equal(statSync(file).mode & 0o077, 0, file);
  const everything = [
    ...files.filter((file) => !file.endsWith('vault.key')).map((file) => readFileSync(file, 'latin1')),
    ...[agent.log(), JSON.stringify(imported), JSON.stringify(listed)],
    ...errors,
  ].join('\n');
  const basic = Buffer.from(`robot:${password}`).toString('base64');
  for (const secret of [password, basic, seed.toString('base64').slice(0, 20), seed.toString('latin1')]) {
    assert.ok(!everything.includes(secret));
  }
  assert.match(everything, /go away, robot:\[secret\]/);
});

test('the most specific pattern decides, and without any the error says what to do', async (t) => {
  const dir = tempDir(t, 'leak');
  const sshd = await startSshd(t);
  const agent = await startTestAgent(t, dir, { host: { ssh: { url: sshd.url, hostKeys: [sshd.hostKey] } } });
  await addDeployKey(agent, 'host', 'acme/*');
  sshd.authorize(await addDeployKey(agent, 'host', 'acme/own'));
  const open = (path: string) => agent.upstreams.fetchSource({ upstream: 'host', path }).capabilities();
  // The key of acme/* is not authorized, that of acme/own is, though it finds nothing there.
  await assert.rejects(open('acme/web'), codeOf('UPSTREAM_REFUSED'));
  await assert.rejects(open('acme/own'), codeOf('REPO_NOT_FOUND'));
  await assert.rejects(open('other/web'), (error: Error) => {
    assert.match(error.message, /refgate deploy-key create --upstream host --repo other\/web/);
    return codeOf('CREDENTIAL_MISSING')(error);
  });
});

test('a key that asks for a passphrase is refused in plain words, and a key is not overwritten', async (t) => {
  const dir = tempDir(t, 'leak');
  const agent = await startTestAgent(t, dir, { disk: { path: { root: dir } } });
  const { privateKey } = generateKeyPairSync('ed25519');
  const sealed = {
    type: 'pkcs8',
    format: 'pem',
    cipher: 'aes-256-cbc',
    passphrase: randomBytes(8).toString('hex'),
  } as const;
  const change = { do: 'deploy-key-import', upstream: 'disk', pattern: 'acme/web' } as const;
  const importing = (text: string) =>
    agent.vault.apply(signVaultTicket(change, agent.signer), new Secret(text));
  await assert.rejects(importing(privateKey.export(sealed).toString()), /passphrase.*ssh-keygen -p/);
  await assert.rejects(importing('no key at all'), codeOf('USAGE'));
  await importing(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
  await assert.rejects(
    importing(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()),
    codeOf('CONFLICT'),
  );
  const remove = { do: 'deploy-key-remove', upstream: 'disk', pattern: 'acme/web' } as const;
  await agent.vault.apply(signVaultTicket(remove, agent.signer));
  await assert.rejects(agent.vault.apply(signVaultTicket(remove, agent.signer)), codeOf('NOT_FOUND'));
});

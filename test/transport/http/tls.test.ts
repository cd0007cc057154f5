import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { runCommand, tempDir } from '../../support/git.ts';
import { dial, readAll } from './raw-http.ts';
import { git, limits, makeRepo, openDoor } from './served-git.ts';

/** A CA of its own, and a certificate for 127.0.0.1. */
async function makeCertificate(dir: string): Promise<{ ca: string; cert: string; key: string }> {
  const at = (name: string) => join(dir, name);
  const openssl = async (...args: string[]) => {
    const run = await runCommand('openssl', args, { cwd: dir, env: { PATH: process.env['PATH'] } });
    assert.equal(run.status, 0, run.stderr);
  };
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=test CA');
  await openssl('req', ...key, '-keyout', 'tls.key', '-out', 'tls.csr', '-subj', '/CN=127.0.0.1');
  await writeFile(at('ext'), 'subjectAltName=IP:127.0.0.1\n');
  const signing = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'ext'];
  await openssl('x509', '-req', '-in', 'tls.csr', ...signing, '-out', 'tls.pem');
  return { ca: at('ca.pem'), cert: at('tls.pem'), key: at('tls.key') };
}

test('git clones over TLS from a certificate that it can check, and from no other', async (t) => {
  const { ca, cert, key } = await makeCertificate(tempDir(t, 'tls'));
  const at = await openDoor({ tls: { cert, key } });
  t.after(() => at.close());
  await makeRepo(at.dir);
  assert.match(at.door.url, /^https:\/\/127\.0\.0\.1:\d+$/);
  const trusted = await git(at.dir, ['clone', '-q', at.repoUrl, 'copy'], { GIT_SSL_CAINFO: ca });
  assert.equal(trusted.code, 0, trusted.stderr);
  const untrusted = await git(at.dir, ['ls-remote', at.repoUrl]);
  assert.equal(untrusted.code, 128);
  assert.match(untrusted.stderr, /certificate/);
});

test('a client that does not finish its TLS handshake is cut', async (t) => {
  const { cert, key } = await makeCertificate(tempDir(t, 'tls'));
  const at = await openDoor({ tls: { cert, key }, limits: { headersMs: 200 } });
  t.after(() => at.close());
  await readAll(await dial(at));
  const started = await dial(at);
  started.write(Buffer.from([22, 3, 1, 2, 0, 1]));
  await readAll(started);
});

test('a certificate that cannot be read is an error of the configuration', async () => {
  const tls = { cert: '/nonexistent/tls.pem', key: '/nonexistent/tls.key' };
  await assert.rejects(openDoor({ tls }), { code: 'CONFIG_INVALID', blame: 'operator' });
});

for (const host of ['0.0.0.0', '::', '192.0.2.1', 'git.example.com', '127.0.0.1.example.com', '']) {
  test(`plain HTTP on ${JSON.stringify(host)} is refused before anything listens`, async () => {
    const listen = { host, port: 0 };
    await assert.rejects(openDoor({ listen, limits }), { code: 'CONFIG_INVALID', blame: 'operator' });
  });
}

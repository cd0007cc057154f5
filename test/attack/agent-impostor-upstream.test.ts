/**
 * Attack: to take the upstream's place, and be given its credential.
 * 1. The name or the route of the upstream leads to another server.
 * 2. That server shows a host key or a certificate of its own.
 * 3. Or the upstream itself answers with a redirect to another host.
 * Guarantee: nothing is sent there, no credential either; the error says whose turn it is.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import test from 'node:test';
import type { AdvertisedRef } from '../../src/domain/git.ts';
import type { FetchSource } from '../../src/domain/ports.ts';
import { codeOf } from '../contract/upstreams.ts';
import { addDeployKey, addLogin, startTestAgent } from '../support/agent.ts';
import { tempDir } from '../support/git.ts';
import { makeCertificate, startHttpBackend } from '../support/http-backend.ts';
import { makeRepo } from '../support/repos.ts';
import { startSshd } from '../support/sshd.ts';

const target = { upstream: 'host', path: 'acme/web' };

test('a host key that is not pinned ends the connection before authentication', async (t) => {
  const [sshd, other] = [await startSshd(t), await startSshd(t)];
  const dir = tempDir(t, 'imp');
  const agent = await startTestAgent(t, dir, { host: { ssh: { url: sshd.url, hostKeys: [other.hostKey] } } });
  sshd.authorize(await addDeployKey(agent, 'host'));
  await assert.rejects(agent.upstreams.fetchSource(target).capabilities(), codeOf('UPSTREAM_HOST_KEY'));
  await assert.rejects(agent.upstreams.pushTarget(target).advertise(), codeOf('UPSTREAM_HOST_KEY'));
  assert.equal(sshd.logins(), 0);
  const steps = await agent.upstreams.check(target);
  assert.deepEqual(
    steps.filter(({ outcome }) => outcome === 'failed').map(({ name }) => name),
    ['host-key'],
  );
});

test('a certificate of another authority ends the connection before the request', async (t) => {
  const dir = tempDir(t, 'imp');
  const [own, other] = [await makeCertificate(dir, 'own'), await makeCertificate(dir, 'other')];
  const backend = await startHttpBackend(t, { root: dir, tls: own });
  const http = { url: backend.url, ca: other.certFile };
  const agent = await startTestAgent(t, dir, { host: { http } });
  await addLogin(agent, 'host', { user: 'robot', password: randomBytes(12).toString('hex') });
  await assert.rejects(agent.upstreams.fetchSource(target).capabilities(), codeOf('UPSTREAM_HOST_KEY'));
  assert.deepEqual(backend.requests, []);
});

test('a redirect to another host is not followed, one on the same host is', async (t) => {
  const dir = tempDir(t, 'imp');
  await makeRepo(join(dir, 'srv', 'acme', 'web.git'), 'linear');
  const login = { user: 'robot', password: randomBytes(12).toString('hex') };
  const thief = await startHttpBackend(t, { root: join(dir, 'srv') });
  const backend = await startHttpBackend(t, {
    root: join(dir, 'srv'),
    login,
    before(request, response) {
      const moved = request.url?.startsWith('/acme/moved.git/');
      const away = request.url?.startsWith('/acme/away.git/');
      if (!moved && !away) return false;
      const place = `${away ? thief.url : ''}${request.url?.replace(/moved|away/, 'web')}`;
      response.writeHead(301, { location: place }).end();
      return true;
    },
  });
  const agent = await startTestAgent(t, dir, { host: { http: { url: backend.url } } });
  await addLogin(agent, 'host', login);
  const away = { upstream: 'host', path: 'acme/away' };
  await assert.rejects(agent.upstreams.fetchSource(away).capabilities(), codeOf('UPSTREAM_REFUSED'));
  await assert.rejects(agent.upstreams.pushTarget(away).advertise(), codeOf('UPSTREAM_REFUSED'));
  assert.deepEqual(thief.requests, []);
  const source = agent.upstreams.fetchSource({ upstream: 'host', path: 'acme/moved' });
  t.after(() => source.close());
  assert.equal((await source.capabilities()).objectFormat, 'sha1');
  const alone = agent.upstreams.fetchSource({ upstream: 'host', path: 'acme/moved' }, { stateless: true });
  t.after(() => alone.close());
  assert.notDeepEqual(await firstRefs(alone), []);
  const lost = agent.upstreams.fetchSource(away, { stateless: true });
  t.after(() => lost.close());
  await assert.rejects(firstRefs(lost), codeOf('UPSTREAM_REFUSED'));
  assert.deepEqual(thief.requests, []);
});

async function firstRefs(source: FetchSource): Promise<readonly AdvertisedRef[]> {
  const everyRef = { prefixes: [], symrefs: false, peel: false, unborn: false };
  for await (const batch of source.lsRefs(everyRef)) return batch;
  return [];
}

/**
 * Attack: to make the agent act without the gateway's decision.
 * 1. Somebody who reached the agent's socket sends jobs that the gateway did not sign.
 * 2. They replay one that it did sign, or use it for another operation.
 * 3. They wait with one until its time is over.
 * Guarantee: JOB_INVALID, and the upstream hears nothing.
 */
import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { linkHeaders, linkPaths } from '../../src/upstream/link.ts';
import { defaultLinkTimeouts, faultOf, LinkClient, responseTo } from '../../src/upstream/link-client.ts';
import { jobLifetime, type Operation, signJob } from '../../src/upstream/link-job.ts';
import { startTestAgent, type TestAgent } from '../support/agent.ts';
import { tempDir } from '../support/git.ts';
import { makeRepo } from '../support/repos.ts';

const operation: Operation = { op: 'advertisement', upstream: 'disk', path: 'acme/web' };

async function agentWithRepo(t: TestContext): Promise<TestAgent> {
  const dir = tempDir(t, 'forged');
  await makeRepo(join(dir, 'srv', 'acme', 'web.git'), 'linear');
  return startTestAgent(t, dir, { disk: { path: { root: join(dir, 'srv') } } });
}

/** Status and code of the agent's answer to a job in a header. */
async function ask(agent: TestAgent, path: string, job?: string): Promise<string> {
  const link = new LinkClient(agent.socket, agent.signer, defaultLinkTimeouts);
  const request = link.start('GET', path, job === undefined ? {} : { [linkHeaders.job]: job });
  request.end();
  const response = await responseTo(request);
  if (response.statusCode !== 200) return `${response.statusCode} ${(await faultOf(response)).code}`;
  response.resume();
  return '200';
}

const otherKey = (): KeyObject => generateKeyPairSync('ed25519').privateKey;

test('a job is good for one use', async (t) => {
  const agent = await agentWithRepo(t);
  const job = signJob(operation, agent.signer);
  assert.equal(await ask(agent, linkPaths.advertisement, job), '200');
  assert.equal(await ask(agent, linkPaths.advertisement, job), '403 JOB_INVALID');
});

test('jobs that are absent, forged, altered, expired, from the future, from before the agent or for something else are refused', async (t) => {
  const agent = await agentWithRepo(t);
  const good = signJob(operation, agent.signer);
  const [payload = '', signature = ''] = good.split('.');
  const altered = Buffer.from(payload, 'base64url').toString().replace('acme/web', 'acme/own');
  const now = Date.now();
  const bad: Record<string, string | undefined> = {
    absent: undefined,
    empty: '.',
    forged: signJob(operation, otherKey()),
    altered: `${Buffer.from(altered).toString('base64url')}.${signature}`,
    unsigned: `${payload}.`,
    expired: signJob(operation, agent.signer, now - 2 * jobLifetime),
    future: signJob(operation, agent.signer, now + 3 * jobLifetime),
    earlier: signJob(operation, agent.signer, now - jobLifetime / 2),
    other: signJob({ op: 'check', upstream: 'disk', path: 'acme/web' }, agent.signer),
  };
  for (const [name, job] of Object.entries(bad)) {
    assert.equal(await ask(agent, linkPaths.advertisement, job), '403 JOB_INVALID', name);
  }
  assert.equal(await ask(agent, '/v1/anything', good), '403 JOB_INVALID');
  assert.equal(await ask(agent, linkPaths.advertisement, good), '200');
});

test('a relay is not begun ahead by a job that is absent, forged or for something else', async (t) => {
  const agent = await agentWithRepo(t);
  const prepare: Operation = { op: 'prepare', upstream: 'disk', path: 'acme/web', session: 's1' };
  const begin = async (job: string): Promise<string> => {
    const link = new LinkClient(agent.socket, agent.signer, defaultLinkTimeouts);
    const request = link.start('POST', linkPaths.relay, { [linkHeaders.job]: job });
    const response = responseTo(request);
    request.end('00000001x');
    const { code, detail } = await faultOf(await response);
    return `${code} ${detail}`;
  };
  assert.match(await begin(signJob(prepare, otherKey())), /^JOB_INVALID .*signature/);
  assert.match(
    await begin(signJob(operation, agent.signer)),
    /^JOB_INVALID .*for advertisement, not for prepare/,
  );
  const good = signJob(prepare, agent.signer);
  assert.match(await begin(good), /^JOB_INVALID .*not of the form/);
  assert.match(await begin(good), /^JOB_INVALID .*used before/);
});

test('a ticket for one change of the vault is not good for another', async (t) => {
  const agent = await agentWithRepo(t);
  const list = signJob({ op: 'vault', change: { do: 'list' } }, agent.signer);
  assert.deepEqual(await agent.vault.apply(list), []);
  await assert.rejects(agent.vault.apply(list), /job/);
  await assert.rejects(
    agent.vault.apply(signJob(operation, agent.signer)),
    /for advertisement, not for vault/,
  );
});

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';
import { test } from 'node:test';
import { createAgentAdmin } from '../../src/app/agent-admin.ts';
import type { AgentState } from '../../src/domain/admin.ts';
import { makeClientKey } from '../support/client.ts';
import { tempDir } from '../support/git.ts';
import { QuietLog } from '../support/quiet-log.ts';
import { startRefgate } from '../support/refgate.ts';

test('an agent that does not answer is in the list, with why, and what it holds is not known', async (t) => {
  const socket = join(tempDir(t), 'none.sock');
  const { privateKey } = generateKeyPairSync('ed25519');
  const admin = createAgentAdmin({
    socket,
    upstreams: ['here'],
    signer: privateKey,
    embedded: undefined,
    log: new QuietLog(),
  });
  const [agent] = await admin.list();
  assert.deepEqual(
    { ...agent, problem: undefined },
    {
      name: 'local',
      embedded: false,
      socket,
      upstreams: ['here'],
      alive: false,
      problem: undefined,
      credentials: [],
    },
  );
  assert.match(agent?.problem ?? '', /see the log of the server$/);
});

test('what the agent holds is shown by its public half, over HTTP too', async (t) => {
  const dir = tempDir(t);
  const key = await makeClientKey(dir);
  const pinned = key.publicLine.split(' ').slice(0, 2).join(' ');
  const refgate = await startRefgate(t, {
    dir,
    policy: { access: [{ who: { group: 'dev' }, repo: 'acme/*', may: ['read'] }] },
    config: {
      upstreams: { there: { ssh: { url: 'ssh://git@127.0.0.1:9', hostKeys: [pinned] } } },
      repos: [{ path: 'acme/*', upstream: 'there' }],
    },
  });
  await refgate.ok(['deploy-key', 'create', '--upstream', 'there', '--repo', 'acme/web']);
  await refgate.ok(['user', 'add', 'ada', '--role', 'auditor']);
  const token = (await refgate.ok(['token', 'create', 'ada', '--ttl', '8h'])).trim();
  const answer = await fetch(`${refgate.http}/-/api/v1/agents`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const text = await answer.text();
  const [agent] = JSON.parse(text) as AgentState[];
  assert.ok(agent?.alive && agent.embedded && agent.pid !== undefined && agent.since !== undefined, text);
  const [held] = agent.credentials;
  assert.deepEqual([held?.kind, held?.upstream, held?.pattern], ['deploy-key', 'there', 'acme/web']);
  assert.match(held?.publicKey ?? '', /^ssh-ed25519 /);
  assert.match(held?.fingerprint ?? '', /^SHA256:/);
  assert.doesNotMatch(text, /PRIVATE/);
});

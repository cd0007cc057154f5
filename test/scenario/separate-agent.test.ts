import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { makeClientKey } from '../support/client.ts';
import { git, tempDir } from '../support/git.ts';
import { outDir, startRefgate } from '../support/refgate.ts';
import { makeRepo } from '../support/repos.ts';

/** As in deploy/compose.yaml: what both see is the folder of the socket, and the agent has its own copy of the upstreams. */
async function startAgent(t: TestContext, dir: string, upstreams: object): Promise<ChildProcess> {
  mkdirSync(join(dir, 'agent'), { mode: 0o700 });
  writeFileSync(join(dir, 'agent', 'upstreams.json'), JSON.stringify(upstreams));
  const agent = spawn(
    process.execPath,
    [
      join(outDir, 'src', 'agent', 'main.js'),
      `--socket=${join(dir, 'link', 'agent.sock')}`,
      `--data=${join(dir, 'agent', 'data')}`,
      `--gateway-key=${join(dir, 'link', 'gateway.pub')}`,
      `--upstreams=${join(dir, 'agent', 'upstreams.json')}`,
    ],
    { stdio: ['ignore', 'pipe', 'ignore'], env: { PATH: process.env['PATH'], HOME: dir } },
  );
  t.after(async () => {
    if (agent.exitCode !== null) return;
    const ended = once(agent, 'exit');
    agent.kill('SIGTERM');
    await ended;
  });
  const { stdout } = agent;
  assert.ok(stdout);
  await once(stdout, 'data');
  return agent;
}

test('a gateway whose agent was started separately clones and pushes once both are there', async (t) => {
  const dir = tempDir(t, 'apart');
  const upstreams = { disk: { path: { root: join(dir, 'srv') } } };
  await makeRepo(join(dir, 'srv', 'acme', 'web.git'), 'linear');
  mkdirSync(join(dir, 'link'), { mode: 0o700 });
  const refgate = await startRefgate(t, {
    dir,
    config: {
      agentSocket: join(dir, 'link', 'agent.sock'),
      upstreams,
      repos: [{ path: 'acme/*', upstream: 'disk' }],
    },
    policy: { access: [{ who: { group: 'dev' }, repo: 'acme/*', may: ['read', 'write'] }] },
  });
  const key = await makeClientKey(dir);
  await refgate.ok(['user', 'add', 'alice', '--group', 'dev']);
  await refgate.ok(['key', 'add', 'alice', '-'], `${key.publicLine}\n`);
  const url = `ssh://git@${refgate.ssh}/acme/web.git`;
  const work = join(dir, 'work');
  const { env } = key;

  await assert.rejects(git(['ls-remote', url], { env }), /the agent for this upstream/);

  await startAgent(t, dir, upstreams);
  await git(['clone', '--quiet', url, work], { env });
  await git(['commit', '--quiet', '--allow-empty', '-m', 'through two processes'], { cwd: work });
  await git(['push', '--quiet'], { cwd: work, env });
  assert.equal(
    await git(['rev-parse', 'main'], { cwd: join(dir, 'srv', 'acme', 'web.git') }),
    await git(['rev-parse', 'main'], { cwd: work }),
  );
});

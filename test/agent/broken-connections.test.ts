/** What is true of a push, and what is said of it, when somebody goes away in the middle. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import type { RelayOrder } from '../../src/domain/ports.ts';
import { codeOf, nextCommit, orderOf, tipOf, type Workbench } from '../contract/upstreams.ts';
import { addDeployKey, startTestAgent, type TestAgent } from '../support/agent.ts';
import { git, runCommand, tempDir } from '../support/git.ts';
import { makeRepo } from '../support/repos.ts';
import { type Sshd, startSshd } from '../support/sshd.ts';

interface Scene extends Workbench {
  readonly agent: TestAgent;
  readonly sshd: Sshd;
  readonly tip: string;
  readonly oid: string;
  readonly order: RelayOrder;
}

async function scene(t: TestContext): Promise<Scene> {
  const dir = tempDir(t, 'broken');
  const gitDir = join(dir, 'srv', 'acme', 'web.git');
  await makeRepo(gitDir, 'linear');
  const sshd = await startSshd(t);
  const ssh = { url: `${sshd.url}${join(dir, 'srv')}`, hostKeys: [sshd.hostKey] };
  const agent = await startTestAgent(t, dir, { host: { ssh } });
  sshd.authorize(await addDeployKey(agent, 'host'));
  const bench = { upstreams: agent.upstreams, target: { upstream: 'host', path: 'acme/web' }, gitDir, dir };
  const tip = await tipOf(bench, 'refs/heads/main');
  const { oid, pack } = await nextCommit(bench, tip, 'next');
  const order = orderOf([{ ref: 'refs/heads/main', oldOid: tip, newOid: oid }], pack);
  return { ...bench, agent, sshd, tip, oid, order };
}

/** Makes the upstream stop within a push, after the pack: `reached` when it is there, `go` lets it on. */
function holdPush({ gitDir, dir }: Workbench): { reached(): Promise<void>; go(): void } {
  const [here, on] = [join(dir, 'here'), join(dir, 'on')];
  const hook = `#!/bin/sh\ntouch ${here}\nn=0\nwhile [ ! -e ${on} ] && [ $n -lt 200 ]; do sleep 0.05; n=$((n+1)); done\n`;
  writeFileSync(join(gitDir, 'hooks', 'pre-receive'), hook, { mode: 0o755 });
  return { reached: () => until(() => existsSync(here)), go: () => writeFileSync(on, '') };
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let n = 0; n < 400; n++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  assert.fail('it did not happen');
}

/** The order with a pack of which only the first half comes until `rest` is called. */
async function halfPack(s: Scene): Promise<{ order: RelayOrder; rest(): Promise<void> }> {
  assert.ok(s.order.pack);
  const fifo = join(s.dir, 'fifo');
  await runCommand('mkfifo', [fifo], { env: { PATH: process.env['PATH'] } });
  const bytes = readFileSync(s.order.pack.file);
  const half = bytes.length >> 1;
  // Opened for both, so that opening does not wait for the reader.
  const handle = await open(fifo, 'r+');
  await handle.write(bytes.subarray(0, half));
  return {
    order: { ...s.order, pack: { ...s.order.pack, file: fifo } },
    async rest() {
      await handle.write(bytes.subarray(half));
      await handle.close();
    },
  };
}

test('an agent that dies before it had the whole pack leaves the refs alone', async (t) => {
  const s = await scene(t);
  const { order, rest } = await halfPack(s);
  const relay = s.upstreams.pushTarget(s.target).relay(order, () => {});
  const failed = assert.rejects(relay, codeOf('UPSTREAM_UNREACHABLE'));
  await until(() => s.sshd.log().includes('Starting session'));
  await s.agent.stop('SIGKILL');
  await rest();
  await failed;
  assert.equal(await tipOf(s, 'refs/heads/main'), s.tip);
});

test('an agent that dies after it had the whole pack leaves the outcome unknown', async (t) => {
  const s = await scene(t);
  const hold = holdPush(s);
  const failed = assert.rejects(
    s.upstreams.pushTarget(s.target).relay(s.order, () => {}),
    codeOf('UPSTREAM_LOST'),
  );
  await hold.reached();
  await s.agent.stop('SIGKILL');
  await failed;
  hold.go();
});

test('an upstream that dies after it had the whole pack leaves the outcome unknown', async (t) => {
  const s = await scene(t);
  const hold = holdPush(s);
  const failed = assert.rejects(
    s.upstreams.pushTarget(s.target).relay(s.order, () => {}),
    codeOf('UPSTREAM_LOST'),
  );
  await hold.reached();
  s.sshd.kill();
  await failed;
  hold.go();
});

test('a gateway that goes away before the pack was whole leaves the refs alone', async (t) => {
  const s = await scene(t);
  const { order, rest } = await halfPack(s);
  const target = s.upstreams.pushTarget(s.target);
  const failed = assert.rejects(
    target.relay(order, () => {}),
    codeOf('UPSTREAM_UNREACHABLE'),
  );
  await until(() => s.sshd.log().includes('Starting session'));
  target.close();
  await rest();
  await failed;
  await until(
    () => !readdirSync(join(s.gitDir, 'objects')).some((name) => /^(tmp_objdir|incoming)-/.test(name)),
  );
  assert.equal(await tipOf(s, 'refs/heads/main'), s.tip);
});

test('a push that was whole is finished though the gateway goes away', async (t) => {
  const s = await scene(t);
  const hold = holdPush(s);
  const target = s.upstreams.pushTarget(s.target);
  const failed = assert.rejects(
    target.relay(s.order, () => {}),
    codeOf('UPSTREAM_LOST'),
  );
  await hold.reached();
  target.close();
  await failed;
  hold.go();
  await until(async () => (await tipOf(s, 'refs/heads/main')) === s.oid);
});

test('services share a connection, and one that died between two of them is replaced unseen', async (t) => {
  const s = await scene(t);
  const once = async (): Promise<void> => {
    const source = s.upstreams.fetchSource(s.target);
    assert.equal((await source.capabilities()).objectFormat, 'sha1');
    source.close();
  };
  for (let n = 0; n < 3; n++) await once();
  assert.equal(s.sshd.logins(), 1);
  s.sshd.dropConnections();
  for (let n = 0; n < 2; n++) await once();
  assert.equal(s.sshd.logins(), 2);
});

test('many services at once are spread over connections', async (t) => {
  const s = await scene(t);
  const sources = Array.from({ length: 12 }, () => s.upstreams.fetchSource(s.target));
  t.after(() => {
    for (const source of sources) source.close();
  });
  const formats = await Promise.all(
    sources.map(async (source) => (await source.capabilities()).objectFormat),
  );
  assert.deepEqual(new Set(formats), new Set(['sha1']));
  assert.equal(s.sshd.logins(), 2);
});

test('the check tells what works', async (t) => {
  const s = await scene(t);
  await git(['config', 'uploadpack.allowFilter', 'true'], { cwd: s.gitDir });
  const steps = await s.agent.upstreams.check(s.target);
  assert.deepEqual(new Set(steps.map(({ outcome }) => outcome)), new Set(['ok']), JSON.stringify(steps));
  const none = await s.agent.upstreams.check({ upstream: 'host', path: 'acme/none' });
  assert.deepEqual(
    none.filter(({ outcome }) => outcome === 'failed').map(({ name }) => name),
    ['repository'],
  );
  s.sshd.kill();
  const down = await s.agent.upstreams.check(s.target);
  assert.deepEqual(
    down.filter(({ outcome }) => outcome === 'failed').map(({ name }) => name),
    ['reachable'],
  );
});

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { stringify } from 'yaml';
import { startBastion } from '../support/bastion.ts';
import { type GitRun, git, runCommand } from '../support/git.ts';
import { outDir } from '../support/refgate.ts';
import { makeRepo } from '../support/repos.ts';
import { addReviewer, askingPolicy, begin } from './approving.ts';
import { applyPolicy, tip } from './pushing.ts';

test('a reviewer lists, reads and approves a push at the command line while git waits', async (t) => {
  const bastion = await startBastion(t);
  const token = await addReviewer(bastion.refgate, 'carol');
  const upstream = bastion.gitDir('read');
  await makeRepo(upstream, 'linear', { count: 3 });
  await applyPolicy(bastion, stringify(askingPolicy({})));
  const clone = join(bastion.dir, 'read');
  await bastion.git(['clone', '-q', bastion.url('ssh', 'ssh', 'read'), clone]);
  writeFileSync(join(clone, 'hello.ts'), 'export const hello = 1;\n');
  await git(['add', '.'], { cwd: clone });
  await git(['commit', '-qm', 'Say hello'], { cwd: clone });
  const made = await git(['rev-parse', 'HEAD'], { cwd: clone });
  const push = begin(t, bastion, ['push', 'origin', 'main'], clone);
  const id = await push.heldId();

  const env = { PATH: process.env['PATH'], REFGATE_URL: bastion.refgate.http, REFGATE_TOKEN: token };
  const cli = (...args: readonly string[]): Promise<GitRun> =>
    runCommand(process.execPath, [join(outDir, 'src', 'cli', 'main.js'), 'push', ...args], { env });

  const list = await cli('list', '--mine');
  assert.match(list.stdout, new RegExp(`^PUSH .*\\n${id} +pending `), list.stderr);
  const shown = await cli('show', id);
  assert.equal(shown.status, 0, shown.stderr);
  assert.match(shown.stdout, /, and waits\n/);
  assert.match(shown.stdout, /Say hello/);
  assert.match(shown.stdout, /add hello\.ts {2}\+1 -0\n@@ -0,0 \+1,1 @@\n\+export const hello = 1;\n/);

  const byOperator = await bastion.refgate.cli(['push', 'approve', id]);
  assert.equal(byOperator.status, 1);
  assert.match(byOperator.stderr, /REFGATE_URL.*REFGATE_TOKEN/);
  const voted = await cli('approve', id, '--reason', 'fine by me');
  assert.match(voted.stdout, new RegExp(`^${id} is (approved|forwarded)\\n$`), voted.stderr);
  assert.equal((await push.done).status, 0);
  assert.equal(await tip(upstream, 'refs/heads/main'), made);
});

test('the operator cancels a push that waits, and git says so', async (t) => {
  const bastion = await startBastion(t);
  await addReviewer(bastion.refgate, 'carol');
  await makeRepo(bastion.gitDir('cancel'), 'linear', { count: 2 });
  await applyPolicy(bastion, stringify(askingPolicy({})));
  const clone = join(bastion.dir, 'cancel');
  await bastion.git(['clone', '-q', bastion.url('http', 'http', 'cancel'), clone]);
  await git(['commit', '-q', '--allow-empty', '-m', 'nothing'], { cwd: clone });
  const push = begin(t, bastion, ['push', 'origin', 'main'], clone);
  const id = await push.heldId();
  assert.equal(
    await bastion.refgate.ok(['push', 'cancel', id, '--reason', 'by mistake']),
    `${id} is canceled\n`,
  );
  const run = await push.done;
  assert.equal(run.status, 1);
  assert.match(run.stderr, /canceled.*by mistake/);
});

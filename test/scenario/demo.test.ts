import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gitEnv, runCommand, tempDir } from '../support/git.ts';
import { outDir } from '../support/refgate.ts';

const main = join(outDir, 'src', 'cli', 'main.js');

interface Demo {
  readonly child: ChildProcess;
  /** The commands that it printed, by the number of their step. */
  readonly steps: ReadonlyMap<string, string>;
}

async function startDemo(cwd: string): Promise<Demo> {
  const child = spawn(process.execPath, [main, 'demo'], {
    cwd,
    env: gitEnv(),
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const steps = new Map<string, string>();
  let step = '';
  for await (const line of createInterface({ input: child.stdout })) {
    const heading = /^ {2}# (\d+)\. /.exec(line);
    if (heading?.[1] !== undefined) step = heading[1];
    else if (line.startsWith('  ')) steps.set(step, `${steps.get(step) ?? ''}${line}\n`);
    if (line.startsWith('Everything is in')) break;
  }
  return { child, steps };
}

async function stop({ child }: Demo): Promise<number | null> {
  child.kill('SIGINT');
  if (child.exitCode === null) await once(child, 'exit');
  return child.exitCode;
}

test('the commands that the demo prints do what it says of them, and it goes on after a restart', async (t) => {
  const cwd = tempDir(t, 'demo in a folder with spaces');
  // The story says `node bin/refgate.js`, which is the compiled program of this very build.
  const program = join(cwd, 'bin');
  await runCommand('mkdir', [program], { cwd });
  symlinkSync(main, join(program, 'refgate.js'));
  let demo = await startDemo(cwd);
  t.after(() => demo.child.kill('SIGKILL'));
  const shell = async (steps: string, status: number): Promise<string> => {
    const commands = [...steps]
      .map((step) => demo.steps.get(step) ?? assert.fail(`no step ${step}`))
      .join('');
    const run = await runCommand('bash', ['-e', '-c', `${commands}`], { cwd, env: gitEnv() });
    assert.equal(run.status, status, run.stderr);
    return run.stdout + run.stderr;
  };
  const inWeb = (step: string): string =>
    `${demo.steps.get('1')?.split('\n')[0]}\ncd refgate-demo/web\n${demo.steps.get(step)}`;
  const again = async (step: string, status: number): Promise<string> => {
    const run = await runCommand('bash', ['-e', '-c', inWeb(step)], { cwd, env: gitEnv() });
    assert.equal(run.status, status, run.stderr);
    return run.stdout + run.stderr;
  };

  await shell('12', 0);
  const leaked = await runCommand('bash', ['-c', inWeb('3')], { cwd, env: gitEnv() });
  assert.match(leaked.stderr, /no-secrets: .*deploy_key.*\n(.*\n)*.*! \[remote rejected\] main -> main/);
  assert.match(leaked.stdout, /HEAD is now at [0-9a-f]+ Write more/);
  assert.match(await again('4', 1), /history-is-kept.*\n(.*\n)*.*! \[remote rejected\] main -> main/);
  assert.match(await again('5', 1), /! \[remote rejected\] main/);
  assert.match(await shell('6', 0), /[0-9a-f]{40}\trefs\/heads\/main/);
  const push = runCommand('bash', ['-e', '-c', inWeb('7')], { cwd, env: gitEnv() });
  await sleep(3_000);
  assert.match(await shell('8', 0), /p-\w{7} is approved/);
  const waited = await push;
  assert.equal(waited.status, 0, waited.stderr);
  assert.match(waited.stderr, /carol approved this push: looks right *\n(.*\n)*.* main -> main/);
  const masked = await again('9', 0);
  assert.match(
    masked,
    /^host = gitlab\.example\.com\ntoken = REDACTED-[a-z0-9-]+-[0-9a-f]{16}\nretries = 3$/m,
  );
  // Alice, who reads in clear, sees the token, and the agent's line as the only change.
  assert.match(masked, /^ token = gl[p]at-[0-9a-f]{20}\n-retries = 3\n\+retries = 5$/m);
  const seen = await again('10', 0);
  assert.match(seen, /refused {2,}refs\/heads\/main/);
  assert.match(seen, /the ledger is whole: \d+ events/);

  assert.equal(await stop(demo), 0);
  demo = await startDemo(cwd);
  assert.match(await shell('6', 0), /refs\/heads\/main/);
  assert.match(await again('10', 0), /receive-pack/);
  assert.equal(readFileSync(join(cwd, 'refgate-demo', 'web', 'README.md'), 'utf8').includes('more'), true);
  assert.equal(await stop(demo), 0);
});

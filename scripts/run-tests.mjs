/** `node --test` on an explicit list of compiled files. */
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fail, listSources, root } from './prepare.mjs';

const fileTimeout = 480_000;

/**
 * Runs the test files that `select` wants (paths like test/git/pkt-line.test.ts).
 * `failedChecks` are named before the closing counts. Gives the exit status.
 */
export function runTests(select, failedChecks) {
  const files = listSources().filter((file) => file.endsWith('.test.ts') && select(file));
  if (files.length === 0) fail('no test file matches');
  const compiled = files.map((file) => join('dist', file.replace(/\.ts$/, '.js')));
  const child = spawnSync(
    process.execPath,
    [
      '--test',
      // Many files wait for a process or a timer most of the time.
      `--test-concurrency=${availableParallelism() + 1}`,
      `--test-timeout=${fileTimeout}`,
      `--test-reporter=${join(root, 'scripts', 'reporter.mjs')}`,
      '--test-reporter-destination=stdout',
      ...compiled,
    ],
    {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, REFGATE_CHECKS_FAILED: failedChecks.join(', ') },
    },
  );
  return child.status === 0 && failedChecks.length === 0 ? 0 : 1;
}

/** The checks that look at source without running it. */
import { join } from 'node:path';
import { root, tryRun } from './prepare.mjs';

const bin = (name) => join(root, 'node_modules', '.bin', name);

/** name, command and arguments of each check. */
export const checks = {
  lint: ['lint', bin('biome'), ['check', '--error-on-warnings', '--colors=off']],
  imports: [
    'import table',
    bin('depcruise'),
    ['--config', '.dependency-cruiser.cjs', '--output-type', 'err', 'src'],
  ],
  deadCode: ['dead code', bin('knip'), ['--no-progress', '--no-config-hints']],
};

/** Runs all of them whatever the first says; gives the names of those that failed. */
export function runChecks(list) {
  return list.filter(([, command, args]) => tryRun(command, args) !== 0).map(([name]) => name);
}

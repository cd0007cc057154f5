/**
 * `npm test`: installs and builds what is missing, lints, checks the import
 * table, and runs every test. Arguments are parts of file names: then only the
 * tests that match are run, and nothing else. The last lines on stdout are the
 * runner's counts; before them stands which tests were skipped, and why.
 */
import { checks, runChecks } from './checks.mjs';
import { build, install, requireTools } from './prepare.mjs';
import { runTests } from './run-tests.mjs';
import { installSystemPackages } from './system-packages.mjs';

requireTools();
install();
const patterns = process.argv.slice(2);
const failed = [];
if (patterns.length === 0) {
  const missing = installSystemPackages();
  if (missing.length > 0) process.stderr.write(`refgate: not installed: ${missing.join(' ')}\n`);
  failed.push(...runChecks([checks.lint, checks.imports]));
}
build();
const select = (file) => patterns.length === 0 || patterns.some((pattern) => file.includes(pattern));
process.exitCode = runTests(select, failed);

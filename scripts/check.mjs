/**
 * `npm run check`, before a commit: types, lint, import table, dead code, and
 * the tests that need no server (everything but scenario, attack and fault).
 */
import { checks, runChecks } from './checks.mjs';
import { compile, install, requireTools } from './prepare.mjs';
import { runTests } from './run-tests.mjs';

requireTools();
install();
const failed = runChecks([checks.lint, checks.imports, checks.deadCode]);
compile();
process.exitCode = runTests((file) => !/^test\/(scenario|attack|fault)\//.test(file), failed);

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { errorCodes } from '../../src/domain/error.ts';
import { testPolicy } from '../../src/policy/cases.ts';
import { root } from '../support/root.ts';

/** Runs the cases of one file; all failures are told together. */
function assertPasses(file: string): void {
  const results = testPolicy(readFileSync(join(root, file), 'utf8'), file);
  assert.ok(results.length >= 1, `${file} has no cases`);
  const failed = results.filter((result) => !result.passed);
  const told = failed.map(({ name, detail, diff }) => [`${name}: ${detail}`, ...diff].join('\n'));
  assert.deepEqual(told, []);
}

for (const file of readdirSync(join(root, 'fixtures/policy')).filter((name) => name.endsWith('.yaml')))
  test(`the ready policy ${file} does what its cases say`, () => {
    assertPasses(`fixtures/policy/${file}`);
  });

const folder = 'test/fixtures/policy';
const rows = readdirSync(join(root, folder));

for (const name of rows)
  test(`the rule ${name} that forges have can be said, and does what its cases say`, () => {
    assertPasses(`${folder}/${name}/policy.yaml`);
  });

test('every rule about a push that a forge has is said by a policy, or built in', () => {
  const builtIn: Readonly<Record<number, string>> = { 16: 'PUSH_CERT_UNSUPPORTED', 27: 'OBJECT_MALFORMED' };
  const said = new Set(rows.map((name) => Number(name.slice(0, 2))));
  for (const row of [...Array.from({ length: 28 }, (_, at) => at + 1), 32]) {
    const code = builtIn[row];
    if (code === undefined) assert.ok(said.has(row), `row ${row}`);
    else assert.ok(Object.hasOwn(errorCodes, code), code);
  }
});

test('the ready policies are shipped', () => {
  const names = ['open', 'protect-main', 'ai-agent', 'regulated'];
  for (const name of names) assert.ok(existsSync(join(root, `fixtures/policy/${name}.yaml`)), name);
});

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { testPolicy } from '../../src/policy/cases.ts';
import { accessKeys } from '../../src/policy/schema.ts';
import { conditionKeys } from '../../src/policy/schema-when.ts';
import { root } from '../support/root.ts';

const page = readFileSync(join(root, 'docs/policy.md'), 'utf8');

test('the example of docs/policy.md is a valid policy, and its cases pass', () => {
  const example = /```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
  const results = testPolicy(example, 'docs/policy.md');
  assert.ok(results.length > 0);
  for (const result of results) assert.ok(result.passed, `${result.name}: ${result.detail}`);
});

test('docs/policy.md names every key of access lines and conditions', () => {
  for (const key of [...accessKeys, ...conditionKeys]) assert.ok(page.includes(`\`${key}\``), key);
});

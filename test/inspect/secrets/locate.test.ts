import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ScannedSecret } from '../../../src/inspect/contents/walk-order.ts';
import { admitAt, pathFindings } from '../../../src/inspect/secrets/locate.ts';
import type { SecretRule } from '../../../src/inspect/secrets/rule.ts';

const plain: SecretRule = {
  id: 'plain',
  family: 'custom',
  title: 'Plain',
  tier: 'C',
  keywords: ['plain'],
  ignoreCase: true,
};
const picky: SecretRule = {
  ...plain,
  id: 'picky',
  admitPath: (path, value) => !(path.startsWith('docs/') && value === 'sample'),
  admitCommit: (oid) => oid !== 'a'.repeat(40),
  isSecretPath: (path) => path.endsWith('.key'),
};

function found(rule: SecretRule, value: string): ScannedSecret {
  const match = { rule, confidence: 'medium', start: 0, end: value.length, value, decoded: [] } as const;
  return { match, sample: '***', fingerprint: '', comment: false };
}

test('a rule leaves out paths, values at paths, and commits; where neither is known it leaves out nothing', () => {
  const all = [found(plain, 'sample'), found(picky, 'sample'), found(picky, 'real')];
  assert.deepEqual(admitAt(all, 'docs/a.md'), [all[0], all[2]]);
  assert.deepEqual(admitAt(all, 'src/a.ts'), all);
  assert.deepEqual(admitAt(all, undefined), all);
  assert.deepEqual(admitAt(all, 'src/a.ts', 'a'.repeat(40)), [all[0]]);
  assert.deepEqual(admitAt(all, undefined, 'b'.repeat(40)), all);
});

test('a file is a finding by its path alone for every rule that says so', () => {
  assert.deepEqual(pathFindings([plain, picky], 'deploy/id.key'), [picky]);
  assert.deepEqual(pathFindings([plain, picky], 'deploy/id.pub'), []);
});

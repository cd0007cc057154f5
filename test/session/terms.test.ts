import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Ask } from '../../src/domain/policy.ts';
import { termsOf } from '../../src/session/terms.ts';

const minute = 60_000;

function ask(terms: Partial<Ask>): Ask {
  return { rule: 'r', groups: ['g'], approvals: 1, within: 30 * minute, ...terms };
}

test('the strictest terms of several asks count', () => {
  const asks = [
    ask({ within: 60 * minute, wait: 5 * minute, onApprove: 'relay' }),
    ask({ within: 20 * minute, wait: 15 * minute, onApprove: 'retry' }),
  ];
  assert.deepEqual(termsOf(asks), { within: 20 * minute, wait: 5 * minute, onApprove: 'retry' });
});

test('only asks that all say relay are relayed', () => {
  assert.equal(termsOf([ask({ onApprove: 'relay' }), ask({ onApprove: 'relay' })]).onApprove, 'relay');
  assert.equal(termsOf([ask({ onApprove: 'relay' }), ask({})]).onApprove, 'retry');
  assert.equal(termsOf([]).onApprove, 'retry');
});

test('a client waits as long as an approval may take, at most ten minutes where nothing is said, and never longer', () => {
  assert.equal(termsOf([ask({ within: 5 * minute })]).wait, 5 * minute);
  assert.equal(termsOf([ask({ within: 60 * minute })]).wait, 10 * minute);
  assert.equal(termsOf([ask({ within: 60 * minute, wait: 50 * minute })]).wait, 50 * minute);
  assert.equal(termsOf([ask({ within: minute, wait: 2 * minute }), ask({})]).wait, minute);
  assert.equal(termsOf([ask({ wait: 0 })]).wait, 0);
});

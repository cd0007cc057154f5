import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canMove, isFinal } from '../../src/approval/states.ts';
import type { HeldState } from '../../src/domain/approval.ts';

const states: readonly HeldState[] = [
  'received',
  'processing',
  'pending',
  'approved',
  'forwarded',
  'rejected',
  'canceled',
  'lapsed',
  'error',
];

test('a held push makes exactly the moves of the table, and no other', () => {
  const moves = states.flatMap((from) =>
    states.filter((to) => canMove(from, to)).map((to) => `${from} ${to}`),
  );
  assert.deepEqual(moves.sort(), [
    'approved canceled',
    'approved error',
    'approved forwarded',
    'approved lapsed',
    'pending approved',
    'pending canceled',
    'pending error',
    'pending lapsed',
    'pending rejected',
    'processing pending',
    'received processing',
  ]);
});

test('nothing follows forwarded, rejected, canceled, lapsed and error', () => {
  assert.deepEqual(states.filter(isFinal), ['forwarded', 'rejected', 'canceled', 'lapsed', 'error']);
});

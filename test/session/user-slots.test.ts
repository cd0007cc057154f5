import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RefgateError } from '../../src/domain/error.ts';
import { UserSlots } from '../../src/session/user-slots.ts';

const full = (error: unknown): boolean => error instanceof RefgateError && error.code === 'LIMIT_EXCEEDED';

test('a user who has taken every slot is refused until one is given back', () => {
  const slots = new UserSlots(2, 'pushes');
  const first = slots.take('alice');
  slots.take('alice');
  assert.throws(() => slots.take('alice'), full);
  first();
  slots.take('alice');
  assert.throws(() => slots.take('alice'), full);
});

test('one user does not take the slots of another', () => {
  const slots = new UserSlots(1, 'sessions');
  slots.take('alice');
  slots.take('bob');
  assert.throws(() => slots.take('bob'), /1 sessions of yours are under way/);
});

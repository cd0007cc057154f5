import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tallyOf } from '../../src/approval/ballot.ts';
import type { HeldPush, Vote, VoteKind } from '../../src/domain/approval.ts';
import { reasonOf, tellJoined, tellVotes } from '../../src/session/tell-held.ts';
import { samplePush } from '../support/held-pushes.ts';

function vote(user: string, kind: VoteKind, reason: string): Vote {
  return {
    user,
    person: user,
    groups: ['reviewers'],
    kind,
    reason,
    time: '2026-01-02T03:04:05.000Z',
    via: 'api',
    credential: { type: 'token', id: 'tok-1' },
  };
}

function told(before: HeldPush, ...votes: readonly Vote[]): readonly string[] {
  const now = { ...before, votes };
  return tellVotes(before, now, tallyOf(now.asks, now.votes, 'alice'));
}

const twice = samplePush();
const push: HeldPush = { ...twice, asks: twice.asks.map((asked) => ({ ...asked, approvals: 2 })) };

test('who waits hears of each vote, and what is missing after one for it', () => {
  assert.deepEqual(told(push, vote('bob', 'approve', 'fine')), [
    'Refgate: bob approved this push: fine',
    'Refgate: still missing: 1 of reviewers',
  ]);
});

test('after a vote against, or a forced one, nothing is said to be missing', () => {
  assert.deepEqual(told(push, vote('bob', 'deny', 'not now')), ['Refgate: bob refused this push: not now']);
  assert.deepEqual(told(push, vote('erin', 'force', 'the site is down')), [
    'Refgate: erin forced this push: the site is down',
  ]);
});

test('who pushes the same again reads who voted until now', () => {
  const held = { ...push, votes: [vote('bob', 'approve', 'fine'), vote('erin', 'deny', 'no')] };
  const lines = tellJoined(held, { url: 'https://x.example', notes: ['a note'], wait: 1_000 });
  assert.ok(lines.includes('  until now: bob approved, erin refused'), lines.join('\n'));
  assert.ok(!tellJoined(push, { url: '', notes: [], wait: 0 }).join().includes('until now'));
});

test('a push that somebody else canceled is refused with who it was', () => {
  const step = { state: 'canceled', time: '2026-01-02T03:04:05.000Z', by: 'dana', text: 'not now' } as const;
  const canceled = { ...push, state: 'canceled', steps: [...push.steps, step] } as const;
  assert.equal(reasonOf(canceled, 'a').text, 'p-abc1234 was canceled by dana: not now; push again');
  const changed = { ...canceled, steps: [{ ...step, by: 'refgate', text: 'the policy changed' }] };
  assert.equal(reasonOf(changed, 'a').text, 'p-abc1234 was canceled: the policy changed; push again');
});

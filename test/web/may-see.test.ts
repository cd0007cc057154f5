import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HeldPush, MayVote } from '../../src/domain/approval.ts';
import type { Role } from '../../src/domain/identity.ts';
import { maySee } from '../../src/web/may-see.ts';
import { samplePush } from '../support/held-pushes.ts';
import { sampleViewer } from '../support/push-server.ts';

/** Where these may vote, on what is pending. */
const held = (voters: readonly string[], force = false) => ({
  mayVote: async (_push: HeldPush, voter: { principal: { user: string } }): Promise<MayVote> => {
    const may = voters.includes(voter.principal.user);
    return { vote: may && !force, force: may && force, cancel: false, needsReason: false };
  },
});

const sees = (
  name: string,
  role: Role,
  push: HeldPush,
  voters: readonly string[] = [],
  groups: string[] = [],
) => maySee({ held: held(voters) }, sampleViewer(name, role, groups), push);

test('administrators and auditors see every push', async () => {
  for (const role of ['admin', 'auditor'] as const)
    for (const state of ['pending', 'rejected', 'forwarded'] as const)
      assert.equal(await sees('eve', role, samplePush({ state })), true);
});

test('a user sees own pushes, and no others, whatever seats the groups give', async () => {
  assert.equal(await sees('alice', 'user', samplePush()), true);
  assert.equal(await sees('bob', 'user', samplePush(), ['bob'], ['reviewers']), false);
});

test('a reviewer sees what may be voted on or forced, and what there is a seat for, and not the rest', async () => {
  assert.equal(await sees('bob', 'reviewer', samplePush(), ['bob']), true);
  assert.equal(await sees('bob', 'reviewer', samplePush(), ['carol'], ['others']), false);
  assert.equal(await sees('bob', 'reviewer', samplePush(), [], ['reviewers']), true);
  const may = await maySee({ held: held(['bob'], true) }, sampleViewer('bob', 'reviewer'), samplePush());
  assert.equal(may, true);
});

test('once it is decided, a reviewer sees it who had a seat, or who voted', async () => {
  const push = samplePush({ state: 'rejected' });
  assert.equal(await sees('bob', 'reviewer', push, [], ['reviewers']), true);
  assert.equal(await sees('bob', 'reviewer', push, [], ['others']), false);
  const vote = {
    user: 'bob',
    person: 'bob',
    groups: [],
    kind: 'deny',
    time: '2026-03-01T10:05:00.000Z',
    via: 'page',
    credential: { type: 'token', id: 't-1' },
  } as const;
  assert.equal(await sees('bob', 'user', { ...push, votes: [vote] }), true);
});

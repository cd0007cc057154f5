import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { outcomeOf, tallyOf } from '../../src/approval/ballot.ts';
import { personOf } from '../../src/approval/person.ts';
import type { Asked, Vote, VoteKind } from '../../src/domain/approval.ts';
import { asked, user } from '../support/approval-desk.ts';

const groups = ['g1', 'g2', 'g3'];
const names = ['u1', 'u2', 'u3', 'u4', 'u5'];

function cast(name: string, kind: VoteKind, change: Partial<Vote> = {}): Vote {
  return {
    user: name,
    person: name,
    groups: [],
    kind,
    time: '2026-01-01T00:00:00.000Z',
    via: 'page',
    credential: { type: 'token', id: 't' },
    ...change,
  };
}

const seat = fc.record({
  of: fc.constantFrom('one', 'two'),
  groups: fc.subarray(groups),
  users: fc.subarray(names, { maxLength: 1 }),
});
const anyAsked: fc.Arbitrary<Asked> = fc.record({
  rule: fc.constant('review'),
  refs: fc.constant(['refs/heads/main']),
  seats: fc.array(seat, { maxLength: 3 }),
  approvals: fc.integer({ min: 1, max: 2 }),
  denials: fc.integer({ min: 1, max: 2 }),
  shared: fc.boolean(),
  breakGlass: fc.subarray(groups, { maxLength: 1 }),
});
const anyVote = fc
  .record({
    user: fc.constantFrom(...names),
    groups: fc.subarray(groups),
    kind: fc.constantFrom<VoteKind>('approve', 'approve', 'approve', 'deny', 'force'),
    reason: fc.constantFrom('short', 'a reason that is long'),
  })
  .map(({ user: name, kind, ...rest }) => cast(name, kind, rest));
const anyPerson = fc.constantFrom('p1', 'p2', 'p3', 'p4');
/** Behind an account is one person, whichever of its votes is looked at. */
const anyVotes = fc
  .tuple(fc.tuple(...names.map(() => anyPerson)), fc.array(anyVote, { maxLength: 6 }))
  .map(([persons, votes]) =>
    votes.map((vote): Vote => ({ ...vote, person: persons[names.indexOf(vote.user)] ?? vote.user })),
  );

const pusher = 'p1';

/** The plain meaning of the words, by trying everything. */
function model(asks: readonly Asked[], votes: readonly Vote[]): 'open' | 'approved' | 'rejected' {
  const last = votes.filter((vote, at) => !votes.slice(at + 1).some((later) => later.person === vote.person));
  const others = last.filter((vote) => vote.person !== pusher);
  const sits = (vote: Vote, at: Asked['seats'][number]) =>
    at.users.includes(vote.user) || at.groups.some((group) => vote.groups.includes(group));
  const against = (one: Asked) =>
    others.filter((vote) => vote.kind === 'deny' && one.seats.some((at) => sits(vote, at))).length;
  if (asks.some((one) => against(one) >= one.denials)) return 'rejected';
  const forces = (vote: Vote) =>
    vote.kind === 'force' &&
    (vote.reason ?? '').length >= 10 &&
    asks.every((one) => one.breakGlass?.some((group) => vote.groups.includes(group)));
  if (asks.length > 0 && last.some(forces)) return 'approved';
  const approvals = others.filter((vote) => vote.kind === 'approve');
  const met = (one: Asked): boolean => {
    if (one.seats.length === 0) return false;
    if (one.shared)
      return one.seats.every((at) => approvals.filter((vote) => sits(vote, at)).length >= one.approvals);
    const places = one.seats.flatMap((at) => Array.from({ length: one.approvals }, () => at));
    const fill = (at: number, left: readonly Vote[]): boolean => {
      const place = places[at];
      return (
        place === undefined ||
        left.some(
          (vote) =>
            sits(vote, place) &&
            fill(
              at + 1,
              left.filter((other) => other !== vote),
            ),
        )
      );
    };
    return fill(0, approvals);
  };
  return asks.length > 0 && asks.every(met) ? 'approved' : 'open';
}

test('the outcome is what trying every way to seat the voters gives', () => {
  fc.assert(
    fc.property(fc.array(anyAsked, { maxLength: 2 }), anyVotes, (asks, votes) => {
      assert.equal(outcomeOf(asks, votes, pusher).is, model(asks, votes));
    }),
    { numRuns: 3000 },
  );
});

test('votes of the person who pushes change nothing but by force', () => {
  fc.assert(
    fc.property(fc.array(anyAsked, { maxLength: 2 }), anyVotes, (asks, votes) => {
      const without = votes.filter((vote) => vote.person !== pusher);
      assert.deepEqual(tallyOf(asks, votes, pusher), tallyOf(asks, without, pusher));
    }),
  );
});

test('without `shared` nobody is counted on two seats, and nobody where they do not sit', () => {
  fc.assert(
    fc.property(anyAsked, anyVotes, (one, votes) => {
      const [tally] = tallyOf([{ ...one, shared: false }], votes, pusher);
      const persons = new Map(votes.map((vote) => [vote.user, vote.person]));
      const counted = tally?.seats.flatMap(({ approvedBy }) => approvedBy) ?? [];
      assert.ok(counted.length <= new Set(persons.values()).size);
      for (const { seat: at, approvedBy, missing } of tally?.seats ?? []) {
        assert.equal(missing, one.approvals - approvedBy.length);
        for (const name of approvedBy)
          assert.ok(
            at.users.includes(name) ||
              votes.some(
                (vote) => vote.user === name && at.groups.some((group) => vote.groups.includes(group)),
              ),
          );
      }
    }),
  );
});

test('two accounts of one person are one vote, the later one', () => {
  const asks = [asked({ approvals: 2 })];
  const both = { person: 'bert', groups: ['reviewers'] };
  const votes = [cast('bert', 'approve', both), cast('bert-2', 'approve', both)];
  assert.equal(outcomeOf(asks, votes, 'anna').is, 'open');
  assert.deepEqual(tallyOf(asks, votes, 'anna')[0]?.seats[0]?.approvedBy, ['bert-2']);
});

test('a person of two groups moves to the other seat when a second person can only take theirs', () => {
  const seats = ['a', 'b'].map((group) => ({ of: group, groups: [group], users: [] }));
  const votes = [cast('u1', 'approve', { groups: ['a', 'b'] }), cast('u2', 'approve', { groups: ['a'] })];
  assert.equal(outcomeOf([asked({ seats })], votes, 'anna').is, 'approved');
  assert.equal(outcomeOf([asked({ seats })], votes.slice(0, 1), 'anna').is, 'open');
  assert.equal(outcomeOf([asked({ seats, shared: true })], votes.slice(0, 1), 'anna').is, 'approved');
});

test('nothing asked, or nobody to ask, approves nothing', () => {
  const votes = [cast('bert', 'approve', { groups: ['reviewers'] })];
  assert.equal(outcomeOf([], votes, 'anna').is, 'open');
  assert.equal(outcomeOf([asked({ seats: [] })], votes, 'anna').is, 'open');
  assert.equal(outcomeOf([asked({ approvals: 0 })], [], 'anna').is, 'open');
});

test('owners are followed to the end, and accounts that own each other are one person', () => {
  const owners = fc.array(fc.constantFrom(undefined, ...names), { minLength: 5, maxLength: 5 });
  fc.assert(
    fc.property(owners, (given) => {
      const owner = new Map(names.map((name, at) => [name, given[at]]));
      const find = (name: string) => {
        const next = owner.get(name);
        return user(name, next === undefined ? {} : { owner: next });
      };
      for (const name of names) {
        const next = owner.get(name);
        const person = personOf(name, find);
        if (next === undefined) assert.equal(person, name);
        else assert.equal(person, personOf(next, find), `${name} is not who owns it`);
      }
    }),
  );
});

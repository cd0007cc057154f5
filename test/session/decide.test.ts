import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RefgateError } from '../../src/domain/error.ts';
import type { Oid, PushRequest } from '../../src/domain/git.ts';
import type { Effect, Policy, Reason, Verdict } from '../../src/domain/policy.ts';
import type { PushFacts } from '../../src/domain/session.ts';
import { atOnce } from '../../src/policy/pace.ts';
import {
  agreed,
  asksPeople,
  type Decision,
  deciding,
  disagreed,
  judging,
  refusals,
  waitsTogether,
} from '../../src/session/decide.ts';

const oid = (digit: string): string => digit.repeat(40);
const updates = ['refs/heads/a', 'refs/heads/b'].map((ref) => ({ ref, oldOid: oid('1'), newOid: oid('2') }));
const request: PushRequest = {
  updates,
  pushOptions: [],
  atomic: false,
  quiet: false,
  report: 'v1',
  sideband: true,
  objectFormat: 'sha1',
  hasPack: true,
};
const facts: PushFacts = { refs: [], pushOptions: [], objects: 0, bytes: 0 };
const who = {
  principal: { user: 'alice', kind: 'person', groups: [], credential: { type: 'token', id: 't' } },
  repo: 'acme/web',
} as const;

function policyOf(effects: Readonly<Record<string, Effect>>): Policy {
  const judge = (): Verdict => ({
    policyVersion: 'v',
    refs: Object.entries(effects).map(([ref, effect]) => ({
      ref,
      effect,
      reasons: effect === 'deny' ? [{ rule: `no-${ref.slice(-1)}`, code: 'POLICY_DENIED', text: 'no' }] : [],
    })),
  });
  return {
    version: 'v',
    may: () => true,
    readMode: () => 'clear',
    asksForContent: () => ({ asked: false, byRef: false, byPath: false }),
    mayPushOptions: () => false,
    judge,
    // biome-ignore lint/correctness/useYield: it has one step.
    *judging() {
      return judge();
    },
  };
}

function decide(
  policy: Policy,
  by: typeof who,
  asked: PushRequest,
  seen: PushFacts,
  found: ReadonlyMap<string, readonly Reason[]>,
  inPack: (oid: Oid) => boolean = () => false,
): Decision {
  return atOnce(deciding(atOnce(judging(policy, by, seen)), asked, seen, found, inPack));
}

test('without atomic, allowed refs are relayed and refused ones are not', () => {
  const decision = decide(
    policyOf({ 'refs/heads/a': 'allow', 'refs/heads/b': 'deny' }),
    who,
    request,
    facts,
    new Map(),
  );
  assert.deepEqual(decision.relay, [updates[0]]);
  assert.deepEqual(refusals(decision), [{ ref: 'refs/heads/b', ok: false, reason: 'refused: no-b' }]);
});

test('with atomic, one refusal refuses all, and says so of each', () => {
  const atomic = { ...request, atomic: true };
  const decision = decide(
    policyOf({ 'refs/heads/a': 'allow', 'refs/heads/b': 'deny' }),
    who,
    atomic,
    facts,
    new Map(),
  );
  assert.deepEqual(decision.relay, []);
  assert.deepEqual(
    refusals(decision).map((report) => report.reason),
    ['refused: atomic', 'refused: no-b'],
  );
});

test('a ref that the policy says nothing about is refused', () => {
  const decision = decide(policyOf({ 'refs/heads/a': 'allow' }), who, request, facts, new Map());
  assert.deepEqual(decision.relay, [updates[0]]);
});

test('what the checks of the request found refuses a ref that the policy allows', () => {
  const found = new Map([
    ['refs/heads/a', [{ rule: 'ref-name', code: 'REF_NAME_INVALID', text: 'no' } as const]],
  ]);
  const decision = decide(
    policyOf({ 'refs/heads/a': 'allow', 'refs/heads/b': 'allow' }),
    who,
    request,
    facts,
    found,
  );
  assert.deepEqual(decision.relay, [updates[1]]);
});

test('a policy that throws relays nothing', () => {
  const broken: Policy = {
    ...policyOf({}),
    judging: () => {
      throw new Error('broken');
    },
  };
  assert.throws(
    () => decide(broken, who, request, facts, new Map()),
    (error) => error instanceof RefgateError && error.blame === 'refgate',
  );
});

const asking = policyOf({ 'refs/heads/a': 'ask', 'refs/heads/b': 'allow' });

test('a push of which a ref is asked about waits as a whole', () => {
  const decision = decide(asking, who, request, facts, new Map());
  assert.equal(asksPeople(decision), true);
  assert.deepEqual(decision.relay, updates);
  assert.deepEqual(refusals(decision), []);
});

test('people who agree let all of it go', () => {
  const decision = agreed(decide(asking, who, request, facts, new Map()), request);
  assert.equal(asksPeople(decision), false);
  assert.deepEqual(decision.relay, updates);
});

const no = (rule: string): Reason => ({ rule, code: 'APPROVAL_DENIED', text: 'carol refused it: no' });

test('people who do not agree keep back what they were asked about, with their words', () => {
  const asked = decide(asking, who, request, facts, new Map());
  const decision = disagreed(asked, request, no, false);
  assert.deepEqual(decision.relay, [updates[1]]);
  assert.deepEqual(refusals(decision), [
    { ref: 'refs/heads/a', ok: false, reason: 'refused: carol refused it: no' },
  ]);
});

test('people who do not agree keep back the rest too where it is atomic, or shares the pack', () => {
  const asked = decide(asking, who, request, facts, new Map());
  assert.deepEqual(disagreed(asked, { ...request, atomic: true }, no, false).relay, []);
  assert.deepEqual(disagreed(asked, request, no, true).relay, []);
  const carries = (oid: Oid): boolean => oid === updates[0]?.newOid;
  const same = updates.map((update, at) => ({ ...update, newOid: oid(String(at + 2)) }));
  assert.equal(atOnce(waitsTogether(asked, { ...request, updates: same }, facts, carries)), true);
  assert.equal(atOnce(waitsTogether(asked, { ...request, updates: same }, facts, () => false)), false);
});

test('a ref that the checks of the request refuse is not asked about', () => {
  const found = new Map([['refs/heads/a', [{ rule: 'x', code: 'REF_NAME_INVALID', text: 'no' } as const]]]);
  const decision = decide(asking, who, request, facts, found);
  assert.equal(asksPeople(decision), false);
  assert.deepEqual(decision.relay, [updates[1]]);
});

test('an atomic push of which one ref is refused asks nobody', () => {
  const both = policyOf({ 'refs/heads/a': 'ask', 'refs/heads/b': 'deny' });
  const decision = decide(both, who, { ...request, atomic: true }, facts, new Map());
  assert.equal(asksPeople(decision), false);
  assert.deepEqual(decision.relay, []);
});

test('objects that only a refused ref brings keep the others back, but not deletions', () => {
  const [first, second] = ['3', '4'].map((digit) => oid(digit));
  const three = ['a', 'b', 'c'].map((name, n) => ({
    ref: `refs/heads/${name}`,
    oldOid: oid('1'),
    newOid: [first, second, oid('0')][n] ?? '',
  }));
  const policy = policyOf({ 'refs/heads/a': 'allow', 'refs/heads/b': 'deny', 'refs/heads/c': 'allow' });
  const decideWith = (inPack: readonly (string | undefined)[]) =>
    decide(policy, who, { ...request, updates: three }, facts, new Map(), (one) => inPack.includes(one));
  const held = decideWith([first, second]);
  assert.deepEqual(held.relay, [three[2]]);
  assert.deepEqual(
    held.refs.map(({ reasons }) => reasons.map(({ rule }) => rule)),
    [['shared-pack'], ['no-b'], []],
  );
  // What the upstream has already does not travel.
  assert.deepEqual(decideWith([first]).relay, [three[0], three[2]]);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RefgateError } from '../../src/domain/error.ts';
import type { Oid, PushRequest } from '../../src/domain/git.ts';
import type { Effect, Policy, Reason, Verdict } from '../../src/domain/policy.ts';
import type { PushFacts } from '../../src/domain/session.ts';
import { atOnce } from '../../src/policy/pace.ts';
import { type Decision, deciding, judging, refusals } from '../../src/session/decide.ts';

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

test('a ref that people should approve is refused, with words that say why', () => {
  const decision = decide(
    policyOf({ 'refs/heads/a': 'ask', 'refs/heads/b': 'allow' }),
    who,
    request,
    facts,
    new Map(),
  );
  assert.deepEqual(decision.relay, [updates[1]]);
  assert.deepEqual(
    decision.refs[0]?.reasons.map(({ code }) => code),
    ['APPROVAL_REQUIRED'],
  );
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

import { RefgateError } from '../domain/error.ts';
import type { Oid, PushRequest, RefReport, RefUpdate } from '../domain/git.ts';
import type { Policy, Reason, RefVerdict } from '../domain/policy.ts';
import type { Principal, PushFacts } from '../domain/session.ts';
import { isZeroOid } from '../git/oid.ts';

/** What happens to each ref of a push: relayed, or refused with every reason. */
export interface Decision {
  readonly policyVersion: string;
  readonly refs: readonly RefVerdict[];
  readonly relay: readonly RefUpdate[];
}

/**
 * The verdict of the policy together with what the checks of the request found,
 * as a decision: each ref by itself, or all or none where the push is atomic,
 * and where objects of a refused ref would travel with the others.
 * A policy that throws denies everything.
 * @param inPack whether the pack of the push holds this object.
 */
export function decide(
  policy: Policy,
  who: { readonly principal: Principal; readonly repo: string },
  request: PushRequest,
  facts: PushFacts,
  found: ReadonlyMap<string, readonly Reason[]>,
  inPack: (oid: Oid) => boolean = () => false,
): Decision {
  const verdicts = judge(policy, who, facts);
  const judged = request.updates.map((update): RefVerdict => {
    const verdict = verdicts.get(update.ref);
    const reasons = [
      ...(found.get(update.ref) ?? []),
      ...(verdict?.reasons ?? []),
      ...(verdict?.effect === 'ask' ? [nobodyToAsk] : []),
    ];
    const allowed = verdict?.effect === 'allow' && !found.has(update.ref);
    const { warnings, wouldSay, asks } = verdict ?? {};
    return {
      ref: update.ref,
      effect: allowed ? 'allow' : 'deny',
      reasons,
      ...(warnings === undefined ? {} : { warnings }),
      ...(wouldSay === undefined ? {} : { wouldSay }),
      ...(asks === undefined ? {} : { asks }),
    };
  });
  const refs = judged.some((verdict) => verdict.effect === 'deny')
    ? refuseTogether(judged, request, facts, inPack)
    : judged;
  const allowed = new Set(refs.filter((verdict) => verdict.effect === 'allow').map((verdict) => verdict.ref));
  return {
    policyVersion: policy.version,
    refs,
    relay: request.updates.filter((update) => allowed.has(update.ref)),
  };
}

/** Refuses the others where the push is atomic, or where the one pack would take to the upstream what was refused. */
function refuseTogether(
  judged: readonly RefVerdict[],
  request: PushRequest,
  facts: PushFacts,
  inPack: (oid: Oid) => boolean,
): readonly RefVerdict[] {
  if (request.atomic) return judged.map((verdict) => refuse(verdict, atomicReason));
  const allowed = request.updates.filter((_, index) => judged[index]?.effect === 'allow');
  const refused = request.updates.filter((_, index) => judged[index]?.effect === 'deny');
  if (allowed.length === 0) return judged;
  const goes = new Set<Oid>(allowed.map(({ newOid }) => newOid));
  request.updates.forEach((_, index) => {
    if (judged[index]?.effect !== 'allow') return;
    for (const { oid } of facts.contents?.[index]?.commits ?? []) goes.add(oid);
  });
  const carried = refused.find(({ newOid }) => inPack(newOid) && !goes.has(newOid));
  if (carried === undefined) return judged;
  // What only deletes goes without a pack.
  return judged.map((verdict, index) =>
    isZeroOid(request.updates[index]?.newOid ?? '') ? verdict : refuse(verdict, sharedPack(carried.ref)),
  );
}

function judge(
  policy: Policy,
  { principal, repo }: { readonly principal: Principal; readonly repo: string },
  facts: PushFacts,
): ReadonlyMap<string, RefVerdict> {
  try {
    return new Map(policy.judge(principal, repo, facts).refs.map((verdict) => [verdict.ref, verdict]));
  } catch (cause) {
    throw new RefgateError('INTERNAL', 'refgate', 'the policy could not be evaluated', { cause });
  }
}

const atomicReason: Reason = {
  rule: 'atomic',
  code: 'ATOMIC_REFUSED',
  text: 'another ref of this atomic push was refused; push this one by itself, or without --atomic',
};

/** Fails closed: an update that should wait for people is refused where nothing can wait. */
const nobodyToAsk: Reason = {
  rule: 'approval',
  code: 'APPROVAL_REQUIRED',
  text: 'this version cannot hold a push until it is approved, so it is refused; ask an administrator of the policy',
};

const sharedPack = (ref: string): Reason => ({
  rule: 'shared-pack',
  code: 'OBJECTS_REFUSED',
  text: `the pack of this push also holds what ${ref} was refused for; push this one by itself`,
});

function refuse(verdict: RefVerdict, reason: Reason): RefVerdict {
  if (verdict.effect === 'deny') return verdict;
  return { ...verdict, effect: 'deny', reasons: [reason] };
}

/** The `ng` lines of what was decided against: the rules' names; the long text goes on band 2. */
export function refusals(decision: Decision): RefReport[] {
  return decision.refs
    .filter((verdict) => verdict.effect === 'deny')
    .map(({ ref, reasons }) => ({
      ref,
      ok: false,
      reason: `refused: ${[...new Set(reasons.map((reason) => reason.rule))].join(', ')}`,
    }));
}

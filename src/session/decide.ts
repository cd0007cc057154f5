import { RefgateError } from '../domain/error.ts';
import type { PushRequest, RefReport, RefUpdate } from '../domain/git.ts';
import type { Policy, Reason, RefVerdict } from '../domain/policy.ts';
import type { Principal, PushFacts } from '../domain/session.ts';

/** What happens to each ref of a push: relayed, or refused with every reason. */
export interface Decision {
  readonly policyVersion: string;
  readonly refs: readonly RefVerdict[];
  readonly relay: readonly RefUpdate[];
}

/**
 * The verdict of the policy together with what the checks of the request found,
 * as a decision: each ref by itself, or all or none where the push is atomic.
 * A policy that throws denies everything.
 */
export function decide(
  policy: Policy,
  who: { readonly principal: Principal; readonly repo: string },
  request: PushRequest,
  facts: PushFacts,
  found: ReadonlyMap<string, readonly Reason[]>,
): Decision {
  const verdicts = judge(policy, who, facts);
  const judged = request.updates.map((update): RefVerdict => {
    const reasons = [...(found.get(update.ref) ?? []), ...(verdicts.get(update.ref)?.reasons ?? [])];
    const allowed = verdicts.get(update.ref)?.effect === 'allow' && !found.has(update.ref);
    return { ref: update.ref, effect: allowed ? 'allow' : 'deny', reasons };
  });
  const refs =
    request.atomic && judged.some((verdict) => verdict.effect === 'deny')
      ? judged.map(refuseWithOthers)
      : judged;
  const allowed = new Set(refs.filter((verdict) => verdict.effect === 'allow').map((verdict) => verdict.ref));
  return {
    policyVersion: policy.version,
    refs,
    relay: request.updates.filter((update) => allowed.has(update.ref)),
  };
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

function refuseWithOthers(verdict: RefVerdict): RefVerdict {
  if (verdict.effect === 'deny') return verdict;
  return { ref: verdict.ref, effect: 'deny', reasons: [atomicReason] };
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

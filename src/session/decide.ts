import { RefgateError } from '../domain/error.ts';
import type { RefContents } from '../domain/facts.ts';
import type { Oid, PushRequest, RefReport, RefUpdate } from '../domain/git.ts';
import type { Policy, Reason, RefVerdict, Steps, Verdict } from '../domain/policy.ts';
import type { Principal, PushFacts } from '../domain/session.ts';
import { isZeroOid } from '../git/oid.ts';
import { Pace, readWork } from '../policy/pace.ts';

/** What happens to each ref of a push: relayed, or refused with every reason. */
export interface Decision {
  readonly policyVersion: string;
  readonly refs: readonly RefVerdict[];
  readonly relay: readonly RefUpdate[];
}

/** The verdict of the policy, in steps. Throws INTERNAL when the policy throws, which refuses everything. */
export function* judging(
  policy: Policy,
  { principal, repo }: { readonly principal: Principal; readonly repo: string },
  facts: PushFacts,
): Steps<Verdict> {
  try {
    return yield* policy.judging(principal, repo, facts);
  } catch (cause) {
    throw new RefgateError('INTERNAL', 'refgate', 'the policy could not be evaluated', { cause });
  }
}

/**
 * The verdict of the policy together with what the checks of the request found,
 * as a decision: each ref by itself, or all or none where the push is atomic,
 * and where objects of a refused ref would travel with the others. In steps.
 * @param inPack whether the pack of the push holds this object.
 */
export function* deciding(
  verdict: Verdict,
  request: PushRequest,
  facts: PushFacts,
  found: ReadonlyMap<string, readonly Reason[]>,
  inPack: (oid: Oid) => boolean = () => false,
): Steps<Decision> {
  const verdicts = new Map(verdict.refs.map((one) => [one.ref, one]));
  const judged = request.updates.map((update): RefVerdict => {
    const said = verdicts.get(update.ref);
    const reasons = [
      ...(found.get(update.ref) ?? []),
      ...(said?.reasons ?? []),
      ...(said?.effect === 'ask' ? [nobodyToAsk] : []),
    ];
    const allowed = said?.effect === 'allow' && !found.has(update.ref);
    const { warnings, wouldSay, asks } = said ?? {};
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
    ? yield* refuseTogether(judged, request, facts, inPack)
    : judged;
  const allowed = new Set(refs.filter((verdict) => verdict.effect === 'allow').map((verdict) => verdict.ref));
  return {
    policyVersion: verdict.policyVersion,
    refs,
    relay: request.updates.filter((update) => allowed.has(update.ref)),
  };
}

/** Refuses the others where the push is atomic, or where the one pack would take to the upstream what was refused. */
function* refuseTogether(
  judged: readonly RefVerdict[],
  request: PushRequest,
  facts: PushFacts,
  inPack: (oid: Oid) => boolean,
): Steps<readonly RefVerdict[]> {
  if (request.atomic) return judged.map((verdict) => refuse(verdict, atomicReason));
  const allowed = request.updates.filter((_, index) => judged[index]?.effect === 'allow');
  const refused = request.updates.filter(
    ({ newOid }, index) => judged[index]?.effect === 'deny' && inPack(newOid),
  );
  if (allowed.length === 0 || refused.length === 0) return judged;
  const tips = new Set(refused.map(({ newOid }) => newOid));
  const allowedContents = (facts.contents ?? []).filter((_, index) => judged[index]?.effect === 'allow');
  const goes = yield* commitsAmong(tips, allowedContents);
  for (const { newOid } of allowed) goes.add(newOid);
  const carried = refused.find(({ newOid }) => !goes.has(newOid));
  if (carried === undefined) return judged;
  // What only deletes goes without a pack.
  return judged.map((verdict, index) =>
    isZeroOid(request.updates[index]?.newOid ?? '') ? verdict : refuse(verdict, sharedPack(carried.ref)),
  );
}

/** Which of these oids are new commits of some updates, in steps. */
export function* commitsAmong(oids: ReadonlySet<Oid>, contents: readonly RefContents[]): Steps<Set<Oid>> {
  const found = new Set<Oid>();
  const pace = new Pace();
  for (const { commits } of contents)
    for (const { oid } of commits) {
      if (found.size === oids.size) return found;
      if (pace.isDue(readWork)) yield;
      if (oids.has(oid)) found.add(oid);
    }
  return found;
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

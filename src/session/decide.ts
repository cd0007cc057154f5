import { RefgateError } from '../domain/error.ts';
import type { RefContents } from '../domain/facts.ts';
import type { Oid, PushRequest, RefReport, RefUpdate } from '../domain/git.ts';
import type { Policy, Reason, RefVerdict, Steps, Verdict } from '../domain/policy.ts';
import type { Principal, PushFacts } from '../domain/session.ts';
import { isZeroOid } from '../git/oid.ts';
import { Pace, readWork } from '../policy/pace.ts';

/** What happens to each ref of a push: relayed, refused with every reason, or asked about. */
export interface Decision {
  readonly policyVersion: string;
  readonly refs: readonly RefVerdict[];
  /** What goes upstream; when a ref is asked about, only once people agree. */
  readonly relay: readonly RefUpdate[];
}

/** Whether people must agree before anything of the push goes upstream: a push waits as a whole. */
export function asksPeople({ refs }: Pick<Decision, 'refs'>): boolean {
  return refs.some(({ effect }) => effect === 'ask');
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
    const reasons = [...(found.get(update.ref) ?? []), ...(said?.reasons ?? [])];
    const { warnings, wouldSay, asks } = said ?? {};
    return {
      ref: update.ref,
      effect: found.has(update.ref) ? 'deny' : (said?.effect ?? 'deny'),
      reasons,
      ...(warnings === undefined ? {} : { warnings }),
      ...(wouldSay === undefined ? {} : { wouldSay }),
      ...(asks === undefined ? {} : { asks }),
    };
  });
  const refs = judged.some((verdict) => verdict.effect === 'deny')
    ? yield* refuseTogether(judged, request, facts, inPack)
    : judged;
  return decisionOf(verdict.policyVersion, refs, request);
}

function decisionOf(
  policyVersion: string,
  refs: readonly RefVerdict[],
  { updates }: Pick<PushRequest, 'updates'>,
): Decision {
  const going = new Set(refs.filter(({ effect }) => effect !== 'deny').map(({ ref }) => ref));
  return { policyVersion, refs, relay: updates.filter(({ ref }) => going.has(ref)) };
}

/** People agreed: what they were asked about is allowed, and keeps the reasons why they were asked. */
export function agreed(decision: Decision, request: Pick<PushRequest, 'updates'>): Decision {
  const refs = decision.refs.map(
    (verdict): RefVerdict => (verdict.effect === 'ask' ? { ...verdict, effect: 'allow' } : verdict),
  );
  return decisionOf(decision.policyVersion, refs, request);
}

/**
 * People did not agree: what they were asked about is refused with this reason, and what waits with
 * it as well, where the push is atomic or `isShared` says that the pack would take refused objects along.
 */
export function disagreed(
  decision: Decision,
  request: Pick<PushRequest, 'updates' | 'atomic'>,
  reason: (rule: string) => Reason,
  isShared: boolean,
): Decision {
  const asked = decision.refs.find(({ effect }) => effect === 'ask');
  const refs = decision.refs.map((verdict, index): RefVerdict => {
    if (verdict.effect === 'ask') return refuse(verdict, reason(verdict.asks?.[0]?.rule ?? 'approval'));
    if (request.atomic) return refuse(verdict, atomicReason);
    const deletes = isZeroOid(request.updates[index]?.newOid ?? '');
    return isShared && !deletes ? refuse(verdict, sharedPack(asked?.ref ?? '')) : verdict;
  });
  return decisionOf(decision.policyVersion, refs, request);
}

/** Whether the refs that wait with the asked ones could not go without them, in steps: asked while the facts are there. */
export function* waitsTogether(
  { refs }: Pick<Decision, 'refs'>,
  request: PushRequest,
  facts: PushFacts,
  inPack: (oid: Oid) => boolean,
): Steps<boolean> {
  const denied = refs.map(
    (verdict): RefVerdict => (verdict.effect === 'ask' ? { ...verdict, effect: 'deny' } : verdict),
  );
  const then = yield* refuseTogether(denied, { ...request, atomic: false }, facts, inPack);
  return then.some(({ effect }, index) => effect !== denied[index]?.effect);
}

/** Refuses the others where the push is atomic, or where the one pack would take to the upstream what was refused. */
function* refuseTogether(
  judged: readonly RefVerdict[],
  request: PushRequest,
  facts: PushFacts,
  inPack: (oid: Oid) => boolean,
): Steps<readonly RefVerdict[]> {
  if (request.atomic) return judged.map((verdict) => refuse(verdict, atomicReason));
  const allowed = request.updates.filter((_, index) => judged[index]?.effect !== 'deny');
  const refused = request.updates.filter(
    ({ newOid }, index) => judged[index]?.effect === 'deny' && inPack(newOid),
  );
  if (allowed.length === 0 || refused.length === 0) return judged;
  const tips = new Set(refused.map(({ newOid }) => newOid));
  const allowedContents = (facts.contents ?? []).filter((_, index) => judged[index]?.effect !== 'deny');
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

const sharedPack = (ref: string): Reason => ({
  rule: 'shared-pack',
  code: 'OBJECTS_REFUSED',
  text: `the pack of this push also holds what ${ref} was refused for; push this one by itself`,
});

function refuse(verdict: RefVerdict, reason: Reason): RefVerdict {
  if (verdict.effect === 'deny') return verdict;
  return { ...verdict, effect: 'deny', reasons: [reason] };
}

/** The `ng` lines of what was decided against: the words of people, or the rules' names; the long text goes on band 2. */
export function refusals(decision: Decision): RefReport[] {
  return decision.refs
    .filter((verdict) => verdict.effect === 'deny')
    .map(({ ref, reasons }) => {
      const said = reasons.find(({ code }) => code === 'APPROVAL_DENIED' || code === 'APPROVAL_LAPSED');
      const why = said?.text ?? [...new Set(reasons.map((reason) => reason.rule))].join(', ');
      return { ref, ok: false, reason: `refused: ${why}` };
    });
}

import type { Reason } from '../domain/policy.ts';
import type { Principal } from '../domain/session.ts';
import { imaginePush } from './imagine.ts';
import { type LoadedPolicy, loadCases, loadPolicy } from './load.ts';
import type { PolicyCase } from './schema.ts';

/** How one case ended. `detail` is one line that says what was expected and what came. */
export interface CaseResult {
  readonly name: string;
  readonly passed: boolean;
  readonly detail: string;
}

/**
 * Runs the cases that are written in the policy file, and those of a file
 * beside it. Throws POLICY_INVALID (operator) when either cannot be read.
 */
export function testPolicy(
  text: string,
  fileName: string,
  beside?: { readonly text: string; readonly fileName: string },
): readonly CaseResult[] {
  const policy = loadPolicy(text, fileName);
  const cases = [...policy.cases, ...(beside ? loadCases(beside.text, beside.fileName) : [])];
  return cases.map((one) => runCase(policy, one));
}

function runCase(policy: LoadedPolicy, one: PolicyCase): CaseResult {
  const principal = principalOf(one);
  const reasons: Reason[] = [];
  let effect: 'allow' | 'deny';
  if (one.updates) {
    const verdict = policy.judge(principal, one.repo, imaginePush(one.updates, one.pushOptions));
    reasons.push(...verdict.refs.flatMap((ref) => ref.reasons));
    effect = verdict.refs.every((ref) => ref.effect === 'allow') ? 'allow' : 'deny';
  } else effect = policy.may(principal, one.repo, one.may ?? 'read') ? 'allow' : 'deny';
  const named = one.rule === undefined || reasons.some((reason) => reason.rule === one.rule);
  const by = reasons.length === 0 ? '' : ` by ${reasons.map((reason) => reason.rule).join(', ')}`;
  const wanted = one.rule === undefined ? one.expect : `${one.expect} by ${one.rule}`;
  const passed = effect === one.expect && named;
  return { name: one.name, passed, detail: `expected ${wanted}, got ${effect}${by}` };
}

function principalOf(one: PolicyCase): Principal {
  const user = one.who?.user ?? one.user ?? '';
  return {
    user,
    kind: one.who?.kind ?? 'person',
    groups: one.who?.groups ?? [],
    credential: { type: 'token', id: 'policy-test' },
  };
}

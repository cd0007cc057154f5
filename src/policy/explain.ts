import type { RefVerdict } from '../domain/policy.ts';
import type { Principal, PushFacts } from '../domain/session.ts';
import { coversRef, judge } from './evaluate.ts';
import { type Check, checkCondition, checkNames, checkWho, matchedAll } from './match.ts';
import type { PolicyDocument } from './schema.ts';

/** One access line, in the order of the file and counted from 1. */
export interface ExplainedAccess {
  readonly line: number;
  readonly may: readonly ('read' | 'write')[];
  readonly matched: boolean;
  readonly checks: readonly Check[];
}

export interface ExplainedRule {
  readonly rule: string;
  readonly effect: 'allow' | 'deny';
  readonly matched: boolean;
  readonly checks: readonly Check[];
}

export interface ExplainedRef {
  readonly verdict: RefVerdict;
  readonly access: readonly ExplainedAccess[];
  readonly rules: readonly ExplainedRule[];
}

export interface Explanation {
  readonly refs: readonly ExplainedRef[];
}

/** What every access line and every rule made of each ref of the push, and why; the verdict is judge's own. */
export function explain(
  policy: PolicyDocument,
  principal: Principal,
  repo: string,
  facts: PushFacts,
): Explanation {
  const verdicts = judge(policy, principal, repo, facts, () => {});
  const refs = facts.refs.flatMap((ref, index) => {
    const verdict = verdicts[index];
    if (!verdict) return [];
    const access = policy.access.map((line, at) => {
      const checks = [
        ...checkWho(line.who, principal, 'exact'),
        checkNames('repo', line.repo, [repo], 'exact'),
        checkMay(line.may),
        ...(line.only
          ? [{ ...checkNames('only', line.only, [ref.ref], 'exact'), matched: coversRef(line, ref.ref) }]
          : []),
      ];
      return { line: at + 1, may: line.may, matched: matchedAll(checks), checks };
    });
    const rules = policy.rules.map((rule) => {
      const width = rule.then === 'deny' ? 'wide' : 'exact';
      const checks = [...checkCondition(rule.when, { principal, repo, facts: ref }, width)];
      return { rule: rule.name, effect: rule.then, matched: matchedAll(checks), checks };
    });
    return [{ verdict, access, rules }];
  });
  return { refs };
}

function checkMay(may: readonly string[]): Check {
  const matched = may.includes('write');
  return { key: 'may', matched, why: `the line grants ${may.join(' and ')}` };
}

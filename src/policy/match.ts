import type { Principal, RefFacts } from '../domain/session.ts';
import { anyMatches, type Pattern, type Width } from './pattern.ts';
import type { Change, Condition, Who } from './schema.ts';

/** What one condition is asked about. */
export interface Subject {
  readonly principal: Principal;
  readonly repo: string;
  readonly facts: RefFacts;
}

/** One key of a condition: whether it matched, and why in one line. */
export interface Check {
  readonly key: string;
  readonly matched: boolean;
  readonly why: string;
}

/** What the update is called in the policy. What is not known to be a fast-forward is not one. */
export function changesOf(facts: RefFacts): readonly Change[] {
  if (facts.kind !== 'update') return [facts.kind];
  return ['update', facts.fastForward === true ? 'fast-forward' : 'non-fast-forward'];
}

/** Looks no further than the first check that did not match. */
export function matchedAll(checks: Iterable<Check>): boolean {
  for (const check of checks) if (!check.matched) return false;
  return true;
}

/** Every key of `who`, each looked at when it is asked for. */
export function* checkWho(who: Who, principal: Principal, width: Width): Generator<Check> {
  const { user, kind, groups } = principal;
  if (who.kind) {
    const why = `${user} is a ${kind}${kind === who.kind ? '' : `, not a ${who.kind}`}`;
    yield { key: 'who.kind', matched: kind === who.kind, why };
  }
  if (who.user) yield checkNames('who.user', who.user, [user], width);
  if (who.name) yield checkNames('who.name', who.name, [user], width);
  if (who.group) yield checkNames('who.group', who.group, groups, width);
}

export function checkNames(
  key: string,
  patterns: readonly Pattern[],
  names: readonly string[],
  width: Width,
): Check {
  const matched = names.some((name) => anyMatches(patterns, name, width));
  const sources = patterns.map((pattern) => pattern.source).join(', ');
  if (names.length === 0) return { key, matched, why: `there is none to match ${sources}` };
  return { key, matched, why: `${names.join(', ')} ${matched ? 'matches' : 'does not match'} ${sources}` };
}

/**
 * Every key of the condition, the cheapest first, each looked at when it is
 * asked for. `width` is turned round inside `not`: what refuses must exclude no
 * more than what was written.
 */
export function* checkCondition(condition: Condition, subject: Subject, width: Width): Generator<Check> {
  const { principal, repo, facts } = subject;
  if (condition.change) yield checkChange(condition.change, facts);
  if (condition.who) yield* checkWho(condition.who, principal, width);
  if (condition.repo) yield checkNames('repo', condition.repo, [repo], width);
  if (condition.ref) yield checkNames('ref', condition.ref, [facts.ref], width);
  if (condition.not) {
    const inner = [...checkCondition(condition.not, subject, width === 'wide' ? 'exact' : 'wide')];
    yield { key: 'not', matched: !matchedAll(inner), why: `not (${tell(inner)})` };
  }
  if (condition.any) {
    const inner = condition.any.map((item) => [...checkCondition(item, subject, width)]);
    yield { key: 'any', matched: inner.some(matchedAll), why: inner.map(tell).join('; or ') };
  }
  if (condition.all) {
    const inner = condition.all.flatMap((item) => [...checkCondition(item, subject, width)]);
    yield { key: 'all', matched: matchedAll(inner), why: tell(inner) };
  }
}

function checkChange(wanted: readonly Change[], facts: RefFacts): Check {
  const is = changesOf(facts);
  const matched = is.some((change) => wanted.includes(change));
  return {
    key: 'change',
    matched,
    why: `${is.join(', ')} is ${matched ? '' : 'not '}one of ${wanted.join(', ')}`,
  };
}

function tell(checks: readonly Check[]): string {
  return checks.length === 0 ? 'no condition' : checks.map((check) => check.why).join(', ');
}

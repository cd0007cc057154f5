import type { Principal, RefFacts } from '../domain/session.ts';
import type { Change, Who } from './document.ts';
import { anyMatches, type Pattern, type Width } from './pattern.ts';

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

export function checkChange(wanted: readonly string[], facts: RefFacts): Check {
  const is = changesOf(facts);
  const matched = is.some((change) => wanted.includes(change));
  return {
    key: 'change',
    matched,
    why: `${is.join(', ')} is ${matched ? '' : 'not '}one of ${wanted.join(', ')}`,
  };
}

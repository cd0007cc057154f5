import type { Confidence, SecretTier } from '../../domain/facts.ts';
import type { Candidate } from './candidates.ts';

/**
 * Which of several candidates in one place is the finding. Tiers A and B know
 * whose token it is: they win over C and D, the surer one over the less sure,
 * the longer over the shorter. What lies within a winner is part of it, and a
 * guess (D) that so much as touches a token of known shape is that token.
 * Offsets must be of one and the same piece of data.
 */
export function settle<T extends Candidate>(candidates: readonly T[]): T[] {
  if (candidates.length < 2) return [...candidates];
  const byPlace = [...candidates].sort((a, b) => a.start - b.start || b.end - a.end);
  const kept: T[] = [];
  // Spans that touch form a group; only within one can a candidate displace another.
  for (let first = 0; first < byPlace.length; ) {
    let end = (byPlace[first] as T).end;
    let next = first + 1;
    for (; next < byPlace.length && (byPlace[next] as T).start < end; next++) {
      end = Math.max(end, (byPlace[next] as T).end);
    }
    kept.push(...settleGroup(byPlace.slice(first, next)));
    first = next;
  }
  return kept.sort((a, b) => a.start - b.start || a.end - b.end);
}

function settleGroup<T extends Candidate>(group: readonly T[]): T[] {
  if (group.length === 1) return [...group];
  const kept: T[] = [];
  for (const candidate of [...group].sort(surestFirst)) {
    if (!kept.some((winner) => displaces(winner, candidate))) kept.push(candidate);
  }
  return kept;
}

const tierRank: Readonly<Record<SecretTier, number>> = { A: 0, B: 1, C: 2, D: 3 };
const confidenceRank: Readonly<Record<Confidence, number>> = { high: 0, medium: 1, low: 2 };

const isGeneric = ({ rule }: Candidate): boolean => rule.tier === 'C' || rule.tier === 'D';

function surestFirst(a: Candidate, b: Candidate): number {
  const generic = Number(isGeneric(a)) - Number(isGeneric(b));
  if (generic !== 0) return generic;
  const tier = tierRank[a.rule.tier] - tierRank[b.rule.tier];
  const sure = confidenceRank[a.confidence] - confidenceRank[b.confidence];
  return (
    (isGeneric(a) ? tier || sure : sure || tier) ||
    b.end - b.start - (a.end - a.start) ||
    a.start - b.start ||
    (a.rule.id < b.rule.id ? -1 : 1)
  );
}

function displaces(winner: Candidate, other: Candidate): boolean {
  if (winner.start >= other.end || other.start >= winner.end) return false;
  if (other.start >= winner.start && other.end <= winner.end) return true;
  return other.rule.tier === 'D' && winner.rule.tier !== 'D';
}

import type { Asked, AskTally, Vote } from '../domain/approval.ts';
import { placeVotes, sitsOn } from './seats.ts';

/** The fewest characters of the reason of a forced push. */
export const minForceReason = 10;

/** How the votes stand. */
export type Outcome =
  | { readonly is: 'open' }
  | { readonly is: 'approved'; readonly by: readonly string[]; readonly forced?: Vote }
  | { readonly is: 'rejected'; readonly by: readonly string[]; readonly reason?: string };

/** Whether a vote may force these asks: its groups may break the glass of every one, and it says why. */
export function mayForce(asks: readonly Asked[], groups: readonly string[]): boolean {
  const may = (asked: Asked) => asked.breakGlass?.some((group) => groups.includes(group)) ?? false;
  return asks.length > 0 && asks.every(may);
}

/**
 * Counts every ask by itself. Each person counts once, with the last of their
 * votes; votes of the pusher's person count nowhere. Without `shared` a person
 * is put on one seat, so that as many seats as possible are filled. An ask
 * without seats is never met.
 */
export function tallyOf(
  asks: readonly Asked[],
  votes: readonly Vote[],
  pusherPerson: string,
): readonly AskTally[] {
  const counted = lastOfEach(votes).filter((vote) => vote.person !== pusherPerson);
  const approvals = counted.filter((vote) => vote.kind === 'approve');
  return asks.map((asked) => {
    const needed = Math.max(1, asked.approvals);
    const placed = placeVotes(asked, needed, approvals);
    const seats = asked.seats.map((seat, at) => {
      const approvedBy = (placed[at] ?? []).map((vote) => vote.user);
      return { seat, approvedBy, missing: Math.max(0, needed - approvedBy.length) };
    });
    const deniedBy = counted
      .filter((vote) => vote.kind === 'deny' && asked.seats.some((seat) => sitsOn(seat, vote)))
      .map((vote) => vote.user);
    return { asked, seats, deniedBy, met: seats.length > 0 && seats.every((seat) => seat.missing === 0) };
  });
}

/**
 * What the votes make of the push: enough against any ask reject it; all asks
 * met, or one who may and says why, approve it. Nothing asked approves nothing.
 */
export function outcomeOf(asks: readonly Asked[], votes: readonly Vote[], pusherPerson: string): Outcome {
  const tallies = tallyOf(asks, votes, pusherPerson);
  const against = tallies.filter(({ asked, deniedBy }) => deniedBy.length >= Math.max(1, asked.denials));
  if (against.length > 0) {
    const by = distinct(against.flatMap(({ deniedBy }) => deniedBy));
    const reasons = votes
      .filter((vote) => vote.kind === 'deny' && by.includes(vote.user))
      .map((vote) => vote.reason);
    const reason = reasons.filter((text) => text !== undefined).join('; ');
    return { is: 'rejected', by, ...(reason === '' ? {} : { reason }) };
  }
  const forced = lastOfEach(votes).find((vote) => isForce(asks, vote));
  if (forced) return { is: 'approved', by: [forced.user], forced };
  if (tallies.length === 0 || !tallies.every(({ met }) => met)) return { is: 'open' };
  const by = tallies.flatMap(({ seats }) => seats.flatMap(({ approvedBy }) => approvedBy));
  return { is: 'approved', by: distinct(by) };
}

function isForce(asks: readonly Asked[], vote: Vote): boolean {
  return vote.kind === 'force' && (vote.reason?.length ?? 0) >= minForceReason && mayForce(asks, vote.groups);
}

/** A person's later vote takes the place of the earlier one. */
function lastOfEach(votes: readonly Vote[]): readonly Vote[] {
  const last = new Map<string, Vote>();
  for (const vote of votes) last.set(vote.person, vote);
  return [...last.values()];
}

function distinct(names: readonly string[]): readonly string[] {
  return [...new Set(names)];
}

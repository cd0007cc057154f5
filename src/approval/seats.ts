import type { Asked, Seat, Vote } from '../domain/approval.ts';

/** Whether somebody of this name, in these groups, sits there. */
export function sitsOn(
  seat: Seat,
  who: { readonly user: string; readonly groups: readonly string[] },
): boolean {
  return seat.users.includes(who.user) || seat.groups.some((group) => who.groups.includes(group));
}

/**
 * Which approvals count on each seat, in the order of the seats. With `shared`
 * all that may; else each on one seat at most, `needed` on a seat at most, and
 * together as many as can be placed: a maximum matching, found by augmenting
 * paths (Kuhn). The votes are of distinct persons.
 */
export function placeVotes(
  asked: Asked,
  needed: number,
  votes: readonly Vote[],
): readonly (readonly Vote[])[] {
  if (asked.shared) return asked.seats.map((seat) => votes.filter((vote) => sitsOn(seat, vote)));
  const placed: Vote[][] = asked.seats.map(() => []);

  /** Gives the vote a place, for which others may have to move; false when that cannot be. */
  const place = (vote: Vote, tried: Set<number>): boolean => {
    for (const [at, seat] of asked.seats.entries()) {
      if (tried.has(at) || !sitsOn(seat, vote)) continue;
      tried.add(at);
      const on = placed[at] ?? [];
      if (on.length < needed) {
        on.push(vote);
        return true;
      }
      const moved = on.findIndex((other) => place(other, tried));
      if (moved !== -1) {
        on[moved] = vote;
        return true;
      }
    }
    return false;
  };

  for (const vote of votes) place(vote, new Set());
  return placed;
}

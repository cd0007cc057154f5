import type { HeldPush, HeldPushes } from '../domain/approval.ts';
import { seesAll, type Viewer } from './viewer.ts';

/**
 * Whether a push may be shown: to who sees everything, to its user, to who voted on it, and to reviewers who may vote on
 * it, or have a seat where its votes were cast. Who may not is told NOT_FOUND.
 */
export async function maySee(
  ports: { readonly held: Pick<HeldPushes, 'mayVote'> },
  viewer: Pick<Viewer, 'user' | 'principal'>,
  push: HeldPush,
): Promise<boolean> {
  const { user, principal } = viewer;
  if (seesAll(viewer) || push.principal.user === user.name) return true;
  if (push.votes.some((vote) => vote.user === user.name)) return true;
  if (user.role !== 'reviewer') return false;
  if (isSeated(viewer, push)) return true;
  if (push.state !== 'pending') return false;
  const may = await ports.held.mayVote(push, { principal, role: user.role });
  return may.vote || may.force;
}

/**
 * Once it is decided nobody may vote, but who could have still reads what came of it; who pushed it with another account
 * reads why their vote does not count.
 */
function isSeated({ user }: Pick<Viewer, 'user'>, push: HeldPush): boolean {
  const isMember = (groups: readonly string[] = []) => groups.some((group) => user.groups.includes(group));
  return push.asks.some(
    (ask) =>
      isMember(ask.breakGlass) ||
      ask.seats.some((seat) => seat.users.includes(user.name) || isMember(seat.groups)),
  );
}

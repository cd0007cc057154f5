import type { HeldPush, Vote, VoteKind, Voter } from '../domain/approval.ts';
import { RefgateError } from '../domain/error.ts';
import type { Principal } from '../domain/session.ts';
import { outcomeOf } from './ballot.ts';
import { canceled, decided, voted } from './changes.ts';
import type { HeldSteps } from './held-steps.ts';
import { checkVote, isVoter, mayVote } from './may-vote.ts';
import type { People } from './people.ts';
import { isFinal } from './states.ts';
import { tooLate } from './told.ts';

/** Where people decide. */
export class Voting {
  readonly #steps: HeldSteps;
  readonly #people: People;
  readonly #stillValid: (principal: Principal) => Promise<boolean>;

  constructor(steps: HeldSteps, people: People, stillValid: (principal: Principal) => Promise<boolean>) {
    this.#steps = steps;
    this.#people = people;
    this.#stillValid = stillValid;
  }

  /** @throws NOT_FOUND, CONFLICT, VOTE_REFUSED, USAGE, LEDGER_UNAVAILABLE */
  vote(
    id: string,
    vote: { readonly kind: VoteKind; readonly reason?: string },
    voter: Voter,
  ): Promise<HeldPush> {
    return this.#steps.turn(id, async () => {
      const push = await this.#steps.current(id);
      if (push.state !== 'pending') throw tooLate(push);
      const cast = await this.#ballot(push, vote.kind, vote.reason?.trim() || undefined, voter);
      await this.#cancelIfEnded(push);
      const standing = await this.#standing(push.votes);
      const votes = [...standing.filter((other) => other.person !== cast.person), cast];
      return this.#decide(await this.#steps.apply(voted(push, votes, cast)), this.#steps.now());
    });
  }

  /** Everybody concerned is read anew. */
  async #ballot(push: HeldPush, kind: VoteKind, reason: string | undefined, voter: Voter): Promise<Vote> {
    const { user, credential } = voter.principal;
    await this.#people.load(user);
    await this.#people.load(push.principal.user);
    const { groups } = checkVote(push, kind, reason, { user, role: voter.role }, this.#people.seen);
    return {
      user,
      person: this.#people.personOf(user),
      groups,
      kind,
      ...(reason === undefined ? {} : { reason }),
      time: new Date(this.#steps.now()).toISOString(),
      via: voter.via,
      credential,
    };
  }

  /** The votes that count still: of accounts that may vote, each with the groups and the person behind it of now. */
  async #standing(votes: readonly Vote[]): Promise<readonly Vote[]> {
    const standing: Vote[] = [];
    for (const vote of votes) {
      await this.#people.load(vote.user);
      const record = this.#people.seen(vote.user);
      if (!record || !isVoter(record)) continue;
      standing.push({ ...vote, groups: record.groups, person: this.#people.personOf(vote.user) });
    }
    return standing;
  }

  async #decide(push: HeldPush, now: number): Promise<HeldPush> {
    const person = this.#people.personOf(push.principal.user);
    // Who turns out only now to be behind the pushing account does not count either.
    const counted = push.votes.filter((vote) => vote.kind === 'force' || vote.person !== person);
    const outcome = outcomeOf(push.asks, counted, push.person ?? push.principal.user);
    return outcome.is === 'open' ? push : this.#steps.apply(decided(push, outcome, now));
  }

  async #cancelIfEnded(push: HeldPush): Promise<void> {
    if (await this.#stillValid(push.principal)) return;
    const reason = 'the account or credential of its user was ended, or its groups changed';
    throw tooLate(await this.#steps.apply(canceled(push, reason, 'refgate', this.#steps.now())));
  }

  /** Votes that sufficed already when the process ended decide now, as of the last of them. */
  repair(id: string): Promise<void> {
    return this.#steps.turn(id, async () => {
      const push = this.#steps.live.get(id);
      const last = push?.votes.at(-1);
      if (push?.state !== 'pending' || !last) return;
      await this.#people.load(push.principal.user);
      await this.#decide(push, Date.parse(last.time));
    });
  }

  /** @throws NOT_FOUND, CONFLICT, VOTE_REFUSED, LEDGER_UNAVAILABLE */
  cancel(id: string, reason: string | undefined, voter: Voter | 'operator'): Promise<HeldPush> {
    return this.#steps.turn(id, async () => {
      const push = await this.#steps.current(id);
      if (isFinal(push.state) || push.relayedBy !== undefined) throw tooLate(push);
      const by = this.#canceler(push, voter);
      return this.#steps.apply(canceled(push, checkedReason(reason), by, this.#steps.now()));
    });
  }

  /** Who cancels, if they may. */
  #canceler(push: HeldPush, voter: Voter | 'operator'): string {
    if (voter === 'operator') return voter;
    const { user } = voter.principal;
    if (mayVote(push, { user, role: voter.role }, this.#people.seen).cancel) return user;
    const who = 'its user or an administrator may cancel it; ask one of them';
    throw new RefgateError('VOTE_REFUSED', 'client', who);
  }
}

/** The most characters of the reason of a cancellation. */
const maxCancelReason = 2000;

function checkedReason(reason: string | undefined): string {
  const text = reason?.trim() || 'no longer wanted';
  if (text.length <= maxCancelReason) return text;
  throw new RefgateError(
    'USAGE',
    'client',
    `the reason is longer than ${maxCancelReason} characters; shorten it`,
  );
}

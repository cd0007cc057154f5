import type { AskTally, HeldPush, HeldQuery, MayVote, Voter } from '../domain/approval.ts';
import type { Log } from '../domain/log.ts';
import type { Store } from '../domain/store.ts';
import { tallyOf } from './ballot.ts';
import { listHeld } from './list-held.ts';
import type { LivePushes } from './live-pushes.ts';
import { mayVote } from './may-vote.ts';
import type { People } from './people.ts';

/** Held pushes as they are asked for; changes nothing. */
export class Looking {
  readonly #store: Store;
  readonly #live: LivePushes;
  readonly #people: People;
  readonly #log: Log;

  constructor(options: { store: Store; live: LivePushes; people: People; log: Log }) {
    this.#store = options.store;
    this.#live = options.live;
    this.#people = options.people;
    this.#log = options.log;
  }

  async list(query: HeldQuery): Promise<readonly HeldPush[]> {
    const { waitsFor } = query;
    if (waitsFor !== undefined) await this.#people.load(waitsFor);
    const waits = (push: HeldPush) => waitsFor === undefined || this.#waits(push, waitsFor);
    return listHeld(this.#store, this.#live.pushes, query, waits);
  }

  async get(id: string): Promise<HeldPush | undefined> {
    return this.#live.get(id) ?? (await this.#live.stored(id));
  }

  counts(user?: string): { readonly pending: number; readonly waiting: number } {
    const pending = [...this.#live.pushes.values()].filter((push) => push.state === 'pending');
    if (user === undefined) return { pending: pending.length, waiting: 0 };
    // For the next time: what was seen last serves now.
    this.#people.load(user).catch((err) => this.#log.warn({ err, user }, 'user not read'));
    return { pending: pending.length, waiting: pending.filter((push) => this.#waits(push, user)).length };
  }

  #waits(push: HeldPush, user: string): boolean {
    const role = this.#people.seen(user)?.role;
    if (role === undefined || !mayVote(push, { user, role }, this.#people.seen).vote) return false;
    const person = this.#people.personOf(user);
    return !push.votes.some((vote) => vote.person === person);
  }

  tally(push: HeldPush): readonly AskTally[] {
    return tallyOf(push.asks, push.votes, push.person ?? push.principal.user);
  }

  async mayVote(push: HeldPush, voter: Pick<Voter, 'principal' | 'role'>): Promise<MayVote> {
    await this.#people.load(voter.principal.user);
    await this.#people.load(push.principal.user);
    return mayVote(push, { user: voter.principal.user, role: voter.role }, this.#people.seen);
  }
}

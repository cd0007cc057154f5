import type {
  AskTally,
  HeldPush,
  HeldPushes,
  HeldQuery,
  MayVote,
  Outbox,
  Vote,
  VoteKind,
  Voter,
} from '../domain/approval.ts';
import { RefgateError } from '../domain/error.ts';
import type { RefReport } from '../domain/git.ts';
import type { Log } from '../domain/log.ts';
import type { Recorder } from '../domain/record.ts';
import type { Principal } from '../domain/session.ts';
import type { Store } from '../domain/store.ts';
import { Attached } from './attached.ts';
import { outcomeOf, tallyOf } from './ballot.ts';
import {
  type Change,
  canceled,
  claimed,
  decided,
  failed,
  forwarded,
  lapsed,
  makeId,
  opened,
  voted,
} from './changes.ts';
import { beginHold, checkQuota, type HoldLimits, type NewHold, supersedes } from './enter.ts';
import { LapseTimer } from './lapse-timer.ts';
import { listHeld } from './list-held.ts';
import { LivePushes } from './live-pushes.ts';
import { checkVote, mayVote } from './may-vote.ts';
import { People, type Users } from './people.ts';
import { isFinal } from './states.ts';
import { tooLate } from './told.ts';
import { Turns } from './turns.ts';
import { Watchers } from './watchers.ts';

export type { HoldLimits, NewHold } from './enter.ts';

export interface DeskOptions {
  /** The store that `recorder` writes to; it stays the caller's to close. */
  readonly store: Store;
  readonly recorder: Recorder;
  readonly users: Users;
  /** Whether the account and the credential of a push live still. */
  stillValid(principal: Principal): Promise<boolean>;
  readonly outbox: Outbox;
  /** The page of a push. */
  urlOf(id: string): string;
  readonly limits: HoldLimits;
  readonly log: Log;
  /** Milliseconds since 1970. */
  readonly clock?: () => number;
}

/** `opened` waits anew; `joined` waits, or is relayed, already; `approved` may be claimed. */
export interface Entered {
  readonly push: HeldPush;
  readonly how: 'opened' | 'joined' | 'approved';
}

/**
 * Where pushes wait for people. What happens to one push happens in line, so
 * that two votes at once are one decision and two claims one claim; each step
 * is durable, with its event, before anybody sees it. Methods throw NOT_FOUND
 * for a push that does not exist, CONFLICT for one that is past the step, and
 * LEDGER_UNAVAILABLE, in which case nothing has changed.
 */
export class HeldPushDesk implements HeldPushes {
  readonly #options: DeskOptions;
  readonly #clock: () => number;
  readonly #live: LivePushes;
  readonly #people: People;
  readonly #watchers: Watchers;
  readonly #turns = new Turns();
  readonly #attached: Attached;
  readonly #timer: LapseTimer;

  /** Reads what waits, and does what a crash or the time that passed has left to do. */
  static async open(options: DeskOptions): Promise<HeldPushDesk> {
    const desk = new HeldPushDesk(options);
    await desk.#people.loadAll();
    await desk.#live.load();
    for (const push of [...desk.#live.pushes.values()]) await desk.#turn(push.id, () => desk.#repair(push));
    await desk.lapseDue();
    return desk;
  }

  private constructor(options: DeskOptions) {
    this.#options = options;
    this.#clock = options.clock ?? Date.now;
    this.#live = new LivePushes({
      store: options.store,
      recorder: options.recorder,
      outbox: options.outbox,
      urlOf: (id) => options.urlOf(id),
      clock: this.#clock,
    });
    this.#people = new People(options.users);
    this.#watchers = new Watchers(options.log);
    this.#attached = new Attached((id) => this.#detached(id));
    this.#timer = new LapseTimer(this.#clock, () => this.#sweep());
  }

  /** Opens the push, or joins the one that is the same. @throws HOLD_QUOTA, LEDGER_UNAVAILABLE */
  enter(hold: NewHold): Promise<Entered> {
    return this.#turns.take(`user ${hold.principal.user}`, async () => {
      const same = this.#live.byBinding(hold.binding);
      const joined =
        same === undefined ? undefined : await this.#turn(same, () => this.#join(same, hold.session));
      return joined ?? this.#openNew(hold);
    });
  }

  async #join(id: string, session: string): Promise<Entered | undefined> {
    const push = await this.#lapseIfDue(id);
    if (isFinal(push.state)) return undefined;
    if (push.state === 'approved' && push.relayedBy === undefined) return { push, how: 'approved' };
    await this.#live.note('push.joined', { push: id }, session);
    return { push, how: 'joined' };
  }

  async #openNew(hold: NewHold): Promise<Entered> {
    const { user } = hold.principal;
    const own = [...this.#live.pushes.values()].filter((push) => push.principal.user === user);
    const older = own.filter((push) => supersedes(hold, push));
    const staying = own.filter((push) => !older.includes(push));
    checkQuota(hold, staying, this.#options.limits);
    const id = await this.#freeId();
    for (const push of older) await this.canceledBy(push.id, `superseded by ${id}`, user);
    await this.#people.load(user);
    const push = beginHold(hold, id, this.#people.personOf(user), this.#clock());
    return this.#turn(id, async () => {
      await this.#apply(opened(push), hold.rawPushOptions);
      return { push, how: 'opened' };
    });
  }

  async #freeId(): Promise<string> {
    for (;;) {
      const id = makeId();
      if (!this.#live.get(id) && !(await this.#live.stored(id))) return id;
    }
  }

  /** @throws NOT_FOUND, CONFLICT, VOTE_REFUSED, USAGE, LEDGER_UNAVAILABLE */
  vote(
    id: string,
    vote: { readonly kind: VoteKind; readonly reason?: string },
    voter: Voter,
  ): Promise<HeldPush> {
    return this.#turn(id, async () => {
      const push = await this.#lapseIfDue(id);
      if (push.state !== 'pending') throw tooLate(push);
      await this.#people.load(voter.principal.user);
      await this.#people.load(push.principal.user);
      const reason = vote.reason?.trim() || undefined;
      const wanting = { user: voter.principal.user, role: voter.role };
      const { name, groups } = checkVote(push, vote.kind, reason, wanting, this.#people.seen);
      await this.#cancelIfEnded(push);
      const cast: Vote = {
        user: name,
        person: this.#people.personOf(name),
        groups,
        kind: vote.kind,
        ...(reason === undefined ? {} : { reason }),
        time: new Date(this.#clock()).toISOString(),
        via: voter.via,
        credential: voter.principal.credential,
      };
      const others = await this.#standing(push.votes);
      const votes = [...others.filter((other) => other.person !== cast.person), cast];
      return this.#decide(await this.#apply(voted(push, votes, cast)), this.#clock());
    });
  }

  /** The votes that count still: of accounts that are not disabled, with the person that is behind each now. */
  async #standing(votes: readonly Vote[]): Promise<readonly Vote[]> {
    const standing: Vote[] = [];
    for (const vote of votes) {
      await this.#people.load(vote.user);
      const record = this.#people.seen(vote.user);
      if (record && !record.disabled) standing.push({ ...vote, person: this.#people.personOf(vote.user) });
    }
    return standing;
  }

  async #decide(push: HeldPush, now: number): Promise<HeldPush> {
    const person = this.#people.personOf(push.principal.user);
    // Who is found to be behind the pushing account only now does not count either.
    const counted = push.votes.filter((vote) => vote.kind === 'force' || vote.person !== person);
    const outcome = outcomeOf(push.asks, counted, pusherOf(push));
    return outcome.is === 'open' ? push : this.#apply(decided(push, outcome, now));
  }

  async #cancelIfEnded(push: HeldPush): Promise<void> {
    if (await this.#options.stillValid(push.principal)) return;
    const reason = 'the account or credential of its user was ended';
    throw tooLate(await this.#apply(canceled(push, reason, 'refgate', this.#clock())));
  }

  /** Votes that sufficed when the process ended decide now, as of the last of them. */
  async #repair(push: HeldPush): Promise<void> {
    const last = push.votes.at(-1);
    if (push.state !== 'pending' || !last) return;
    await this.#people.load(push.principal.user);
    await this.#decide(push, Date.parse(last.time));
  }

  cancel(id: string, reason: string | undefined, voter: Voter): Promise<HeldPush> {
    return this.#turn(id, async () => {
      const push = await this.#lapseIfDue(id);
      if (isFinal(push.state) || push.relayedBy !== undefined) throw tooLate(push);
      const { user } = voter.principal;
      if (!mayVote(push, { user, role: voter.role }, this.#people.seen).cancel)
        throw new RefgateError(
          'VOTE_REFUSED',
          'client',
          'its user or an administrator cancels it; ask one of them',
        );
      const why = reason?.trim() || 'no longer wanted';
      return this.#apply(canceled(push, why, user, this.#clock()));
    });
  }

  /** Cancels a push that may be claimed already; one that has ended stays as it is. Gives what it is now. */
  canceledBy(id: string, reason: string, by: string): Promise<HeldPush> {
    return this.#turn(id, async () => {
      const push = await this.#live.need(id);
      return isFinal(push.state) ? push : this.#apply(canceled(push, reason, by, this.#clock()));
    });
  }

  /** Cancels what nobody relays yet; gives what was canceled. */
  async cancelWhere(predicate: (push: HeldPush) => boolean, reason: string): Promise<readonly HeldPush[]> {
    const isMeant = (push: HeldPush) => push.relayedBy === undefined && predicate(push);
    const cancelOne = (id: string) =>
      this.#turn(id, async () => {
        const push = this.#live.get(id);
        if (!push || !isMeant(push)) return [];
        return [await this.#apply(canceled(push, reason, 'refgate', this.#clock()))];
      });
    const ids = this.live()
      .filter(isMeant)
      .map((push) => push.id);
    return (await Promise.all(ids.map(cancelOne))).flat();
  }

  /** Uses the approval up for this session; undefined when there is none, or another session has it. */
  claim(id: string, session: string): Promise<HeldPush | undefined> {
    return this.#turn(id, async () => {
      const push = await this.#lapseIfDue(id);
      if (push.state !== 'approved' || push.relayedBy !== undefined) return undefined;
      return this.#apply(claimed(push, session));
    });
  }

  /** The upstream has answered. */
  forwarded(id: string, reports: readonly RefReport[]): Promise<HeldPush> {
    return this.#change(id, (push) => forwarded(push, reports, this.#clock()));
  }

  /** The push cannot be relayed. */
  failed(id: string, code: string, text: string): Promise<HeldPush> {
    return this.#change(id, (push) => failed(push, code, text, this.#clock()));
  }

  #change(id: string, change: (push: HeldPush) => Change): Promise<HeldPush> {
    return this.#turn(id, async () => this.#apply(change(await this.#live.need(id))));
  }

  /** Resolves when the push is no longer pending; rejects with the reason of `signal`. `onChange` hears of votes meanwhile. */
  settled(id: string, signal: AbortSignal, onChange?: (push: HeldPush) => void): Promise<HeldPush> {
    return this.#until(id, (push) => push.state !== 'pending', signal, onChange);
  }

  /** Resolves when the push is in a final state; rejects with the reason of `signal`. */
  finished(id: string, signal: AbortSignal): Promise<HeldPush> {
    return this.#until(id, (push) => isFinal(push.state), signal);
  }

  #until(
    id: string,
    isThere: (push: HeldPush) => boolean,
    signal: AbortSignal,
    onChange?: (push: HeldPush) => void,
  ): Promise<HeldPush> {
    const push = this.#live.get(id);
    if (push && !isThere(push)) return this.#watchers.until(id, isThere, signal, onChange);
    return push ? Promise.resolve(push) : this.#live.need(id);
  }

  /** A client's connection waits for the push, until what this gives is called. */
  attach(id: string): () => void {
    return this.#attached.attach(id);
  }

  isAttached(id: string): boolean {
    return this.#attached.has(id);
  }

  #detached(id: string): void {
    const left = this.#turn(id, async () => {
      const push = this.#live.get(id);
      if (!push || this.isAttached(id)) return;
      await this.#live.note('push.detached', { push: id }, push.session);
      this.#watchers.tell(push);
    });
    left.catch((err) => this.#options.log.error({ err, push: id }, 'detached push not recorded'));
  }

  list(query: HeldQuery): Promise<readonly HeldPush[]> {
    return this.#listed(query);
  }

  async #listed(query: HeldQuery): Promise<readonly HeldPush[]> {
    const { waitsFor = '' } = query;
    if (query.waitsFor !== undefined) await this.#people.load(waitsFor);
    return listHeld(this.#options.store, this.#live.pushes, query, (push) => this.#waits(push, waitsFor));
  }

  async get(id: string): Promise<HeldPush | undefined> {
    return this.#live.get(id) ?? (await this.#live.stored(id));
  }

  counts(user?: string): { readonly pending: number; readonly waiting: number } {
    const pending = this.live().filter((push) => push.state === 'pending');
    if (user === undefined) return { pending: pending.length, waiting: 0 };
    // For the next time; what was seen last serves now.
    this.#people.load(user).catch((err) => this.#options.log.warn({ err, user }, 'user not read'));
    return { pending: pending.length, waiting: pending.filter((push) => this.#waits(push, user)).length };
  }

  #waits(push: HeldPush, user: string): boolean {
    const role = this.#people.seen(user)?.role;
    if (role === undefined || !mayVote(push, { user, role }, this.#people.seen).vote) return false;
    const person = this.#people.personOf(user);
    return !push.votes.some((vote) => vote.person === person);
  }

  tally(push: HeldPush): readonly AskTally[] {
    return tallyOf(push.asks, push.votes, pusherOf(push));
  }

  async mayVote(push: HeldPush, voter: Pick<Voter, 'principal' | 'role'>): Promise<MayVote> {
    await this.#people.load(voter.principal.user);
    await this.#people.load(push.principal.user);
    return mayVote(push, { user: voter.principal.user, role: voter.role }, this.#people.seen);
  }

  onChange(listener: (push: HeldPush) => void): () => void {
    return this.#watchers.all(listener);
  }

  /** As the client sent them, of a live push. @throws NOT_FOUND */
  optionsOf(id: string): readonly string[] {
    return this.#live.optionsOf(id);
  }

  /** Pending and approved, oldest first. */
  live(): readonly HeldPush[] {
    return [...this.#live.pushes.values()];
  }

  /** Claimed, and not final: after a crash nobody knows what became of them. */
  unfinished(): readonly HeldPush[] {
    return this.live().filter((push) => push.relayedBy !== undefined);
  }

  /** Ends what is past its deadline; the timer calls it when that is so. */
  async lapseDue(): Promise<void> {
    const next = await this.#sweep();
    if (next !== undefined) this.#timer.wakeAt(next);
  }

  async #sweep(): Promise<number | undefined> {
    const due = this.live().filter((push) => this.#isDue(push));
    await Promise.all(due.map(({ id }) => this.#turn(id, () => this.#lapseIfDue(id))));
    const deadlines = this.live()
      .filter((push) => push.relayedBy === undefined)
      .map(deadlineOf);
    return deadlines.length === 0 ? undefined : deadlines.reduce((a, b) => Math.min(a, b));
  }

  async #lapseIfDue(id: string): Promise<HeldPush> {
    const push = await this.#live.need(id);
    return this.#isDue(push) ? this.#apply(lapsed(push, this.#clock())) : push;
  }

  #isDue(push: HeldPush): boolean {
    return !isFinal(push.state) && push.relayedBy === undefined && deadlineOf(push) <= this.#clock();
  }

  async #apply(change: Change, rawPushOptions?: readonly string[]): Promise<HeldPush> {
    const { push } = change;
    await this.#live.apply(change, rawPushOptions);
    if (!isFinal(push.state)) this.#timer.wakeAt(deadlineOf(push));
    this.#watchers.tell(push);
    if (change.notice) this.#options.outbox.wake();
    return push;
  }

  #turn<T>(id: string, work: () => Promise<T>): Promise<T> {
    return this.#turns.take(`push ${id}`, work);
  }

  /** Stops the timer and waits for what is under way. */
  async close(): Promise<void> {
    this.#timer.stop();
    await this.#turns.ended();
  }
}

function pusherOf(push: HeldPush): string {
  return push.person ?? push.principal.user;
}

function deadlineOf(push: HeldPush): number {
  return Date.parse(push.deadline);
}

import type {
  AskTally,
  HeldPush,
  HeldPushes,
  HeldQuery,
  MayVote,
  Outbox,
  VoteKind,
  Voter,
} from '../domain/approval.ts';
import type { RefReport } from '../domain/git.ts';
import type { Log } from '../domain/log.ts';
import type { Recorder } from '../domain/record.ts';
import type { Principal } from '../domain/session.ts';
import type { Store } from '../domain/store.ts';
import { Attached } from './attached.ts';
import { type Change, canceled, claimed, failed, forwarded } from './changes.ts';
import { type Entered, Entering } from './entering.ts';
import { HeldSteps } from './held-steps.ts';
import { LivePushes } from './live-pushes.ts';
import { Looking } from './looking.ts';
import type { HoldLimits, NewHold } from './new-hold.ts';
import { People, type Users } from './people.ts';
import { isFinal } from './states.ts';
import { Voting } from './voting.ts';

export type { Entered } from './entering.ts';
export type { HoldLimits, NewHold } from './new-hold.ts';

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

/**
 * Where pushes wait for people. What happens to one push happens in line, so
 * that two votes at once are one decision and two claims one claim; each step
 * is durable, with its event, before anybody sees it. Methods throw NOT_FOUND
 * for a push that does not exist, CONFLICT for one that is past the step, and
 * LEDGER_UNAVAILABLE, in which case nothing has changed.
 */
export class HeldPushDesk implements HeldPushes {
  readonly #steps: HeldSteps;
  readonly #looking: Looking;
  readonly #entering: Entering;
  readonly #voting: Voting;
  readonly #attached: Attached;

  /** Reads what waits, and does what a crash, or the time that passed, has left to do. */
  static async open(options: DeskOptions): Promise<HeldPushDesk> {
    const clock = options.clock ?? Date.now;
    const { store, recorder, outbox, log, limits } = options;
    const live = new LivePushes({ store, recorder, outbox, urlOf: (id) => options.urlOf(id), clock });
    const people = new People(options.users);
    await people.loadAll();
    await live.load();
    const steps = new HeldSteps({ live, outbox, log, clock });
    const voting = new Voting(steps, people, (principal) => options.stillValid(principal));
    for (const id of [...live.pushes.keys()]) await voting.repair(id);
    await steps.lapseDue();
    const looking = new Looking({ store, live, people, log });
    return new HeldPushDesk({ steps, looking, entering: new Entering(steps, people, limits), voting, log });
  }

  private constructor(parts: {
    steps: HeldSteps;
    looking: Looking;
    entering: Entering;
    voting: Voting;
    log: Log;
  }) {
    this.#steps = parts.steps;
    this.#looking = parts.looking;
    this.#entering = parts.entering;
    this.#voting = parts.voting;
    this.#attached = new Attached((id) => {
      this.#detached(id).catch((err) => parts.log.error({ err, push: id }, 'detached push not recorded'));
    });
  }

  /** Opens the push, or joins the one that is the same. @throws HOLD_QUOTA, LEDGER_UNAVAILABLE */
  enter(hold: NewHold): Promise<Entered> {
    return this.#entering.enter(hold);
  }

  list(query: HeldQuery): Promise<readonly HeldPush[]> {
    return this.#looking.list(query);
  }

  get(id: string): Promise<HeldPush | undefined> {
    return this.#looking.get(id);
  }

  counts(user?: string): { readonly pending: number; readonly waiting: number } {
    return this.#looking.counts(user);
  }

  tally(push: HeldPush): readonly AskTally[] {
    return this.#looking.tally(push);
  }

  mayVote(push: HeldPush, voter: Pick<Voter, 'principal' | 'role'>): Promise<MayVote> {
    return this.#looking.mayVote(push, voter);
  }

  vote(
    id: string,
    vote: { readonly kind: VoteKind; readonly reason?: string },
    voter: Voter,
  ): Promise<HeldPush> {
    return this.#voting.vote(id, vote, voter);
  }

  cancel(id: string, reason: string | undefined, voter: Voter | 'operator'): Promise<HeldPush> {
    return this.#voting.cancel(id, reason, voter);
  }

  /** Cancels a push that may be claimed already; one that has ended stays as it is. Gives what it is now. */
  canceledBy(id: string, reason: string, by: string): Promise<HeldPush> {
    return this.#steps.turn(id, async () => {
      const push = await this.#steps.live.need(id);
      if (isFinal(push.state)) return push;
      return this.#steps.apply(canceled(push, reason, by, this.#steps.now()));
    });
  }

  /** Cancels what nobody relays yet; gives what was canceled. */
  async cancelWhere(predicate: (push: HeldPush) => boolean, reason: string): Promise<readonly HeldPush[]> {
    const isMeant = (push: HeldPush) => push.relayedBy === undefined && predicate(push);
    const cancelOne = ({ id }: HeldPush) =>
      this.#steps.turn(id, async () => {
        const push = this.#steps.live.get(id);
        if (!push || !isMeant(push)) return [];
        return [await this.#steps.apply(canceled(push, reason, 'refgate', this.#steps.now()))];
      });
    return (await Promise.all(this.live().filter(isMeant).map(cancelOne))).flat();
  }

  /** Uses the approval up for this session; undefined when there is none, or another session has it. */
  claim(id: string, session: string): Promise<HeldPush | undefined> {
    return this.#steps.turn(id, async () => {
      const push = await this.#steps.current(id);
      if (push.state !== 'approved' || push.relayedBy !== undefined) return undefined;
      return this.#steps.apply(claimed(push, session));
    });
  }

  /** The upstream has answered. The push must be claimed. */
  forwarded(id: string, reports: readonly RefReport[]): Promise<HeldPush> {
    return this.#end(id, (push) => forwarded(push, reports, this.#steps.now()));
  }

  /** The push cannot be relayed. */
  failed(id: string, code: string, text: string): Promise<HeldPush> {
    return this.#end(id, (push) => failed(push, code, text, this.#steps.now()));
  }

  #end(id: string, change: (push: HeldPush) => Change): Promise<HeldPush> {
    return this.#steps.turn(id, async () => this.#steps.apply(change(await this.#steps.live.need(id))));
  }

  /** Resolves when the push is no longer pending; rejects with the reason of `signal`. `onChange` hears of votes meanwhile. */
  settled(id: string, signal: AbortSignal, onChange?: (push: HeldPush) => void): Promise<HeldPush> {
    return this.#steps.until(id, (push) => push.state !== 'pending', signal, onChange);
  }

  /** Resolves when the push is in a final state; rejects with the reason of `signal`. */
  finished(id: string, signal: AbortSignal): Promise<HeldPush> {
    return this.#steps.until(id, (push) => isFinal(push.state), signal);
  }

  /** A client's connection waits for the push, until what this gives is called. */
  attach(id: string): () => void {
    return this.#attached.attach(id);
  }

  isAttached(id: string): boolean {
    return this.#attached.has(id);
  }

  #detached(id: string): Promise<void> {
    return this.#steps.turn(id, async () => {
      if (this.isAttached(id)) return;
      const push = this.#steps.live.get(id);
      // Whoever spared what it left for this client hears that it has gone.
      if (!push) return this.#steps.watchers.tell(await this.#steps.live.need(id));
      if (push.relayedBy !== undefined) return;
      await this.#steps.live.note('push.detached', { push: id }, push.session);
      this.#steps.watchers.tell(push);
    });
  }

  onChange(listener: (push: HeldPush) => void): () => void {
    return this.#steps.watchers.all(listener);
  }

  /** As the client sent them, secrets and all, of a live push. @throws NOT_FOUND */
  optionsOf(id: string): readonly string[] {
    return this.#steps.live.optionsOf(id);
  }

  /** Pending and approved. */
  live(): readonly HeldPush[] {
    return [...this.#steps.live.pushes.values()];
  }

  /** Claimed, and not final: after a crash nobody knows what became of them. */
  unfinished(): readonly HeldPush[] {
    return this.live().filter((push) => push.relayedBy !== undefined);
  }

  /** Ends what is past its deadline; a timer calls it when that is so. */
  lapseDue(): Promise<void> {
    return this.#steps.lapseDue();
  }

  /** Stops the timer and waits for what is under way. */
  close(): Promise<void> {
    return this.#steps.close();
  }
}

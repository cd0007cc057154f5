import type { HeldPush } from '../domain/approval.ts';
import { canceled, makeId, opened } from './changes.ts';
import type { HeldSteps } from './held-steps.ts';
import { beginHold, checkQuota, type HoldLimits, isSame, type NewHold, supersedes } from './new-hold.ts';
import type { People } from './people.ts';
import { isFinal } from './states.ts';

/** `opened` waits anew; `joined` waits, or is relayed, already; `approved` may be claimed. */
export interface Entered {
  readonly push: HeldPush;
  readonly how: 'opened' | 'joined' | 'approved';
  /** The older pushes that it took the place of. */
  readonly superseded?: readonly string[];
}

/** Where pushes come in: each update waits once, and each user has so many that wait. */
export class Entering {
  readonly #steps: HeldSteps;
  readonly #people: People;
  readonly #limits: HoldLimits;

  constructor(steps: HeldSteps, people: People, limits: HoldLimits) {
    this.#steps = steps;
    this.#people = people;
    this.#limits = limits;
  }

  /** @throws HOLD_QUOTA, LEDGER_UNAVAILABLE */
  enter(hold: NewHold): Promise<Entered> {
    return this.#steps.turnOfUser(hold.principal.user, async () => {
      const same = this.#steps.live.byBinding(hold.binding);
      const joined = same === undefined ? undefined : await this.#join(same, hold);
      return joined ?? this.#open(hold);
    });
  }

  #join(id: string, hold: NewHold): Promise<Entered | undefined> {
    return this.#steps.turn(id, async () => {
      const push = await this.#steps.current(id);
      if (isFinal(push.state) || !isSame(hold, push)) return undefined;
      if (push.state === 'approved' && push.relayedBy === undefined) return { push, how: 'approved' };
      await this.#steps.live.note('push.joined', { push: id }, hold.session);
      return { push, how: 'joined' };
    });
  }

  async #open(hold: NewHold): Promise<Entered> {
    const { user } = hold.principal;
    const own = [...this.#steps.live.pushes.values()].filter((push) => push.principal.user === user);
    const older = own.filter((push) => supersedes(hold, push));
    checkQuota(
      hold,
      own.filter((push) => !older.includes(push)),
      this.#limits,
    );
    const id = await this.#freeId();
    await this.#people.load(user);
    const push = beginHold(hold, id, this.#people.personOf(user), this.#steps.now());
    // The new one first: whatever fails, one of them waits.
    await this.#steps.turn(id, () => this.#steps.apply(opened(push), hold.rawPushOptions));
    const superseded: string[] = [];
    for (const one of older) {
      // What cannot be canceled waits on beside the new one, which must not be given up for that.
      if (await this.#supersede(one.id, id, user).catch(() => false)) superseded.push(one.id);
    }
    return { push, how: 'opened', superseded };
  }

  /** Gives whether it did: one that has ended, or is being relayed, stays. */
  #supersede(id: string, by: string, user: string): Promise<boolean> {
    return this.#steps.turn(id, async () => {
      const push = await this.#steps.current(id);
      if (isFinal(push.state) || push.relayedBy !== undefined) return false;
      await this.#steps.apply(canceled(push, `superseded by ${by}`, user, this.#steps.now()));
      return true;
    });
  }

  async #freeId(): Promise<string> {
    for (;;) {
      const id = makeId();
      if (!this.#steps.live.get(id) && !(await this.#steps.live.stored(id))) return id;
    }
  }
}

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
    for (const push of older) await this.#supersede(push.id, id, user);
    await this.#people.load(user);
    const push = beginHold(hold, id, this.#people.personOf(user), this.#steps.now());
    await this.#steps.turn(id, () => this.#steps.apply(opened(push), hold.rawPushOptions));
    return { push, how: 'opened' };
  }

  #supersede(id: string, by: string, user: string): Promise<void> {
    return this.#steps.turn(id, async () => {
      const push = await this.#steps.current(id);
      if (isFinal(push.state) || push.relayedBy !== undefined) return;
      await this.#steps.apply(canceled(push, `superseded by ${by}`, user, this.#steps.now()));
    });
  }

  async #freeId(): Promise<string> {
    for (;;) {
      const id = makeId();
      if (!this.#steps.live.get(id) && !(await this.#steps.live.stored(id))) return id;
    }
  }
}

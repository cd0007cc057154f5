import { RefgateError } from '../domain/error.ts';

/** How many things of one kind each user has under way at once. */
export class UserSlots {
  readonly #limit: number;
  readonly #what: string;
  readonly #taken = new Map<string, number>();

  /** `what` names them in the plural, for people: `pushes`. */
  constructor(limit: number, what: string) {
    this.#limit = limit;
    this.#what = what;
  }

  /** Takes a slot; the caller calls what it gets back, which counts once. @throws LIMIT_EXCEEDED */
  take(user: string): () => void {
    const taken = this.#taken.get(user) ?? 0;
    if (taken >= this.#limit) {
      const detail = `${taken} ${this.#what} of yours are under way; wait for one to end`;
      throw new RefgateError('LIMIT_EXCEEDED', 'client', detail);
    }
    this.#taken.set(user, taken + 1);
    let isTaken = true;
    return () => {
      if (!isTaken) return;
      isTaken = false;
      const left = (this.#taken.get(user) ?? 1) - 1;
      if (left === 0) this.#taken.delete(user);
      else this.#taken.set(user, left);
    };
  }
}

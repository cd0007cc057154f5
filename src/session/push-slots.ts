import { RefgateError } from '../domain/error.ts';

/** How many pushes of one user are under way: each holds a pack on disk and a worker's time. */
export class PushSlots {
  readonly #limit: number;
  readonly #taken = new Map<string, number>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Takes a slot; the caller calls what it gets back, once. @throws LIMIT_EXCEEDED */
  take(user: string): () => void {
    const taken = this.#taken.get(user) ?? 0;
    if (taken >= this.#limit) {
      throw new RefgateError(
        'LIMIT_EXCEEDED',
        'client',
        `${taken} pushes of yours are under way; wait for one to end`,
      );
    }
    this.#taken.set(user, taken + 1);
    return () => {
      const left = (this.#taken.get(user) ?? 1) - 1;
      if (left === 0) this.#taken.delete(user);
      else this.#taken.set(user, left);
    };
  }
}

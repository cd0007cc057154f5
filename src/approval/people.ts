import type { UserRecord } from '../domain/identity.ts';
import { personOf } from './person.ts';

/** What is asked of the directory. `users` gives everybody at the start; others are known once they were loaded. */
export interface Users {
  user(name: string): Promise<UserRecord | undefined>;
  users?(): Promise<readonly UserRecord[]>;
}

/** Users as they were seen last, so that many questions about them need not wait. */
export class People {
  readonly #users: Users;
  readonly #seen = new Map<string, UserRecord>();

  constructor(users: Users) {
    this.#users = users;
  }

  /** Sees everybody, where the directory can tell who that is. */
  async loadAll(): Promise<void> {
    for (const user of (await this.#users.users?.()) ?? []) this.#seen.set(user.name, user);
  }

  /** Sees the user as the directory has it now, with all owners behind it. */
  async load(name: string): Promise<void> {
    const met = new Set<string>();
    for (let next: string | undefined = name; next !== undefined && !met.has(next); ) {
      met.add(next);
      const user: UserRecord | undefined = await this.#users.user(next);
      if (user) this.#seen.set(next, user);
      else this.#seen.delete(next);
      next = user?.owner;
    }
  }

  /** As it was seen last. */
  readonly seen = (name: string): UserRecord | undefined => this.#seen.get(name);

  /** The person behind the account, as it was seen last. */
  personOf(name: string): string {
    return personOf(name, this.seen);
  }
}

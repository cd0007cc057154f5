import type { UserRecord } from '../domain/identity.ts';

/** A user as the directory has it; undefined when there is none of this name. */
export type FindUser = (name: string) => UserRecord | undefined;

/**
 * The person behind an account: owners are followed to the end. Accounts that
 * own each other in a circle are one person, whose name is the first of theirs
 * in the alphabet.
 */
export function personOf(name: string, user: FindUser): string {
  const chain: string[] = [];
  for (let next: string | undefined = name; next !== undefined; next = user(next)?.owner) {
    const begins = chain.indexOf(next);
    if (begins !== -1) return chain.slice(begins).sort()[0] ?? name;
    chain.push(next);
  }
  return chain.at(-1) ?? name;
}

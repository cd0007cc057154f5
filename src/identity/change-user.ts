import { RefgateError } from '../domain/error.ts';
import type { Role, UserRecord } from '../domain/identity.ts';
import { normaliseGroups } from './name.ts';

type Users = ReadonlyMap<string, UserRecord>;

/** What may change of a user; what is left out stays. */
export interface UserChange {
  readonly role?: Role;
  readonly addGroups?: readonly string[];
  readonly removeGroups?: readonly string[];
  /** `null` takes the owner away. */
  readonly owner?: string | null;
}

/**
 * The user with the change made; the same record when nothing is another than
 * before. @throws USAGE, NOT_FOUND for an owner that is not there, CONFLICT for
 * a circle of owners, and where the last administrator would be gone
 */
export function changeUserRecord(users: Users, user: UserRecord, change: UserChange): UserRecord {
  const { owner: had, ...rest } = user;
  const removed = new Set(normaliseGroups(change.removeGroups ?? []));
  const kept = user.groups.filter((group) => !removed.has(group));
  const groups = normaliseGroups([...kept, ...(change.addGroups ?? [])]);
  const role = change.role ?? user.role;
  if (role !== 'admin') keepAnAdmin(users, user);
  const owner = change.owner === undefined ? had : (change.owner ?? undefined);
  if (owner !== undefined && owner !== had) checkOwner(users, user.name, owner);
  if (role === user.role && owner === had && groups.join(' ') === user.groups.join(' ')) return user;
  return { ...rest, groups, role, ...(owner === undefined ? {} : { owner }) };
}

/** An owner is another user who is there, and is not owned by this one in turn. @throws NOT_FOUND, CONFLICT */
export function checkOwner(users: Users, name: string, owner: string): void {
  if (owner === name) throw conflict(`${name} cannot be the owner of ${name}; name another user`);
  for (let at: string | undefined = owner; at !== undefined; at = users.get(at)?.owner) {
    if (at === name)
      throw conflict(`${owner} belongs to ${name} already, so it cannot be its owner; name another user`);
    if (!users.has(at))
      throw new RefgateError('NOT_FOUND', 'operator', `there is no user ${at} to be the owner; add it first`);
  }
}

/** Whoever is the only administrator that is not disabled stays one. @throws CONFLICT */
export function keepAnAdmin(users: Users, user: UserRecord): void {
  const isAdmin = (one: UserRecord): boolean => one.role === 'admin' && !one.disabled;
  if (!isAdmin(user)) return;
  for (const other of users.values()) if (other.name !== user.name && isAdmin(other)) return;
  throw conflict(`${user.name} is the last administrator; make another user admin first`);
}

function conflict(text: string): RefgateError {
  return new RefgateError('CONFLICT', 'operator', text);
}

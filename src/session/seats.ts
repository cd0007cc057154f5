import { personOf } from '../approval/person.ts';
import type { Asked, Seat } from '../domain/approval.ts';
import type { UserRecord } from '../domain/identity.ts';
import type { Ask, Reason, RefVerdict } from '../domain/policy.ts';
import type { PushFacts, RefFacts } from '../domain/session.ts';
import { printable } from '../policy/tell.ts';
import { type OwnedChanges, ownersOfChanges, whoOwns } from './owner-seats.ts';
import type { CodeownersFile } from './read-codeowners.ts';

export interface SeatsOptions {
  /** Those with the effect `ask` are seated; the others are passed over. */
  readonly verdicts: readonly RefVerdict[];
  readonly facts: PushFacts;
  readonly users: () => Promise<readonly UserRecord[]>;
  /** The CODEOWNERS file that the ref is judged by; undefined when there is none. What it throws, seatsOf throws. */
  readonly codeowners: (ref: RefFacts) => Promise<CodeownersFile | undefined>;
  /** Who pushes: their votes do not count, so that a note says where nobody else is left. */
  readonly user: string;
}

/** Who is asked. */
export interface Seated {
  readonly asks: readonly Asked[];
  /** For the person at the other end: what is asked that nobody can give now, and lines of CODEOWNERS that do not count. */
  readonly notes: readonly string[];
}

/** Refs for which it cannot be told who is to be asked, and why. */
export interface Unseated {
  readonly refused: ReadonlyMap<string, Reason>;
}

/** One rule, with all the refs that it asks about. */
interface Joined {
  readonly ask: Ask;
  readonly refs: string[];
  readonly owned: OwnedChanges[];
}

/**
 * Everybody whom the verdicts of one push ask, one entry for each rule; a rule that
 * asks groups and owners of files gives two. Fails closed: where it cannot be told
 * who owns a changed file, the ref is refused, and nobody is asked about any.
 */
export async function seatsOf(options: SeatsOptions): Promise<Seated | Unseated> {
  const refused = new Map<string, Reason>();
  const joined = new Map<string, Joined>();
  for (const { ref, effect, asks = [] } of options.verdicts) {
    if (effect !== 'ask') continue;
    const owned = asks.some((ask) => ask.codeowners) ? await ownedBy(ref, options) : undefined;
    if (asks.length === 0) refused.set(ref, nobody(ref, 'approval', 'no rule says who is to be asked'));
    for (const ask of asks) {
      const problem = problemOf(ask, owned);
      if (problem !== undefined && !refused.has(ref)) refused.set(ref, nobody(ref, ask.rule, problem));
      const key = JSON.stringify(ask);
      const entry = joined.get(key) ?? { ask, refs: [], owned: [] };
      entry.refs.push(ref);
      if (ask.codeowners && owned && !('problem' in owned)) entry.owned.push(owned);
      joined.set(key, entry);
    }
  }
  if (refused.size > 0) return { refused };
  const users = joined.size > 0 ? await options.users() : [];
  const asks = [...joined.values()].flatMap((entry) => askedOf(entry, users));
  const owned = [...joined.values()].flatMap((entry) => entry.owned.flatMap(({ notes }) => notes));
  return {
    asks,
    notes: [...new Set([...asks.flatMap((asked) => missing(asked, users, options.user)), ...owned])],
  };
}

async function ownedBy(
  name: string,
  { facts, codeowners }: SeatsOptions,
): ReturnType<typeof ownersOfChanges> {
  const at = facts.refs.findIndex(({ ref }) => ref === name);
  const ref = facts.refs[at];
  if (ref === undefined) return { problem: 'nothing is known of the update; push again' };
  // A deletion has no files, so that there is nothing to read for it.
  const file = ref.kind === 'delete' ? undefined : await codeowners(ref);
  return ownersOfChanges(ref, facts.contents?.[at], file);
}

function problemOf(ask: Ask, owned: Awaited<ReturnType<typeof ownedBy>> | undefined): string | undefined {
  if (!ask.codeowners) return ask.groups.length > 0 ? undefined : 'no rule says who is to be asked';
  if (owned === undefined || 'problem' in owned) return owned?.problem ?? 'the owners were not looked for';
  if (ask.groups.length > 0) return undefined;
  if (owned.unowned !== undefined)
    return `CODEOWNERS names no owner of ${printable(owned.unowned)}; ask an administrator to add a line for it`;
  if (owned.sets.length > 0) return undefined;
  return 'it changes no file, so CODEOWNERS names nobody to ask; ask an administrator of the policy';
}

function nobody(ref: string, rule: string, problem: string): Reason {
  const text = `${rule}: ${printable(ref)} needs an approval, but ${problem}`;
  return { rule, code: 'APPROVAL_REQUIRED', text };
}

function askedOf({ ask, refs, owned }: Joined, users: readonly UserRecord[]): readonly Asked[] {
  const { rule, approvals, denials = 1, reason, breakGlass } = ask;
  const common = {
    rule,
    refs,
    denials,
    ...(reason === undefined ? {} : { reason }),
    ...(breakGlass === undefined ? {} : { breakGlass }),
  };
  const groups = ask.groups.map((group): Seat => ({ of: group, groups: [group], users: [] }));
  const owners = ownerSeats(owned, users);
  return [
    ...(groups.length > 0 ? [{ ...common, seats: groups, approvals, shared: false }] : []),
    ...(owners.length > 0 ? [{ ...common, seats: owners, approvals: 1, shared: true }] : []),
  ];
}

/** One seat for each set of owners, whichever refs and patterns led to it. */
function ownerSeats(owned: readonly OwnedChanges[], users: readonly UserRecord[]): readonly Seat[] {
  const sets = new Map<string, { owners: readonly string[]; patterns: Set<string> }>();
  for (const { owners, patterns } of owned.flatMap((one) => one.sets)) {
    const key = owners.join(' ');
    const set = sets.get(key) ?? { owners, patterns: new Set() };
    for (const pattern of patterns) set.patterns.add(pattern);
    sets.set(key, set);
  }
  return [...sets.values()].map(({ owners, patterns }): Seat => {
    const [first = ''] = patterns;
    const more = patterns.size > 1 ? ` and ${patterns.size - 1} more` : '';
    return { of: `owners of ${printable(first)}${more} (CODEOWNERS)`, ...whoOwns(owners, users) };
  });
}

/** What to say of seats that fewer people can vote on than must. */
function missing(asked: Asked, users: readonly UserRecord[], pusher: string): readonly string[] {
  const byName = new Map(users.map((user) => [user.name, user]));
  const person = (name: string): string => personOf(name, (one) => byName.get(one));
  const voters = users.filter(
    ({ kind, role, disabled }) => kind === 'person' && !disabled && (role === 'reviewer' || role === 'admin'),
  );
  return asked.seats.flatMap(({ of, groups, users: named }) => {
    const able = voters.filter(
      (user) => named.includes(user.name) || user.groups.some((group) => groups.includes(group)),
    );
    const people = new Set(able.map(({ name }) => person(name)));
    people.delete(person(pusher));
    if (people.size >= asked.approvals) return [];
    if (people.size === 0) return [`nobody can approve for ${of} now; ask an administrator`];
    return [`only ${people.size} of ${asked.approvals} can approve for ${of} now; ask an administrator`];
  });
}

import { RE2JS } from 're2js';
import type { Asked, HeldPush, MayVote, VoteKind } from '../domain/approval.ts';
import { RefgateError } from '../domain/error.ts';
import type { Role, UserRecord } from '../domain/identity.ts';
import { mayForce, minForceReason } from './ballot.ts';
import { type FindUser, personOf } from './person.ts';
import { sitsOn } from './seats.ts';
import { isFinal } from './states.ts';
import { becameOf } from './told.ts';

/** The most characters of a reason. */
const maxReason = 2000;

/** Who wants to vote: a user name, and the role that was proved. */
interface Wanting {
  readonly user: string;
  readonly role: Role;
}

/** Whether the account belongs to who pushes, or pushed when it was opened; owners of both are followed. */
function isPusher(push: HeldPush, name: string, user: FindUser): boolean {
  const person = personOf(name, user);
  return person === personOf(push.principal.user, user) || person === push.person;
}

/** Whether the account votes anywhere. */
export function isVoter({ kind, disabled, role }: UserRecord): boolean {
  return kind === 'person' && !disabled && votes(role);
}

const votes = (role: Role): boolean => role === 'reviewer' || role === 'admin';

/** The asks on a seat of which the user sits. */
function asksOf(push: HeldPush, record: UserRecord): readonly Asked[] {
  const who = { user: record.name, groups: record.groups };
  return push.asks.filter((asked) => asked.seats.some((seat) => sitsOn(seat, who)));
}

/** What the user may do about the push, with the users as `user` knows them now. */
export function mayVote(push: HeldPush, wanting: Wanting, user: FindUser): MayVote {
  const record = user(wanting.user);
  const cancel =
    !isFinal(push.state) &&
    push.relayedBy === undefined &&
    (wanting.role === 'admin' || wanting.user === push.principal.user);
  const asks = record ? asksOf(push, record) : [];
  const needsReason = asks.some((asked) => asked.reason !== undefined && asked.reason !== false);
  const voteless = whyNoVoter(push, wanting, record);
  if (voteless !== undefined || !record) {
    return { vote: false, force: false, cancel, needsReason, ...(voteless && { why: voteless }) };
  }
  const force = mayForce(push.asks, record.groups);
  const noSeat = whyNoSeat(push, record, user);
  const why = noSeat !== undefined && force ? `${noSeat}, or force it with a reason` : noSeat;
  return { vote: why === undefined, force, cancel, needsReason, ...(why !== undefined && { why }) };
}

/** Why the user neither votes nor forces. */
function whyNoVoter(push: HeldPush, wanting: Wanting, record: UserRecord | undefined): string | undefined {
  if (push.state !== 'pending') return `${becameOf(push)}; no vote is needed any more`;
  if (!record)
    return 'only a person votes, and this is not a user; set REFGATE_URL and REFGATE_TOKEN to your own and vote again';
  if (record.kind !== 'person')
    return `${record.name} is a service; a person votes: ask one of ${seatNames(push)}`;
  if (record.disabled) return `${record.name} is disabled; ask an administrator`;
  if (!votes(record.role) || !votes(wanting.role))
    return `the role ${record.role} does not vote; ask an administrator for the role reviewer`;
  return undefined;
}

/** Why somebody who may vote elsewhere does not vote here. */
function whyNoSeat(push: HeldPush, record: UserRecord, user: FindUser): string | undefined {
  if (isPusher(push, record.name, user))
    return `nobody votes on a push of their own, and ${whoseIs(push, record)}; ask one of ${seatNames(push)}`;
  if (asksOf(push, record).length === 0)
    return `${record.name} is not one of those who are asked; ask one of ${seatNames(push)}`;
  return undefined;
}

function whoseIs({ principal }: HeldPush, { name }: UserRecord): string {
  if (principal.user === name) return 'this one is yours';
  return `this one is of ${principal.user}, an account of the same person`;
}

function seatNames(push: HeldPush): string {
  const names = new Set(push.asks.flatMap((asked) => asked.seats.map((seat) => seat.of)));
  return names.size === 0 ? 'the administrators' : [...names].join(', ');
}

/**
 * Refuses a vote that would not count: VOTE_REFUSED for who may not, USAGE when
 * its reason is missing, too long or does not fit. `reason` is without white
 * space at its ends.
 */
export function checkVote(
  push: HeldPush,
  kind: VoteKind,
  reason: string | undefined,
  wanting: Wanting,
  user: FindUser,
): UserRecord {
  const may = mayVote(push, wanting, user);
  const record = user(wanting.user);
  if (!record || !(kind === 'force' ? may.force : may.vote)) throw refused(push, kind, may);
  if ((reason?.length ?? 0) > maxReason)
    throw usage(`the reason is longer than ${maxReason} characters; shorten it`);
  if (kind === 'force') {
    if ((reason?.length ?? 0) >= minForceReason) return record;
    throw usage(`a push is forced with a reason of at least ${minForceReason} characters; give one`);
  }
  for (const asked of asksOf(push, record)) checkReason(asked, reason);
  return record;
}

function refused(push: HeldPush, kind: VoteKind, may: MayVote): RefgateError {
  const needed = push.asks.map((asked) => asked.breakGlass?.join(' or ') ?? 'nobody').join('; and ');
  const noForce = `only these may force it: ${needed}; ask one of ${seatNames(push)} to vote`;
  const why = kind === 'force' ? noForce : may.why;
  return new RefgateError('VOTE_REFUSED', 'client', why);
}

function checkReason(asked: Asked, reason: string | undefined): void {
  if (asked.reason === undefined || asked.reason === false) return;
  if (reason === undefined) throw usage(`the rule ${asked.rule} wants a reason with each vote; give one`);
  if (asked.reason === true || RE2JS.compile(asked.reason).matcher(reason).find()) return;
  throw usage(
    `the rule ${asked.rule} wants a reason that matches ${JSON.stringify(asked.reason)}; change yours`,
  );
}

function usage(text: string): RefgateError {
  return new RefgateError('USAGE', 'client', text);
}

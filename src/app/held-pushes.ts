import { HeldPushDesk } from '../approval/desk.ts';
import { type Notifications, openNotifications } from '../approval/notify/notifications.ts';
import { personOf } from '../approval/person.ts';
import { sitsOn } from '../approval/seats.ts';
import type { HeldPush, Seat } from '../domain/approval.ts';
import type { RefUpdate } from '../domain/git.ts';
import type { Directory, UserRecord } from '../domain/identity.ts';
import type { Log } from '../domain/log.ts';
import type { Target } from '../domain/ports.ts';
import type { Recorder } from '../domain/record.ts';
import type { Store } from '../domain/store.ts';
import type { Closers } from './closers.ts';
import type { Config } from './config.ts';
import { readNotifiers } from './notify-config.ts';

/** What waits for people, and who is told of it. */
export interface HeldPushParts {
  readonly desk: HeldPushDesk;
  readonly notifications: Notifications;
}

/** Opens the held pushes as the last run left them. @throws CONFIG_INVALID */
export async function openHeldPushes(
  config: Config,
  parts: {
    readonly store: Store;
    readonly recorder: Recorder;
    readonly directory: Directory;
    readonly urlOf: (id: string) => string;
    readonly closers: Closers;
    readonly log: Log;
  },
): Promise<HeldPushParts> {
  const { store, recorder, directory, urlOf, closers, log } = parts;
  const notifications = await openNotifications({
    store,
    notifiers: readNotifiers(config),
    log,
    recipients: async ({ user, seats }) => addressesOf(await directory.users(), seats, user),
    samplePage: urlOf(''),
  });
  closers.add(() => notifications.close());
  const { heldPushesPerUser, heldBytesPerUser } = config.limits;
  const desk = await HeldPushDesk.open({
    store,
    recorder,
    users: directory,
    stillValid: (principal) => directory.stillValid(principal),
    outbox: notifications,
    urlOf,
    limits: { pushesPerUser: heldPushesPerUser, bytesPerUser: heldBytesPerUser },
    log,
  });
  closers.add(() => desk.close());
  directory.onEnded(() => {
    cancelEnded(desk, directory).catch((err: unknown) => log.error({ err }, 'held pushes not canceled'));
  });
  return { desk, notifications };
}

/** What waits for a ref as it was before these updates can never go, so that nobody need look at it. */
export async function cancelOvertaken(
  desk: HeldPushDesk,
  target: Target,
  updates: readonly RefUpdate[],
): Promise<void> {
  const tips = new Map(updates.map(({ ref, newOid }) => [ref, newOid]));
  const isOvertaken = ({ target: at, relay }: HeldPush): boolean =>
    at.upstream === target.upstream &&
    at.path === target.path &&
    relay.some(({ ref, oldOid }) => tips.has(ref) && tips.get(ref) !== oldOid);
  await desk.cancelWhere(isOvertaken, 'a ref of it has moved meanwhile, so fetch first');
}

/** Who may not push any more need not be decided about. */
async function cancelEnded(desk: HeldPushDesk, directory: Directory): Promise<void> {
  const ended = new Set<string>();
  for (const { id, principal } of desk.live()) if (!(await directory.stillValid(principal))) ended.add(id);
  if (ended.size > 0)
    await desk.cancelWhere(
      ({ id }) => ended.has(id),
      'the account or credential of its user was ended, or its groups changed',
    );
}

/** The first address of everybody who may vote: who pushed, with whatever account, is not asked. */
function addressesOf(
  users: readonly UserRecord[],
  seats: readonly Seat[],
  pusher: string,
): readonly string[] {
  const byName = new Map(users.map((user) => [user.name, user]));
  const person = (name: string): string => personOf(name, (one) => byName.get(one));
  const mayVote = ({ name, kind, role, groups, disabled }: UserRecord): boolean =>
    !disabled &&
    kind === 'person' &&
    (role === 'reviewer' || role === 'admin') &&
    person(name) !== person(pusher) &&
    seats.some((seat) => sitsOn(seat, { user: name, groups }));
  return users.filter(mayVote).flatMap(({ emails = [] }) => emails.slice(0, 1));
}

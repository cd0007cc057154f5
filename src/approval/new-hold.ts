import type { HeldPush } from '../domain/approval.ts';
import { RefgateError } from '../domain/error.ts';
import { timeAfter } from './changes.ts';

/** A push that has to wait, as the spine knows it. */
export type NewHold = Omit<
  HeldPush,
  'id' | 'state' | 'person' | 'openedAt' | 'deadline' | 'votes' | 'relayedBy' | 'reports'
> & {
  /** Unmasked; kept only while the push is live, and never shown or recorded. */
  readonly rawPushOptions: readonly string[];
};

/** `bytes` of the packs of one user's held pushes. */
export interface HoldLimits {
  readonly pushesPerUser: number;
  readonly bytesPerUser: number;
}

/** The push as it begins to wait. */
export function beginHold(hold: NewHold, id: string, person: string, now: number): HeldPush {
  const { rawPushOptions: _, ...push } = hold;
  const openedAt = timeAfter(now, 0);
  return {
    ...push,
    id,
    state: 'pending',
    person,
    openedAt,
    deadline: timeAfter(now, hold.within),
    votes: [],
    steps: [...hold.steps, { state: 'pending', time: openedAt, by: 'refgate' }],
  };
}

/** Whether it is the same update, of which the same is asked: the policy may ask more of another address, or at another time. */
export function isSame(hold: NewHold, older: HeldPush): boolean {
  return older.binding === hold.binding && JSON.stringify(older.asks) === JSON.stringify(hold.asks);
}

/** Whether the new push takes the place of the older one: the same user, the same refs of the same repository. */
export function supersedes(hold: NewHold, older: HeldPush): boolean {
  if (older.relayedBy !== undefined || isSame(hold, older)) return false;
  if (older.principal.user !== hold.principal.user || older.repo !== hold.repo) return false;
  const refs = new Set(hold.refs.map(({ ref }) => ref));
  return older.refs.length === refs.size && older.refs.every(({ ref }) => refs.has(ref));
}

/** @param others the user's held pushes that stay. @throws HOLD_QUOTA */
export function checkQuota(hold: NewHold, others: readonly HeldPush[], limits: HoldLimits): void {
  const whatToDo = 'wait for a decision, or cancel one of them';
  if (others.length >= limits.pushesPerUser) {
    const said = `${others.length} pushes of yours wait, and ${limits.pushesPerUser} may; ${whatToDo}`;
    throw new RefgateError('HOLD_QUOTA', 'client', said);
  }
  const waiting = others.reduce((sum, push) => sum + (push.pack?.bytes ?? 0), 0);
  const bytes = hold.pack?.bytes ?? 0;
  if (waiting + bytes <= limits.bytesPerUser) return;
  const sizes = `${mib(waiting)} of yours wait, this push brings ${mib(bytes)}, and ${mib(limits.bytesPerUser)} may wait`;
  throw new RefgateError('HOLD_QUOTA', 'client', `${sizes}; ${whatToDo}, or push less at once`);
}

function mib(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

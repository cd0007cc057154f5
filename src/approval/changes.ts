import { randomInt } from 'node:crypto';
import type { HeldPush, HeldState, Notice, Vote } from '../domain/approval.ts';
import { RefgateError } from '../domain/error.ts';
import type { RefReport } from '../domain/git.ts';
import type { EventCode, EventPayloads } from '../domain/record.ts';
import type { Outcome } from './ballot.ts';
import { canMove, isFinal } from './states.ts';
import { tooLate } from './told.ts';

/** An event with its payload. */
export type Told = {
  readonly [C in EventCode]: { readonly code: C; readonly data: EventPayloads[C] };
}[EventCode];

/** What a push becomes, the event that says so, and whom it is said to. */
export interface Change {
  readonly push: HeldPush;
  readonly told: Told;
  /** A user, or `refgate`. */
  readonly by: string;
  /** `by`: who is named, where that is not who did it. */
  readonly notice?: { readonly type: Notice['type']; readonly reason?: string; readonly by?: string };
}

/** No `i`, `l`, `o`, `0` and `1`, which look like others. */
const letters = 'abcdefghjkmnpqrstuvwxyz23456789';

/** The greatest time that a Date can hold, in ms since 1970. */
const endOfTime = 8.64e15;

/** A name for a held push that people can say; whether it is free is the caller's to ask. */
export function makeId(): string {
  return `p-${Array.from({ length: 7 }, () => letters[randomInt(letters.length)]).join('')}`;
}

/** RFC 3339, so many ms after `from`. */
export function timeAfter(from: number, ms: number): string {
  return new Date(Math.min(from + ms, endOfTime)).toISOString();
}

/** The push in its next state. Throws CONFLICT where nothing leads there. */
function moved(push: HeldPush, state: HeldState, now: number, by: string, text?: string): HeldPush {
  if (!canMove(push.state, state)) throw tooLate(push);
  const step = { state, time: timeAfter(now, 0), by, ...(text === undefined ? {} : { text }) };
  const next = { ...push, state, steps: [...push.steps, step] };
  if (!isFinal(state) || !push.pack) return next;
  return { ...next, pack: { ...push.pack, file: '' } };
}

/** The push begins to wait. */
export function opened(push: HeldPush): Change {
  const { id, binding, policyVersion, verdicts, relay, asks, onApprove, deadline } = push;
  const target = `${push.target.upstream}:${push.target.path}`;
  const refs = [...verdicts];
  const data = {
    push: id,
    binding,
    policyVersion,
    target,
    refs,
    relay: [...relay],
    asks: [...asks],
    onApprove,
    deadline,
  };
  const notice = { type: 'push.held' as const, by: push.principal.user };
  return { push, told: { code: 'push.held', data }, by: 'refgate', notice };
}

/** @param votes as they stand with the new one, `vote`, among them. */
export function voted(push: HeldPush, votes: readonly Vote[], vote: Vote): Change {
  if (push.state !== 'pending') throw tooLate(push);
  const { kind, reason, groups, via, credential } = vote;
  const why = reason === undefined ? {} : { reason };
  const data = { push: push.id, vote: kind, ...why, groups: [...groups], via, credential };
  return { push: { ...push, votes }, told: { code: 'push.voted', data }, by: vote.user };
}

/** What the votes came to; the approval holds as long as it may have taken. */
export function decided(push: HeldPush, outcome: Exclude<Outcome, { is: 'open' }>, now: number): Change {
  const by = [...outcome.by];
  const last = push.votes.at(-1)?.user ?? 'refgate';
  if (outcome.is === 'rejected') {
    const why = outcome.reason === undefined ? {} : { reason: outcome.reason };
    return {
      push: moved(push, 'rejected', now, last, outcome.reason),
      told: { code: 'push.rejected', data: { push: push.id, by, ...why } },
      by: last,
      notice: { type: 'push.rejected', ...why },
    };
  }
  const deadline = timeAfter(now, push.within);
  const forced = outcome.forced?.reason;
  const text = forced === undefined ? undefined : `forced: ${forced}`;
  const who = outcome.forced?.user ?? last;
  const data = { push: push.id, by, ...(forced === undefined ? {} : { forced }), deadline };
  return {
    push: { ...moved(push, 'approved', now, who, text), deadline },
    told: { code: 'push.approved', data },
    by: who,
    notice: forced === undefined ? { type: 'push.approved' } : { type: 'push.forced', reason: forced },
  };
}

/** Somebody takes it back, or something that it stands on has ended. Throws CONFLICT once it is final. */
export function canceled(push: HeldPush, reason: string, by: string, now: number): Change {
  return {
    push: moved(push, 'canceled', now, by, reason),
    told: { code: 'push.canceled', data: { push: push.id, reason } },
    by,
    notice: { type: 'push.canceled', reason },
  };
}

/** Its time is up: for the votes, or for the use of the approval. Throws CONFLICT once it is final. */
export function lapsed(push: HeldPush, now: number): Change {
  const text = push.state === 'pending' ? 'not enough votes in time' : 'the approval was not used in time';
  return {
    push: moved(push, 'lapsed', now, 'refgate', text),
    told: { code: 'push.lapsed', data: { push: push.id, from: push.state } },
    by: 'refgate',
    notice: { type: 'push.lapsed', reason: text },
  };
}

/** A session takes the approval, which nobody else has then. Throws CONFLICT where there is none to take. */
export function claimed(push: HeldPush, session: string): Change {
  if (push.state !== 'approved' || push.relayedBy !== undefined) throw tooLate(push);
  const told = { code: 'push.claimed' as const, data: { push: push.id, session } };
  return { push: { ...push, relayedBy: session }, told, by: 'refgate' };
}

/** The upstream has answered. Throws INTERNAL without a claim, and CONFLICT once it is final. */
export function forwarded(push: HeldPush, reports: readonly RefReport[], now: number): Change {
  if (push.state === 'approved' && push.relayedBy === undefined)
    throw new RefgateError('INTERNAL', 'refgate', `${push.id} was forwarded without a claim`);
  return {
    push: { ...moved(push, 'forwarded', now, 'refgate'), reports },
    told: { code: 'push.forwarded', data: { push: push.id, reports: [...reports] } },
    by: 'refgate',
    notice: { type: 'push.forwarded' },
  };
}

/** It cannot go upstream. Throws CONFLICT once it is final. */
export function failed(push: HeldPush, code: string, text: string, now: number): Change {
  return {
    push: moved(push, 'error', now, 'refgate', `${code}: ${text}`),
    told: { code: 'push.failed', data: { push: push.id, code, text } },
    by: 'refgate',
    notice: { type: 'push.failed', reason: `${code}: ${text}` },
  };
}

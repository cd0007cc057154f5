import type { HeldPush, HeldState } from '../domain/approval.ts';
import { RefgateError } from '../domain/error.ts';

const words: { readonly [state in HeldState]: string } = {
  received: 'was received',
  processing: 'is being looked at',
  pending: 'waits for votes',
  approved: 'was approved',
  forwarded: 'went through',
  rejected: 'was rejected',
  canceled: 'was canceled',
  lapsed: 'lapsed',
  error: 'failed',
};

/** What became of the push, by whom and why, in one line. */
export function becameOf(push: HeldPush): string {
  const last = push.steps.at(-1);
  const by = last && last.by !== 'refgate' ? ` by ${last.by}` : '';
  const why = last?.text === undefined ? '' : ` (${last.text})`;
  return `${push.id} ${words[push.state]}${by}${why}`;
}

/** What a change hears that comes too late. */
export function tooLate(push: HeldPush): RefgateError {
  return new RefgateError('CONFLICT', 'client', `${becameOf(push)}; look at it again`);
}

/** NOT_FOUND, with what to do. */
export function noPush(id: string): RefgateError {
  return new RefgateError(
    'NOT_FOUND',
    'client',
    `there is no held push ${JSON.stringify(id)}; list them first`,
  );
}

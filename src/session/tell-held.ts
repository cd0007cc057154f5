import type { AskTally, HeldPush } from '../domain/approval.ts';
import type { Reason } from '../domain/policy.ts';
import { tellDuration } from '../policy/quantities.ts';

/** What the person at the other end of a held push reads beside the push itself. */
export interface HeldText {
  readonly url: string;
  readonly notes: readonly string[];
  /** How long the client is kept waiting, in ms; 0 when it is let go at once. */
  readonly wait: number;
}

/** The first lines: what is held, why, who is asked, and where it is decided. */
export function tellHeld(held: HeldPush, { url, notes, wait }: HeldText): readonly string[] {
  return [
    '',
    `Refgate holds this push as ${held.id} until people agree:`,
    ...body(held, url, notes),
    ...end(held, wait),
  ];
}

/** The same for an update that was pushed before and still waits. */
export function tellJoined(held: HeldPush, { url, notes, wait }: HeldText): readonly string[] {
  return [
    '',
    `This very update is held already, as ${held.id}:`,
    ...body(held, url, [...notes, ...votesUntilNow(held)]),
    ...end(held, wait),
  ];
}

function body(held: HeldPush, url: string, notes: readonly string[]): readonly string[] {
  const reasons = held.verdicts
    .filter(({ effect }) => effect === 'ask')
    .flatMap((verdict) => verdict.reasons);
  const told = [...new Set(reasons.map(({ text }) => text.split('\n', 1)[0] ?? ''))];
  const more = told.length > maxReasons ? [`and ${told.length - maxReasons} more reasons, on the page`] : [];
  return [...told.slice(0, maxReasons), ...more, ...notes, `see and decide it: ${url}`].map(
    (line) => `  ${line}`,
  );
}

const maxReasons = 10;

/** Who voted before the client came, in one line. */
function votesUntilNow({ votes }: HeldPush): readonly string[] {
  if (votes.length === 0) return [];
  return [`until now: ${votes.map(({ user, kind }) => `${user} ${did[kind]}`).join(', ')}`];
}

const did = { approve: 'approved', deny: 'refused', force: 'forced' } as const;

function end(held: HeldPush, wait: number): readonly string[] {
  // What is told of a push that stays follows at once.
  if (wait <= 0) return [];
  const then =
    held.onApprove === 'relay'
      ? 'if you stop this command, the push goes on by itself once it is approved'
      : 'if you stop this command, push again once it is approved';
  const toTheEnd = wait >= held.within;
  const until = toTheEnd ? `until ${clock(held.deadline)}` : `for up to ${tellDuration(wait)}`;
  return [`Waiting for a decision ${until}; ${then}.`, ''];
}

/** The time that is left, in one short line. */
export function tellLeft(ms: number): string {
  return `Refgate: waiting for a decision, ${tellSpan(ms)} left`;
}

/** What was voted since, and what is missing. */
export function tellVotes(before: HeldPush, now: HeldPush, tally: readonly AskTally[]): readonly string[] {
  const known = new Set(before.votes.map(({ user, time }) => `${user} ${time}`));
  const votes = now.votes.filter(({ user, time }) => !known.has(`${user} ${time}`));
  const lines = votes.map(({ user, kind, reason }) => {
    const said = reason === undefined ? '' : `: ${reason}`;
    return `Refgate: ${user} ${did[kind]} this push${said}`;
  });
  // What a vote against, or a forced one, comes to is told next.
  if (votes.at(-1)?.kind !== 'approve' || now.state !== 'pending') return lines;
  const missing = tally
    .flatMap(({ seats }) => seats)
    .filter((seat) => seat.missing > 0)
    .map(({ seat, missing: count }) => `${count} of ${seat.of}`);
  return missing.length === 0 ? lines : [...lines, `Refgate: still missing: ${missing.join(', ')}`];
}

/** The client is let go, and what it can do then. */
export function tellStays(held: HeldPush, url: string): readonly string[] {
  const then =
    held.onApprove === 'relay'
      ? 'Once it is approved Refgate completes it by itself; fetch to see it.'
      : 'Once it is approved, push the same again and it goes through at once.';
  return ['', `The push stays held as ${held.id} until ${clock(held.deadline)}: ${url}`, `  ${then}`, ''];
}

/** Why a push that people were asked about is refused, in one line that ends with what to do. */
export function reasonOf(held: HeldPush, rule: string): Reason {
  const last = held.steps.at(-1);
  if (held.state === 'lapsed') {
    const text = `nobody approved ${held.id} within ${tellDuration(held.within)}; push again to ask anew`;
    return { rule, code: 'APPROVAL_LAPSED', text };
  }
  if (held.state === 'rejected') {
    const vote = held.votes.filter(({ kind }) => kind === 'deny').at(-1);
    const said = vote?.reason === undefined ? '' : `: ${oneLine(vote.reason)}`;
    const text = `${vote?.user ?? last?.by ?? 'a reviewer'} refused ${held.id}${said}; mend it and push again, or talk to them`;
    return { rule, code: 'APPROVAL_DENIED', text };
  }
  const by = last === undefined || last.by === 'refgate' ? '' : ` by ${last.by}`;
  const why = last?.text === undefined ? '' : `: ${oneLine(last.text)}`;
  return { rule, code: 'APPROVAL_DENIED', text: `${held.id} was ${wordOf(held)}${by}${why}; push again` };
}

const wordOf = ({ state }: HeldPush): string => (state === 'error' ? 'given up' : state);

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim();

/** `12:34 UTC`, with the day when it is not within the next 20 hours. */
function clock(time: string): string {
  const isSoon = Date.parse(time) - Date.now() < 20 * 3_600_000;
  return isSoon ? `${time.slice(11, 16)} UTC` : `${time.slice(0, 10)} ${time.slice(11, 16)} UTC`;
}

/** `1h 5m`, `12m`, `40s`. */
export function tellSpan(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 90) return `${seconds}s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 ? `${hours}h` : `${hours}h ${minutes % 60}m`;
  return `${Math.round(hours / 24)} days`;
}

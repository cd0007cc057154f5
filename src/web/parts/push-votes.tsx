import type { AskTally, HeldPush, MayVote, Vote } from '../../domain/approval.ts';
import type { Viewer } from '../viewer.ts';
import { CsrfField } from './layout.tsx';
import { peerText } from './peer-text.ts';
import { StateTag, Time } from './pieces.tsx';
import { Lines } from './push-facts.tsx';
import { timeLeft } from './time-left.ts';

/** The state of a push, what is asked, who voted, and every step: what changes while somebody looks. */
export function PushState({
  push,
  tally,
  isAttached,
  now,
}: {
  readonly push: HeldPush;
  readonly tally: readonly AskTally[];
  readonly isAttached: boolean;
  readonly now: number;
}) {
  const runs = push.state === 'pending' || push.state === 'approved';
  return (
    <section class="card push-state" data-live-region="state" aria-labelledby="state">
      <h2 id="state">
        State <StateTag state={push.state} />
      </h2>
      <p>
        {runs && (
          <>
            <b>{timeLeft(push.deadline, now)}</b>, until <Time at={push.deadline} />.{' '}
          </>
        )}
        {isAttached ? 'The client is connected and waits.' : runs && 'The client does not wait.'}
      </p>
      {tally.map((one, at) => (
        <Ask key={at} tally={one} />
      ))}
      <Votes votes={push.votes} />
      <h3>Steps</h3>
      <ol class="push-steps">
        {push.steps.map(({ state, time, by, text }, at) => (
          <li key={at}>
            <Time at={time} /> <StateTag state={state} /> by {peerText(by)}
            {text !== undefined && `: ${peerText(text)}`}
          </li>
        ))}
      </ol>
    </section>
  );
}

function Ask({ tally: { asked, seats, deniedBy, met } }: { readonly tally: AskTally }) {
  return (
    <div class="ask">
      <h3>
        {peerText(asked.rule)} <span class={`tag ${met ? 'good' : 'wait'}`}>{met ? 'met' : 'asks'}</span>
      </h3>
      <ul>
        {seats.map(({ seat, approvedBy, missing }, at) => (
          <li key={at}>
            {peerText(seat.of)}: {asked.approvals - missing} of {asked.approvals}
            {approvedBy.length > 0 && ` (${approvedBy.map(peerText).join(', ')})`}
            {missing > 0 && `, ${missing} missing`}
          </li>
        ))}
        {deniedBy.length > 0 && (
          <li class="bad-text">
            against: {deniedBy.map(peerText).join(', ')} ({asked.denials} refuse it)
          </li>
        )}
      </ul>
    </div>
  );
}

const voteNames: Readonly<Record<Vote['kind'], string>> = {
  approve: 'approved',
  deny: 'denied',
  force: 'forced',
};

function Votes({ votes }: { readonly votes: readonly Vote[] }) {
  if (votes.length === 0) return <p class="hint">Nobody has voted yet.</p>;
  return (
    <ul class="push-votes">
      {votes.map(({ user, person, kind, reason, time, via }) => (
        <li key={`${user} ${time}`}>
          <b>{peerText(user)}</b>
          {person !== user && ` (${peerText(person)})`}{' '}
          <span class={kind === 'approve' ? 'good-text' : 'bad-text'}>{voteNames[kind]}</span>{' '}
          <Time at={time} /> by {via}
          {reason !== undefined && <Lines text={reason} />}
        </li>
      ))}
    </ul>
  );
}

/** What the viewer typed before it was refused. */
export interface Draft {
  readonly form: 'vote' | 'force' | 'cancel';
  readonly reason: string;
}

/** The forms to decide, as far as this viewer may. */
export function Decision({
  push,
  may,
  viewer,
  draft,
}: {
  readonly push: HeldPush;
  readonly may: MayVote;
  readonly viewer: Viewer;
  readonly draft?: Draft | undefined;
}) {
  const at = `/-/pushes/${encodeURIComponent(push.id)}`;
  const typed = (form: Draft['form']): string => (draft?.form === form ? draft.reason : '');
  if (!may.vote && !may.force && !may.cancel)
    return may.why === undefined ? null : <p class="hint">{peerText(may.why)}</p>;
  return (
    <section class="card push-decide" aria-labelledby="decide">
      <h2 id="decide">Decide</h2>
      {may.vote ? (
        <form method="post" action={`${at}/vote`}>
          <CsrfField viewer={viewer} />
          <Reason id="reason-vote" isNeeded={may.needsReason} typed={typed('vote')} />
          <div class="row">
            <button class="primary" type="submit" name="kind" value="approve">
              Approve
            </button>
            <button class="danger" type="submit" name="kind" value="deny">
              Deny
            </button>
          </div>
        </form>
      ) : (
        may.why !== undefined && <p class="hint">{peerText(may.why)}</p>
      )}
      {may.force && (
        <details open={draft?.form === 'force'}>
          <summary>Force it without the votes</summary>
          <p>
            For emergencies: the push goes on at once, whatever is missing. Your name and reason are recorded,
            and everybody who is told of pushes is told that you forced it.
          </p>
          <form method="post" action={`${at}/vote`}>
            <CsrfField viewer={viewer} />
            <Reason id="reason-force" isNeeded typed={typed('force')} least={10} />
            <button class="danger" type="submit" name="kind" value="force">
              Force the push
            </button>
          </form>
        </details>
      )}
      {may.cancel && (
        <details open={draft?.form === 'cancel'}>
          <summary>Cancel the push</summary>
          <p>It is taken back: nothing reaches the upstream, and the client hears that it was canceled.</p>
          <form method="post" action={`${at}/cancel`}>
            <CsrfField viewer={viewer} />
            <Reason id="reason-cancel" isNeeded={false} typed={typed('cancel')} />
            <button type="submit">Cancel the push</button>
          </form>
        </details>
      )}
    </section>
  );
}

function Reason({
  id,
  isNeeded,
  typed,
  least,
}: {
  readonly id: string;
  readonly isNeeded: boolean;
  readonly typed: string;
  readonly least?: number;
}) {
  return (
    <>
      <label for={id}>
        Reason{' '}
        {isNeeded ? `(needed${least === undefined ? '' : `, at least ${least} characters`})` : '(optional)'}
      </label>
      <textarea
        id={id}
        name="reason"
        rows={3}
        maxLength={2000}
        minLength={least}
        required={isNeeded}
        value={typed}
      />
    </>
  );
}

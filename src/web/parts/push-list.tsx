import type { HeldPush } from '../../domain/approval.ts';
import type { Reason } from '../../domain/policy.ts';
import { peerText } from './peer-text.ts';
import { bytesText, counted, StateTag, Time } from './pieces.tsx';
import { timeLeft } from './time-left.ts';

/** Characters of a reason that a row of the list shows. */
const mostText = 120;

/** What a row shows beside the push itself. */
export interface PushRow {
  readonly push: HeldPush;
  readonly isAttached: boolean;
  /** Votes for and against so far. */
  readonly votes: { readonly approve: number; readonly deny: number };
}

/** Held pushes as a table, newest first. */
export function PushTable({ rows, now }: { readonly rows: readonly PushRow[]; readonly now: number }) {
  return (
    <div class="scroll">
      <table class="pushes">
        <caption class="unseen">Held pushes, newest first</caption>
        <thead>
          <tr>
            <th scope="col">Push</th>
            <th scope="col">State</th>
            <th scope="col">By</th>
            <th scope="col">Repository and refs</th>
            <th scope="col">Size</th>
            <th scope="col">Why it is held</th>
            <th scope="col">Votes</th>
            <th scope="col">Time</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Row key={row.push.id} row={row} now={now} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ row, now }: { readonly row: PushRow; readonly now: number }) {
  const { push, isAttached, votes } = row;
  return (
    <tr>
      <th scope="row">
        <a href={`/-/pushes/${encodeURIComponent(push.id)}`}>{push.id}</a>
      </th>
      <td>
        <StateTag state={push.state} /> {isAttached && <span class="tag mild">client waits</span>}
      </td>
      <td>
        <Author push={push} />
      </td>
      <td>
        <code>{peerText(push.repo)}</code>
        <br />
        <code>{peerText(push.refs[0]?.ref ?? '')}</code>
        {push.refs.length > 1 && ` +${push.refs.length - 1}`}
      </td>
      <td>{sizeText(push)}</td>
      <td>
        <Why push={push} />
      </td>
      <td>
        {votes.approve} for
        {votes.deny > 0 && <span class="bad-text">, {votes.deny} against</span>}
      </td>
      <td>
        <Time at={push.openedAt} age />
        {(push.state === 'pending' || push.state === 'approved') && (
          <>
            <br />
            {timeLeft(push.deadline, now)}
          </>
        )}
      </td>
    </tr>
  );
}

/** Who pushed; what is not a person is said to be a service. */
export function Author({ push }: { readonly push: HeldPush }) {
  return (
    <>
      {peerText(push.principal.user)}{' '}
      {push.principal.kind === 'service' && <span class="tag mild">service</span>}
    </>
  );
}

/** The first rule that asked, with the first line of what it says. */
function Why({ push }: { readonly push: HeldPush }) {
  const asking = push.verdicts.find(({ effect }) => effect === 'ask');
  const reason = asking?.reasons[0];
  if (reason === undefined) return <>{peerText(push.asks[0]?.rule ?? '')}</>;
  const text = withoutRule(reason).split('\n', 1)[0] ?? '';
  return (
    <>
      <b>{peerText(reason.rule)}</b>
      {`: ${peerText(text.length > mostText ? `${text.slice(0, mostText - 1)}…` : text)}`}
    </>
  );
}

/** Counts of what the push brings. */
export function sizeText({ commits, changes, findings, pack }: HeldPush): string {
  const parts = [counted(commits, 'commit'), counted(changes, 'file')];
  if (pack !== undefined) parts.push(bytesText(pack.bytes));
  if (findings > 0) parts.push(counted(findings, 'finding'));
  return parts.join(', ');
}

/** Most reasons begin with the name of their rule, which stands beside them already. */
export function withoutRule({ rule, text }: Reason): string {
  return text.startsWith(`${rule}: `) ? text.slice(rule.length + 2) : text;
}

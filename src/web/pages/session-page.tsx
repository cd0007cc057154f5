import { type ComponentChildren, Fragment } from 'preact';
import type { EventCode, LedgerEvent } from '../../domain/record.ts';
import { peerText } from '../parts/peer-text.ts';
import { bytesText, StateTag, Time } from '../parts/pieces.tsx';
import { tellEvent } from '../parts/tell-event.tsx';

/** Events that one page shows at most, and characters of the JSON of each. */
const maxEvents = 300;
const maxJson = 32_768;

/** One session as a timeline, with what was recorded about it after its end. `linksPolicy`: whether the viewer may read the policy. */
export function SessionPage({
  events,
  linksPolicy,
}: {
  readonly events: readonly LedgerEvent[];
  readonly linksPolicy: boolean;
}) {
  const start = Date.parse(events[0]?.time ?? '');
  const id = events[0]?.session ?? '';
  const push = heldPushOf(events);
  return (
    <>
      <Head events={events} push={push} />
      <h2>What happened</h2>
      <ol class="look-timeline">
        {events.slice(0, maxEvents).map((event) => (
          <Event key={event.seq} event={event} start={start} linksPolicy={linksPolicy} />
        ))}
      </ol>
      {events.length > maxEvents && (
        <p class="hint">
          {`The first ${maxEvents} of ${events.length} events; `}
          <code>{`refgate session show ${id}`}</code> prints all of them.
        </p>
      )}
    </>
  );
}

/** Whose session it is; undefined when nobody was proved. */
export function userOf(events: readonly LedgerEvent[]): string | undefined {
  return find(events, 'session.authenticated')?.data.user;
}

function heldPushOf(events: readonly LedgerEvent[]): string | undefined {
  const held = find(events, 'push.held') ?? find(events, 'push.joined') ?? find(events, 'push.claimed');
  return held?.data.push ?? find(events, 'push.decided')?.data.held;
}

function find<C extends EventCode>(events: readonly LedgerEvent[], code: C): LedgerEvent<C> | undefined {
  return events.find((event): event is LedgerEvent<C> => event.code === code);
}

function Head({
  events,
  push,
}: {
  readonly events: readonly LedgerEvent[];
  readonly push: string | undefined;
}) {
  const opened = find(events, 'session.opened');
  const closed = events.findLast(
    (event): event is LedgerEvent<'session.closed'> => event.code === 'session.closed',
  );
  const facts: readonly (readonly [string, ComponentChildren])[] = [
    ['Outcome', <StateTag key="outcome" state={closed?.data.outcome ?? 'open'} />],
    ['User', peerText(userOf(events) ?? 'nobody was proved')],
    ...(opened === undefined
      ? []
      : [
          ['Repository', peerText(opened.data.repo)] as const,
          [
            'What',
            `${opened.data.service} over ${opened.data.transport}, from ${peerText(opened.data.address)}`,
          ] as const,
          ['Opened', <Time key="opened" at={opened.time} />] as const,
        ]),
    ...(closed === undefined
      ? []
      : [
          ['Closed', <Time key="closed" at={closed.time} />] as const,
          ['Bytes', `${bytesText(closed.data.bytesIn)} in, ${bytesText(closed.data.bytesOut)} out`] as const,
        ]),
    ...(push === undefined
      ? []
      : [
          [
            'Held push',
            <a key="push" href={`/-/pushes/${encodeURIComponent(push)}`}>
              {peerText(push)}
            </a>,
          ] as const,
        ]),
  ];
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <Fragment key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </Fragment>
      ))}
    </dl>
  );
}

function Event({
  event,
  start,
  linksPolicy,
}: {
  readonly event: LedgerEvent;
  readonly start: number;
  readonly linksPolicy: boolean;
}) {
  const { title, tone, body } = tellEvent(event, linksPolicy);
  const json = JSON.stringify(event, null, 2);
  return (
    <li class={tone}>
      <p class="when">
        <Time at={event.time} /> <span class="muted">{offsetText(Date.parse(event.time) - start)}</span>
      </p>
      <div class="what">
        <p class="title">
          <strong>{title}</strong> <span class="muted">by {peerText(event.actor)}</span>
        </p>
        {body}
        <details>
          <summary>
            {`Event ${event.seq}, `}
            <code>{event.code}</code>
          </summary>
          <pre class="scroll">{peerText(json.slice(0, maxJson))}</pre>
          {json.length > maxJson && (
            <p class="hint">The rest is left out here; the command line prints it.</p>
          )}
        </details>
      </div>
    </li>
  );
}

function offsetText(ms: number): string {
  if (ms <= 0) return '+0 ms';
  if (ms < 10_000) return `+${ms} ms`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `+${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `+${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `+${hours} h` : `+${Math.round(hours / 24)} d`;
}

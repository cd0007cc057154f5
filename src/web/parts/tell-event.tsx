import type { Finding, UnknownFact } from '../../domain/facts.ts';
import type { RefReport } from '../../domain/git.ts';
import type { RefVerdict } from '../../domain/policy.ts';
import type { EventPayloads, LedgerEvent } from '../../domain/record.ts';
import { peerText } from './peer-text.ts';
import { bytesText, counted, effectTones, Time } from './pieces.tsx';
import { withoutRule } from './push-list.tsx';
import { adminMaskTellers, toldRestored, viewTexts } from './tell-masking.tsx';
import { More, maxRows, type Tellers, type ToldEvent, Updates } from './told.tsx';

/** What one event of a session says, with links to the policy where these are wanted. One that has no words of its own is told by its code. */
export function tellEvent(event: LedgerEvent, linksPolicy: boolean): ToldEvent {
  const tell = tellers[event.code] as
    | ((data: LedgerEvent['data'], linksPolicy: boolean) => ToldEvent)
    | undefined;
  return tell?.(event.data, linksPolicy) ?? { title: event.code, tone: 'mild' };
}

const tellers: Tellers = {
  'session.opened': ({ transport, mode, service, version, repo, address }) => ({
    title: `${service} of ${peerText(repo)} asked for`,
    tone: 'mild',
    body: (
      <p>{`over ${transport}${mode === 'stateful' ? '' : ` (${mode})`}, protocol version ${version}, from ${peerText(address)}`}</p>
    ),
  }),
  'session.authenticated': ({ user, kind, groups, credential }) => ({
    title: `${peerText(user)} came in with ${credential.type === 'token' ? 'a token' : 'an SSH key'}`,
    tone: 'mild',
    body: (
      <p>
        {`${peerText(kind)}, groups: ${groups.map(peerText).join(', ') || 'none'}; `}
        <code>{peerText(credential.id)}</code>
      </p>
    ),
  }),
  'fetch.requested': (data) => ({
    title: data.refPrefixes === undefined ? 'Objects wanted' : 'Refs asked for',
    tone: 'mild',
    body: <p>{fetchText(data)}</p>,
  }),
  'fetch.served': ({ bytes, refs, pack }) => ({
    title: pack ? 'Pack sent' : 'Answered',
    tone: 'good',
    body: <p>{`${bytesText(bytes)}${refs > 0 ? `, ${refs} refs` : ''}`}</p>,
  }),
  'archive.requested': ({ target, view, args }) => ({
    title: 'Archive asked for',
    tone: 'mild',
    body: (
      <p>{`${args.slice(0, maxRows).map(peerText).join(' ')} of ${peerText(target)}, ${viewTexts[view]}`}</p>
    ),
  }),
  'archive.served': ({ bytes }) => ({ title: 'Archive sent', tone: 'good', body: <p>{bytesText(bytes)}</p> }),
  'push.requested': ({ target, updates, pushOptions, atomic, agent, view }) => ({
    title: `Push of ${counted(updates.length, 'ref')}${atomic ? ', all or none' : ''}`,
    tone: 'mild',
    body: (
      <>
        <Updates updates={updates} />
        <p>{`to ${peerText(target)}${agent === undefined ? '' : `, by ${peerText(agent)}`}`}</p>
        {view !== undefined && <p>{`${viewTexts[view]}: these are oids of the view`}</p>}
        {pushOptions.length > 0 && (
          <p>{`push options: ${pushOptions.slice(0, maxRows).map(peerText).join(', ')}`}</p>
        )}
      </>
    ),
  }),
  'push.restored': (data) => toldRestored(data),
  'push.inspected': (data) => inspected(data),
  'push.decided': ({ refs, policyVersion, relay, held }, linksPolicy) => ({
    title: relay.length === 0 ? 'Refused' : relay.length < refs.length ? 'Refused in part' : 'Let through',
    tone: relay.length === 0 ? 'bad' : relay.length < refs.length ? 'wait' : 'good',
    body: (
      <>
        <Verdicts refs={refs} />
        <p>
          {held === undefined ? 'by policy ' : `people decided it as ${peerText(held)}, by policy `}
          <PolicyLink version={policyVersion} isLink={linksPolicy} />
        </p>
      </>
    ),
  }),
  'push.held': ({ push, refs, asks, onApprove, deadline, policyVersion }, linksPolicy) => ({
    title: `Held as ${peerText(push)}, to be approved`,
    tone: 'wait',
    body: (
      <>
        <Verdicts refs={refs} />
        <ul>
          {asks.slice(0, maxRows).map(({ rule, approvals, seats }) => (
            <li key={rule}>
              {`${peerText(rule)}: ${counted(approvals, 'approval')} of ${seats.map(({ of }) => peerText(of)).join(', and of ')}`}
            </li>
          ))}
        </ul>
        <p>
          {'until '}
          <Time at={deadline} />
          {`; then ${onApprove === 'relay' ? 'Refgate relays it' : 'it is pushed again'}; by policy `}
          <PolicyLink version={policyVersion} isLink={linksPolicy} />
        </p>
      </>
    ),
  }),
  'push.joined': ({ push }) => ({ title: `Joined ${peerText(push)}, which waits already`, tone: 'wait' }),
  'push.detached': ({ push }) => ({
    title: `The client went; ${peerText(push)} goes on waiting`,
    tone: 'wait',
  }),
  'push.voted': ({ push, vote, reason, groups, via, credential }) => ({
    title: `Vote on ${peerText(push)}: ${vote}`,
    tone: vote === 'deny' ? 'bad' : 'good',
    body: (
      <>
        <Words text={reason} />
        <p>{`by ${via} with ${credential.type}, groups: ${groups.map(peerText).join(', ') || 'none'}`}</p>
      </>
    ),
  }),
  'push.approved': ({ push, by, forced, deadline }) => ({
    title: `${peerText(push)} ${forced === undefined ? 'approved' : 'forced'} by ${namesOf(by)}`,
    tone: forced === undefined ? 'good' : 'wait',
    body: (
      <>
        <Words text={forced} />
        <p>
          {'it may go until '}
          <Time at={deadline} />
        </p>
      </>
    ),
  }),
  'push.rejected': ({ push, by, reason }) => ({
    title: `${peerText(push)} rejected by ${namesOf(by)}`,
    tone: 'bad',
    body: <Words text={reason} />,
  }),
  'push.canceled': ({ push, reason }) => ({
    title: `${peerText(push)} canceled`,
    tone: 'mild',
    body: <Words text={reason} />,
  }),
  'push.lapsed': ({ push, from }) => ({
    title: `The time of ${peerText(push)} was up`,
    tone: 'bad',
    body: (
      <p>{from === 'approved' ? 'it was approved and not pushed in time' : 'nobody decided it in time'}</p>
    ),
  }),
  'push.claimed': ({ push, session }) => ({
    title: `The approval of ${peerText(push)} is used`,
    tone: 'mild',
    body: (
      <p>
        by session <a href={`/-/sessions/${encodeURIComponent(session)}`}>{peerText(session)}</a>
      </p>
    ),
  }),
  'push.forwarded': ({ push, reports }) => ({
    title: `${peerText(push)} forwarded`,
    tone: reports.every(({ ok }) => ok) ? 'good' : 'bad',
    body: <Reports reports={reports} />,
  }),
  'push.failed': ({ push, code, text }) => ({
    title: `${peerText(push)} failed`,
    tone: 'bad',
    body: (
      <p>
        <code>{peerText(code)}</code> {peerText(text)}
      </p>
    ),
  }),
  'push.relayed': ({ updates }) => ({
    title: 'Handed to the agent',
    tone: 'mild',
    body: <Updates updates={updates} />,
  }),
  'push.reported': ({ unpack, reports }) => ({
    title: 'The upstream answered',
    tone: unpack === 'ok' && reports.every(({ ok }) => ok) ? 'good' : 'bad',
    body: (
      <>
        {unpack !== 'ok' && <p>{`unpack: ${peerText(unpack)}`}</p>}
        <Reports reports={reports} />
      </>
    ),
  }),
  'push.settled': ({ refs }) => ({
    title: 'Settled by looking at the upstream',
    tone: refs.every(({ outcome }) => outcome === 'applied') ? 'good' : 'wait',
    body: (
      <ul>
        {refs.slice(0, maxRows).map(({ ref, outcome }) => (
          <li key={ref}>
            <code class="ref">{peerText(ref)}</code> {outcome}
          </li>
        ))}
        <More of={refs.length} />
      </ul>
    ),
  }),
  ...adminMaskTellers,
  'session.closed': ({ outcome, code, detail }) => ({
    title: `Closed: ${outcome}`,
    tone:
      outcome === 'ok'
        ? 'good'
        : outcome === 'held' || outcome === 'partial'
          ? 'wait'
          : outcome === 'aborted'
            ? 'mild'
            : 'bad',
    body:
      code === undefined ? undefined : (
        <p>
          <code>{code}</code> {peerText(detail ?? '')}
        </p>
      ),
  }),
};

function inspected({
  refs,
  objects,
  bytes,
  contents,
  findings = [],
  unknowns = [],
  hidden,
}: EventPayloads['push.inspected']): ToldEvent {
  const commits = contents?.reduce((sum, one) => sum + one.commits, 0) ?? 0;
  const changes = contents?.reduce((sum, one) => sum + one.changes, 0) ?? 0;
  const forced = refs.filter(({ kind, fastForward }) => kind === 'update' && fastForward !== true);
  const found = findings.length > 0 || unknowns.length > 0 || hidden !== undefined;
  return {
    title: `Inspected: ${counted(commits, 'commit')}, ${counted(changes, 'changed path')}`,
    tone: found ? 'wait' : 'mild',
    body: (
      <>
        <p>{`${counted(objects, 'object')}, ${bytesText(bytes)}`}</p>
        {forced.length > 0 && (
          <p>{`not a fast-forward: ${forced
            .slice(0, maxRows)
            .map(({ ref }) => peerText(ref))
            .join(', ')}`}</p>
        )}
        {hidden !== undefined && <p>{`${counted(hidden.count, 'object')} that no ref reaches`}</p>}
        <Findings findings={findings} />
        <Unknowns unknowns={unknowns} />
      </>
    ),
  };
}

function fetchText({
  target,
  refPrefixes,
  refPrefixCount,
  wantCount,
  haveCount,
  filter,
  depth,
  view,
}: EventPayloads['fetch.requested']): string {
  const parts = [
    refPrefixes === undefined
      ? undefined
      : refPrefixes.length === 0
        ? 'all refs'
        : `beginning with ${refPrefixes.slice(0, 10).map(peerText).join(', ')}${(refPrefixCount ?? refPrefixes.length) > 10 ? ' and others' : ''}`,
    wantCount === undefined ? undefined : counted(wantCount, 'want'),
    haveCount === undefined ? undefined : counted(haveCount, 'have'),
    filter === undefined ? undefined : `filter ${peerText(filter)}`,
    depth === undefined ? undefined : `depth ${depth}`,
    `of ${peerText(target)}`,
    view === undefined ? undefined : viewTexts[view],
  ];
  return parts.filter((part) => part !== undefined).join(', ');
}

function Verdicts({ refs }: { readonly refs: readonly RefVerdict[] }) {
  return (
    <ul>
      {refs.slice(0, maxRows).map(({ ref, effect, reasons, warnings = [] }) => (
        <li key={ref}>
          <code class="ref">{peerText(ref)}</code> <span class={`tag ${effectTones[effect]}`}>{effect}</span>
          {reasons.length + warnings.length > 0 && (
            <ul>
              {[...reasons, ...warnings].slice(0, maxRows).map((reason, at) => (
                <li key={at}>
                  <strong>{peerText(reason.rule)}</strong>: {peerText(withoutRule(reason))}
                </li>
              ))}
            </ul>
          )}
        </li>
      ))}
      <More of={refs.length} />
    </ul>
  );
}

function Reports({ reports }: { readonly reports: readonly RefReport[] }) {
  return (
    <ul>
      {reports.slice(0, maxRows).map(({ ref, ok, reason }) => (
        <li key={ref}>
          <code class="ref">{peerText(ref)}</code>{' '}
          <span class={`tag ${ok ? 'good' : 'bad'}`}>{ok ? 'ok' : 'ng'}</span> {peerText(reason ?? '')}
        </li>
      ))}
      <More of={reports.length} />
    </ul>
  );
}

function Findings({ findings }: { readonly findings: readonly Finding[] }) {
  if (findings.length === 0) return null;
  return (
    <ul>
      {findings.slice(0, maxRows).map(({ rule, confidence, place, path, line, sample, state }, at) => (
        <li key={at}>
          <strong>{peerText(rule)}</strong> {`(${confidence}${state === 'baseline' ? ', accepted' : ''}) in `}
          <code>{`${path === undefined ? place : peerText(path)}${line === undefined ? '' : `:${line}`}`}</code>{' '}
          <code>{peerText(sample)}</code>
        </li>
      ))}
      <More of={findings.length} />
    </ul>
  );
}

function Unknowns({ unknowns }: { readonly unknowns: readonly UnknownFact[] }) {
  if (unknowns.length === 0) return null;
  return (
    <ul>
      {unknowns.slice(0, maxRows).map(({ text }, at) => (
        <li key={at}>not known: {peerText(text)}</li>
      ))}
      <More of={unknowns.length} />
    </ul>
  );
}

function Words({ text }: { readonly text: string | undefined }) {
  return text === undefined ? null : <blockquote>{peerText(text)}</blockquote>;
}

function PolicyLink({ version, isLink }: { readonly version: string; readonly isLink: boolean }) {
  const name = <code>{peerText(version)}</code>;
  return isLink ? <a href={`/-/policy/versions/${encodeURIComponent(version)}`}>{name}</a> : name;
}

function namesOf(names: readonly string[]): string {
  return names.map(peerText).join(', ') || 'nobody';
}

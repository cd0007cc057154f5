import type { ComponentChildren } from 'preact';
import type { HeldPush } from '../../domain/approval.ts';
import type { Reason, RefVerdict } from '../../domain/policy.ts';
import type { RefFacts } from '../../domain/session.ts';
import type { RestoredFacts } from '../read-restored.ts';
import { seesAll, type Viewer } from '../viewer.ts';
import { peerText } from './peer-text.ts';
import { effectTones, ShortOid, Time } from './pieces.tsx';
import { Author, sizeText, withoutRule } from './push-list.tsx';
import { Placeholders } from './tell-masking.tsx';

/** Refs of one push that the page lists; more are counted. */
const mostRefs = 100;

/** Who pushed, from where, with what, and when. */
export function PushFacts({ push, viewer }: { readonly push: HeldPush; readonly viewer: Viewer }) {
  const { credential } = push.principal;
  const all = seesAll(viewer);
  const session = encodeURIComponent(push.session);
  const policy = encodeURIComponent(push.policyVersion);
  return (
    <dl class="facts">
      <Fact name="By">
        <Author push={push} />
      </Fact>
      <Fact name="From">
        <code>{peerText(push.address)}</code> over {push.transport.toUpperCase()}
      </Fact>
      <Fact name={credential.type === 'token' ? 'Token' : 'SSH key'}>
        <code>{peerText(credential.id)}</code>
      </Fact>
      <Fact name="Repository">
        <code>{peerText(push.repo)}</code>
      </Fact>
      <Fact name="Brings">{sizeText(push)}</Fact>
      <Fact name="Pushed">
        <Time at={push.openedAt} />
      </Fact>
      <Fact name="Policy">
        {all ? (
          <a href={`/-/policy/versions/${policy}`}>{peerText(push.policyVersion)}</a>
        ) : (
          <code>{peerText(push.policyVersion)}</code>
        )}
      </Fact>
      <Fact name="Session">
        {all || push.principal.user === viewer.user.name ? (
          <a href={`/-/sessions/${session}`}>{peerText(push.session)}</a>
        ) : (
          <code>{peerText(push.session)}</code>
        )}
      </Fact>
      <Fact name="Once approved">
        {push.onApprove === 'relay' ? 'Refgate sends it on' : 'the same push passes when it is pushed again'}
        {push.atomic && ', all refs or none'}
      </Fact>
      {push.pushOptions.length > 0 && (
        <Fact name="Push options">
          {push.pushOptions.map((option, at) => (
            <code key={at}>{peerText(option)} </code>
          ))}
        </Fact>
      )}
    </dl>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

/** Every ref with what would become of it, and what the policy says. */
export function PushRefs({
  push,
  restored,
}: {
  readonly push: HeldPush;
  readonly restored?: RestoredFacts | undefined;
}) {
  const more = push.refs.length - mostRefs;
  return (
    <section aria-labelledby="refs">
      <h2 id="refs">Refs</h2>
      <div class="scroll">
        <table class="push-refs">
          <caption class="unseen">Ref updates of the push</caption>
          <thead>
            <tr>
              <th scope="col">Ref</th>
              <th scope="col">Change</th>
              <th scope="col">Old</th>
              <th scope="col">New</th>
              <th scope="col">Policy says</th>
              {push.reports !== undefined && <th scope="col">Upstream said</th>}
            </tr>
          </thead>
          <tbody>
            {push.refs.slice(0, mostRefs).map((ref, at) => (
              <tr key={ref.ref}>
                <th scope="row">
                  <code>{peerText(ref.ref)}</code>
                </th>
                <td>
                  <Change facts={ref} />
                </td>
                <td>
                  <ShortOid oid={ref.oldOid} />
                </td>
                <td>
                  <ShortOid oid={ref.newOid} />
                  <InTheView oid={ref.newOid} restored={restored} />
                </td>
                <td>
                  <EffectTag effect={push.verdicts[at]?.effect} />
                </td>
                {push.reports !== undefined && <td>{reportOf(push, ref.ref)}</td>}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {more > 0 && <p class="hint">{more} more refs are not listed.</p>}
      {restored !== undefined && restored.placeholders.length > 0 && (
        <>
          <h3>Placeholders out of place</h3>
          <p class="hint">
            Upstream gets the secret that each of them stands for, at a place where it was not.
          </p>
          <Placeholders uses={restored.placeholders} />
        </>
      )}
      <Rules verdicts={push.verdicts.slice(0, mostRefs)} />
    </section>
  );
}

/** What who pushed sees in the place of the original. */
function InTheView({
  oid,
  restored,
}: {
  readonly oid: string;
  readonly restored: RestoredFacts | undefined;
}) {
  const pair = restored?.pairs.find(({ original }) => original === oid);
  if (pair === undefined || pair.view === pair.original) return null;
  return (
    <span class="hint">
      {' in the view '}
      <ShortOid oid={pair.view} />
    </span>
  );
}

function reportOf({ reports = [] }: HeldPush, ref: string): string {
  const report = reports.find((one) => one.ref === ref);
  if (report === undefined) return 'not sent';
  return report.ok ? 'ok' : peerText(report.reason ?? 'refused');
}

function Change({ facts: { kind, fastForward } }: { readonly facts: RefFacts }) {
  if (kind !== 'update') return <>{kind}</>;
  if (fastForward === true) return <>update, fast-forward</>;
  return (
    <b class="bad-text">
      {fastForward === 'unknown' ? 'update, ancestry unknown' : 'update, non-fast-forward'}
    </b>
  );
}

function EffectTag({ effect }: { readonly effect: RefVerdict['effect'] | undefined }) {
  return effect === undefined ? null : <span class={`tag ${effectTones[effect]}`}>{effect}</span>;
}

/** What the rules said: each sentence once, with the refs that it is about counted. */
function Rules({ verdicts }: { readonly verdicts: readonly RefVerdict[] }) {
  const said = new Map<string, { readonly how: string; readonly reason: Reason; readonly refs: string[] }>();
  const add = (how: string, reason: Reason, ref: string): void => {
    const key = [how, reason.rule, reason.text].join('\0');
    const known = said.get(key);
    if (known === undefined) said.set(key, { how, reason, refs: [ref] });
    else known.refs.push(ref);
  };
  for (const { ref, effect, reasons, warnings = [], wouldSay = [] } of verdicts) {
    for (const reason of reasons)
      add(effect === 'ask' || reason.code === 'APPROVAL_REQUIRED' ? 'ask' : 'deny', reason, ref);
    for (const reason of warnings) add('warn', reason, ref);
    for (const reason of wouldSay) add(`would ${reason.effect} (on trial)`, reason, ref);
  }
  if (said.size === 0) return null;
  return (
    <>
      <h3>Why it is held</h3>
      <ul class="push-rules">
        {[...said].slice(0, mostRefs).map(([key, { how, reason, refs }]) => (
          <li key={key}>
            <span class={`tag ${how === 'ask' ? 'wait' : how === 'deny' ? 'bad' : 'mild'}`}>{how}</span>{' '}
            <b>{peerText(reason.rule)}</b>
            {refs.length < verdicts.length && (
              <>
                {' on '}
                <code>{peerText(refs[0] ?? '')}</code>
                {refs.length > 1 && ` +${refs.length - 1}`}
              </>
            )}
            <Lines text={withoutRule(reason)} />
          </li>
        ))}
      </ul>
    </>
  );
}

/** Text of several lines, each safe by itself. */
export function Lines({ text }: { readonly text: string }) {
  return (
    <p class="lines">
      {text
        .trimEnd()
        .split('\n')
        .map((line, at) => [at > 0 && <br key={`${at}-br`} />, peerText(line)])}
    </p>
  );
}

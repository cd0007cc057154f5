import type { ComponentChildren } from 'preact';
import type { AllowedValue, MaskPreview, MaskStatus, MaskValue } from '../../domain/mask.ts';
import { isBusy } from '../mask-words.ts';
import { CsrfField } from '../parts/layout.tsx';
import { MaskTag, maskHref, Progress } from '../parts/mask-table.tsx';
import { peerText } from '../parts/peer-text.ts';
import { bytesText, Message, ShortOid, Time } from '../parts/pieces.tsx';
import type { Viewer } from '../viewer.ts';
import { ConfirmForm } from './person-forms.tsx';

/** Values that one page lists; the command line prints all. */
const mostValues = 200;

/** How far the view of one repository is. */
export function MaskFacts({
  status,
  isSearched,
}: {
  readonly status: MaskStatus;
  readonly isSearched: boolean;
}) {
  const { state, enabled, target, problem, epoch, commits, changedCommits, values, bytes, syncedAt } = status;
  return (
    <>
      {problem !== undefined && <Message tone="bad">{peerText(problem)}</Message>}
      <dl class="facts">
        <Fact name="State">
          <MaskTag state={state} /> <span class="muted">{meanings[state]}</span>
        </Fact>
        {(status.progress !== undefined || isSearched) && (
          <Fact name="Progress">
            {status.progress === undefined ? 'it is being searched' : <Progress status={status} />}
          </Fact>
        )}
        <Fact name="Goes to">
          <code>{peerText(target.path)}</code> on {peerText(target.upstream)}
        </Fact>
        <Fact name="Enabled">{enabled ? 'yes' : 'no'}</Fact>
        {values !== undefined && <Fact name="Masked values">{values}</Fact>}
        {commits !== undefined && (
          <Fact name="Changed commits">{`${changedCommits ?? 0} of ${commits}`}</Fact>
        )}
        {epoch !== undefined && <Fact name="Epoch">{epoch}</Fact>}
        {syncedAt !== undefined && (
          <Fact name="As the upstream was">
            <Time at={syncedAt} age />
          </Fact>
        )}
        {bytes !== undefined && <Fact name="Disk">{bytesText(bytes)}</Fact>}
      </dl>
      {(isBusy(status) || isSearched) && (
        <p class="hint">
          This changes by itself as it goes on; <a href={maskHref(status.repo)}>load it now</a>.
        </p>
      )}
    </>
  );
}

const meanings: Readonly<Record<MaskStatus['state'], string>> = {
  unknown: 'nobody has searched it',
  scanning: 'it is being searched',
  review: 'something was found: an administrator shows in clear what is no secret, and then enables it',
  building: 'the first view is being made',
  ready: 'it is served',
  stopped: 'an administrator stopped it',
  failed: 'see the problem',
};

function Fact({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

/** What an administrator may do in this state. */
export function MaskChanges({ viewer, status }: { readonly viewer: Viewer; readonly status: MaskStatus }) {
  const { repo, state, enabled } = status;
  const form = { viewer, fields: { repo } };
  // What it would change is looked at first.
  if (state === 'unknown') return null;
  return (
    <div class="card">
      <h2>Change</h2>
      {!enabled && (
        <ConfirmForm
          {...form}
          action="/-/masking/enable"
          summary="Enable"
          button="Make the view and serve it"
        >
          Who reads masked gets the repository with placeholders in place of these values, as soon as the view
          is made.
        </ConfirmForm>
      )}
      {isBusy(status) && (
        <ConfirmForm {...form} action="/-/masking/stop" summary="Stop" button="Stop what is being made">
          What is done is kept, and it can go on later.
        </ConfirmForm>
      )}
      {(state === 'stopped' || state === 'failed') && (
        <ConfirmForm {...form} action="/-/masking/resume" summary="Resume" button="Go on">
          It goes on where it was.
        </ConfirmForm>
      )}
      {enabled && (
        <>
          <ConfirmForm {...form} action="/-/masking/rebuild" summary="Rebuild" button="Make the view anew">
            The view is made anew from the originals, beside the one that is served.
          </ConfirmForm>
          <ConfirmForm
            {...form}
            action="/-/masking/disable"
            summary="Disable"
            button="Serve no view any more"
          >
            Who reads masked gets nothing of this repository any more, and clones that they have cannot push.
          </ConfirmForm>
        </>
      )}
    </div>
  );
}

/** Searches the repository. */
export function PreviewForm({
  viewer,
  repo,
  isNew,
}: {
  readonly viewer: Viewer;
  readonly repo: string;
  readonly isNew: boolean;
}) {
  if (viewer.user.role !== 'admin') return null;
  return (
    <form method="post" action="/-/masking/preview">
      <CsrfField viewer={viewer} />
      <input type="hidden" name="repo" value={repo} />
      <button class={isNew ? 'primary' : undefined} type="submit">
        {isNew ? 'Search it with its whole history' : 'Search again'}
      </button>
    </form>
  );
}

/** The values of a preview, those that change most commits first, each with the way to show it in clear. */
export function MaskedValues({
  viewer,
  preview,
}: {
  readonly viewer: Viewer;
  readonly preview: MaskPreview;
}) {
  const { repo, values, valueCount, unscanned, unscannedCount, hiddenRefs } = preview;
  const more = valueCount - Math.min(values.length, mostValues);
  return (
    <>
      {values.length > 0 && <ValueTable viewer={viewer} repo={repo} values={values.slice(0, mostValues)} />}
      {more > 0 && <p class="hint">{`${more} more values: refgate mask preview ${repo} --last --json`}</p>}
      {hiddenRefs > 0 && (
        <p>{`Refs that readers of the view are not shown, since their names hold a secret: ${hiddenRefs}.`}</p>
      )}
      {unscannedCount > 0 && (
        <details>
          <summary>{`${unscannedCount} objects could not be searched, and are masked as a whole`}</summary>
          <ul>
            {unscanned.map((line, at) => (
              <li key={at}>
                <code>{peerText(line)}</code>
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

function ValueTable({
  viewer,
  repo,
  values,
}: {
  readonly viewer: Viewer;
  readonly repo: string;
  readonly values: readonly MaskValue[];
}) {
  const mayChange = viewer.user.role === 'admin';
  return (
    <div class="scroll">
      <table>
        <caption class="unseen">Values that a view would mask, those that change most commits first</caption>
        <thead>
          <tr>
            <th scope="col">Value, masked</th>
            <th scope="col">Rule</th>
            <th scope="col">Confidence</th>
            <th scope="col" class="number">
              Commits
            </th>
            <th scope="col" class="number">
              Objects
            </th>
            <th scope="col">First seen</th>
            <th scope="col">Fingerprint</th>
            <th scope="col">{mayChange ? 'Change' : 'State'}</th>
          </tr>
        </thead>
        <tbody>
          {values.map((value) => (
            <tr key={value.fingerprint}>
              <th scope="row">
                <code>{peerText(value.sample)}</code>
              </th>
              <td>{peerText(value.rule)}</td>
              <td>{value.confidence}</td>
              <td class="number">{value.commits}</td>
              <td class="number">{value.objects}</td>
              <td>
                {value.path === undefined ? (
                  `the text of a ${value.commit === undefined ? 'tag' : 'commit'}`
                ) : (
                  <code>{peerText(value.path)}</code>
                )}{' '}
                {value.commit !== undefined && (
                  <>
                    @ <ShortOid oid={value.commit} />
                  </>
                )}
              </td>
              <td>
                <ShortOid oid={value.fingerprint} />
              </td>
              <td>
                {value.allowed !== undefined && <span class="tag good">shown in clear</span>}
                {value.allowed === undefined && mayChange && (
                  <AllowForm viewer={viewer} repo={repo} value={value} />
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function AllowForm({
  viewer,
  repo,
  value,
}: {
  readonly viewer: Viewer;
  readonly repo: string;
  readonly value: MaskValue;
}) {
  const id = `reason-${value.fingerprint}`;
  return (
    <details>
      <summary>Show in clear</summary>
      <form method="post" action="/-/masking/allow">
        <CsrfField viewer={viewer} />
        <input type="hidden" name="repo" value={repo} />
        <input type="hidden" name="fingerprint" value={value.fingerprint} />
        <p>
          <label for={id}>Why it is no secret</label>
          <input id={id} name="reason" required minLength={3} maxLength={512} autocomplete="off" />
        </p>
        <p>
          <label for={`${id}-where`}>Where</label>
          <select id={`${id}-where`} name="where">
            <option value="here">in this repository</option>
            <option value="all">in every repository</option>
          </select>
        </p>
        <button type="submit">Show it in clear</button>
      </form>
    </details>
  );
}

/** What is shown in clear, and the way back. */
export function AllowedValues({
  viewer,
  values,
  back,
  repo,
}: {
  readonly viewer: Viewer;
  readonly values: readonly AllowedValue[];
  readonly back: string;
  readonly repo?: string;
}) {
  if (values.length === 0) return null;
  const mayChange = viewer.user.role === 'admin';
  return (
    <>
      <h2>Shown in clear</h2>
      <div class="scroll">
        <table>
          <caption class="unseen">Values that are shown in clear</caption>
          <thead>
            <tr>
              <th scope="col">Fingerprint</th>
              <th scope="col">Where</th>
              <th scope="col">Why</th>
              <th scope="col">Since</th>
              {mayChange && <th scope="col">Change</th>}
            </tr>
          </thead>
          <tbody>
            {values.map((value) => (
              <tr key={`${value.fingerprint} ${value.repo ?? ''}`}>
                <th scope="row">
                  <code>{peerText(value.fingerprint)}</code>
                </th>
                <td>{value.repo === undefined ? 'every repository' : peerText(value.repo)}</td>
                <td>{peerText(value.reason)}</td>
                <td>
                  <Time at={value.time} /> by {peerText(value.actor)}
                </td>
                {mayChange && (
                  <td>
                    <ConfirmForm
                      viewer={viewer}
                      action="/-/masking/disallow"
                      summary="Mask again"
                      fields={{
                        fingerprint: value.fingerprint,
                        allowedIn: value.repo ?? '',
                        ...(repo === undefined ? { back } : { repo }),
                      }}
                      button="Mask it again"
                    >
                      Views that show it are made anew; clones that have it keep it.
                    </ConfirmForm>
                  </td>
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

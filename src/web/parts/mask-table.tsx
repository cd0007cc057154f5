import type { MaskState, MaskStatus } from '../../domain/mask.ts';
import { progressText } from '../mask-words.ts';
import { peerText } from './peer-text.ts';
import { bytesText, Empty, Time } from './pieces.tsx';

const tones: Readonly<Record<MaskState, 'good' | 'wait' | 'bad' | 'mild'>> = {
  unknown: 'mild',
  scanning: 'wait',
  review: 'wait',
  building: 'wait',
  ready: 'good',
  stopped: 'mild',
  failed: 'bad',
};

/** How far a view is, as a coloured word. */
export function MaskTag({ state }: { readonly state: MaskState }) {
  return <span class={`tag ${tones[state]}`}>{state}</span>;
}

/** How far something is that is being made, drawn and in words. */
export function Progress({ status: { progress } }: { readonly status: MaskStatus }) {
  if (progress === undefined) return null;
  const { done, total } = progress;
  const text = progressText(progress);
  return (
    <>
      <progress
        aria-label={text}
        {...(total === undefined ? {} : { value: Math.min(done, total), max: total || 1 })}
      />{' '}
      <span class="muted">{text}</span>
    </>
  );
}

/** The page of one repository. */
export function maskHref(repo: string): string {
  return `/-/masking/${repo.split('/').map(encodeURIComponent).join('/')}`;
}

/** Every repository that was looked at. */
export function MaskTable({ all }: { readonly all: readonly MaskStatus[] }) {
  if (all.length === 0)
    return (
      <Empty>
        <p>
          No repository was looked at yet. A first masked read begins to search it, and so does the form
          below.
        </p>
      </Empty>
    );
  return (
    <div class="scroll">
      <table>
        <caption class="unseen">Repositories and how far their views are</caption>
        <thead>
          <tr>
            <th scope="col">Repository</th>
            <th scope="col">State</th>
            <th scope="col" class="number">
              Values
            </th>
            <th scope="col" class="number">
              Changed commits
            </th>
            <th scope="col" class="number">
              Disk
            </th>
            <th scope="col">Synced</th>
            <th scope="col">Note</th>
          </tr>
        </thead>
        <tbody>
          {all.map((one) => (
            <tr key={one.repo}>
              <th scope="row">
                <a href={maskHref(one.repo)}>{peerText(one.repo)}</a>
              </th>
              <td>
                <MaskTag state={one.state} />
              </td>
              <td class="number">{one.values}</td>
              <td class="number">
                {one.commits !== undefined && `${one.changedCommits ?? 0} of ${one.commits}`}
              </td>
              <td class="number">{one.bytes !== undefined && bytesText(one.bytes)}</td>
              <td>{one.syncedAt !== undefined && <Time at={one.syncedAt} />}</td>
              <td>
                <Progress status={one} />
                {one.problem !== undefined && peerText(one.problem)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The way to a repository that is not in the table. */
export function OtherRepoForm() {
  return (
    <form class="card" method="get" action="/-/masking">
      <h2>Another repository</h2>
      <div class="row">
        <p>
          <label for="repo">Repository</label>
          <input id="repo" name="repo" required maxLength={512} placeholder="acme/web" />
        </p>
        <button type="submit">Look at it</button>
      </div>
      <p class="hint">
        What an agent calls a commit may have another name upstream: <a href="/-/oid">look up an oid</a>.
      </p>
    </form>
  );
}

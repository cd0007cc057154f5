import type { OidPair, PlaceholderUse, ViewMode } from '../../domain/mask.ts';
import type { EventPayloads } from '../../domain/record.ts';
import { peerText } from './peer-text.ts';
import { counted, ShortOid } from './pieces.tsx';
import { More, maxRows, type Tellers, type ToldEvent, Updates } from './told.tsx';

/** How a client read that did not read in clear. */
export const viewTexts: Readonly<Record<ViewMode, string>> = {
  masked: 'through a masked view',
  'deny-secrets': 'refs without secrets only',
  cut: 'the newest history without secrets only',
};

const uses: Readonly<Record<PlaceholderUse['how'], string>> = {
  'new-line': 'on a line where the secret was not',
  'new-file': 'in a file that was not there',
  'sensitive-path': 'carried to where the host runs things or reads its settings',
  symlink: 'in a symbolic link',
};

/** A push of a reader of a view, as it was put back onto the originals: both oids of what changed. */
export function toldRestored({
  updates,
  pairs,
  pairCount,
  placeholders,
}: EventPayloads['push.restored']): ToldEvent {
  const moved = placeholders.length > 0;
  return {
    title: moved
      ? `Put back onto the originals, with ${counted(placeholders.length, 'placeholder')} out of place`
      : 'Put back onto the originals',
    tone: moved ? 'wait' : 'mild',
    body: (
      <>
        <Updates updates={updates} />
        <Pairs pairs={pairs} count={pairCount} />
        <Placeholders uses={placeholders} />
      </>
    ),
  };
}

function Pairs({ pairs, count }: { readonly pairs: readonly OidPair[]; readonly count: number }) {
  if (count === 0) return <p>every object goes as it was pushed</p>;
  return (
    <ul>
      {pairs.slice(0, maxRows).map(({ view, original }) => (
        <li key={`${view} ${original}`}>
          in the view <ShortOid oid={view} />, upstream <ShortOid oid={original} />
        </li>
      ))}
      <More of={count} />
    </ul>
  );
}

/** Placeholders that stand where their secrets were not: which, where, and how they came there. */
export function Placeholders({ uses: list }: { readonly uses: readonly PlaceholderUse[] }) {
  if (list.length === 0) return null;
  return (
    <ul class="findings">
      {list.slice(0, maxRows).map(({ how, rule, path, line, commit }, at) => (
        <li key={at}>
          <span class="tag wait">placeholder</span> {`of ${peerText(rule)} in `}
          <code>{`${peerText(path)}${line === undefined ? '' : `:${line}`}`}</code>
          {`, ${uses[how]}, commit `}
          <ShortOid oid={commit} />
        </li>
      ))}
      <More of={list.length} />
    </ul>
  );
}

/** What administrators changed of masking, and what came of it. */
export const adminMaskTellers: Tellers = {
  'mask.view-served': ({ target, epoch, values, changedCommits, commits }) => ({
    title: `The view of ${peerText(target)} is served`,
    tone: 'good',
    body: (
      <p>{`epoch ${epoch}, ${counted(values, 'value')} masked, ${changedCommits} of ${counted(commits, 'commit')} changed`}</p>
    ),
  }),
  'admin.mask-allowed': ({ fingerprint, repo, reason }) => ({
    title: `A value is shown in clear ${whereText(repo)}`,
    tone: 'wait',
    body: (
      <>
        <blockquote>{peerText(reason)}</blockquote>
        <p>
          <code>{peerText(fingerprint)}</code>
        </p>
      </>
    ),
  }),
  'admin.mask-disallowed': ({ fingerprint, repo }) => ({
    title: `A value is masked again ${whereText(repo)}`,
    tone: 'mild',
    body: (
      <p>
        <code>{peerText(fingerprint)}</code>
      </p>
    ),
  }),
  'admin.mask-enabled': ({ repo, values, changedCommits, commits }) => ({
    title: `The masked view of ${peerText(repo)} is enabled`,
    tone: 'good',
    body: (
      <p>{`${counted(values, 'value')} masked, ${changedCommits} of ${counted(commits, 'commit')} changed`}</p>
    ),
  }),
  'admin.mask-disabled': ({ repo }) => ({
    title: `The masked view of ${peerText(repo)} is disabled`,
    tone: 'wait',
  }),
  'admin.mask-rebuilt': ({ repo }) => ({ title: `The view of ${peerText(repo)} is made anew`, tone: 'mild' }),
  'admin.mask-stopped': ({ repo }) => ({ title: `The view of ${peerText(repo)} is stopped`, tone: 'wait' }),
  'admin.mask-resumed': ({ repo }) => ({ title: `The view of ${peerText(repo)} goes on`, tone: 'mild' }),
};

function whereText(repo: string | undefined): string {
  return repo === undefined ? 'in every repository' : `in ${peerText(repo)}`;
}
